"""The demo site: every address has the outcome that the manifest gives it."""

import json
import re

import pytest

import harness

MANIFEST = json.loads((harness.SITE / "MANIFEST.json").read_text(encoding="utf-8"))


def allowed(row):
    return row["outcome"] if isinstance(row["outcome"], list) else [row["outcome"]]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("demo")
    with harness.demo_site(tmp / "nginx") as web:
        result, out = harness.crawl(
            tmp / "crawl", "-q", "--delay", "0", "--per-host", "4", web.url("/"), timeout=120
        )
        log = web.log()
    return web, result, out, log


def absolute(web, row):
    return row["url"] if "url" in row else web.url(row["path"])


def test_the_crawl_ends_well(crawled):
    _, result, _, _ = crawled
    assert result.rc == 0, result.err


def test_every_row_of_the_manifest_has_its_outcome(crawled):
    web, _, out, _ = crawled
    outcomes = out.outcomes()
    wrong = [
        (absolute(web, row), outcomes.get(absolute(web, row)), row["outcome"])
        for row in MANIFEST["urls"]
        if "pattern" not in row and outcomes.get(absolute(web, row)) not in allowed(row)
    ]
    assert wrong == []


def test_every_answer_has_the_status_of_its_row(crawled):
    web, _, out, _ = crawled
    status = {p["url"]: p["status"] for p in out.pages()}
    rows = {absolute(web, row): row["status"] for row in MANIFEST["urls"] if "status" in row}
    assert {u: s for u, s in rows.items() if status.get(u) != s} == {}


def test_nothing_else_was_found(crawled):
    web, _, out, _ = crawled
    known = {absolute(web, row) for row in MANIFEST["urls"] if "pattern" not in row}
    known |= {web.url(p) for p in MANIFEST["unreported"]}
    known |= {web.url(p) if p.startswith("/") else p for p in MANIFEST["optional"]}
    patterns = [re.compile(row["pattern"]) for row in MANIFEST["urls"] if "pattern" in row]
    extra = [
        url
        for url in out.outcomes()
        if url not in known and not any(p.search(url.removeprefix(web.url(""))) for p in patterns)
    ]
    assert extra == []


def test_what_is_no_link_is_not_asked_for(crawled):
    _, _, _, log = crawled
    assert [row["uri"] for row in log if row["uri"].startswith(MANIFEST["never"])] == []


def test_robots_txt_is_asked_for_first_and_obeyed(crawled):
    _, _, _, log = crawled
    assert log[0]["uri"] == "/robots.txt"
    private = [row["uri"] for row in log if row["uri"].startswith("/private/")]
    assert private == ["/private/open.html"]


def test_pages_that_only_the_sitemap_knows_are_fetched(crawled):
    web, _, out, _ = crawled
    pages = {p["url"]: p for p in out.pages()}
    for name in ("lamp-room", "cellar"):
        assert pages[web.url(f"/sitemap-only/{name}.html")]["kind"] == "sitemap"
    assert pages[web.url("/sitemap-only/stairs.html")]["via"] == web.url("/sitemap-only/lamp-room.html")


def test_a_redirect_tells_where_it_leads(crawled):
    web, _, out, _ = crawled
    to = {p["url"]: p.get("redirect_to") for p in out.pages()}
    chain = ["/moved/a", "/moved/b", "/moved/c", "/moved/d", "/moved/end.html"]
    for source, target in zip(chain, chain[1:]):
        assert to[web.url(source)] == web.url(target)
    assert to[web.url("/moved/loop-2")] == web.url("/moved/loop-1")


def test_circles_of_redirects_end(crawled):
    web, _, out, log = crawled
    for path in ("/moved/loop-1", "/moved/loop-2", "/moved/self"):
        assert sum(row["uri"] == path for row in log) == 1
    for row in MANIFEST["urls"]:
        if "pattern" in row:
            spiral = [
                outcome
                for url, outcome in out.outcomes().items()
                if re.search(row["pattern"], url.removeprefix(web.url("")))
            ]
            assert 1 < len(spiral) <= row["at_most"]
            assert set(spiral) == set(allowed(row))


def test_a_broken_link_tells_the_page_it_stands_on(crawled):
    web, _, out, _ = crawled
    via = {p["url"]: p.get("via") for p in out.pages()}
    assert via[web.url("/boats/sunk.html")] == web.url("/boats/")
    assert via[web.url("/gallery/lent.png")] == web.url("/gallery/")
    assert via[web.url("/img/lost.svg")] == web.url("/style/harbour.css")


def test_titles_are_read_in_the_page_s_own_charset(crawled):
    web, _, out, _ = crawled
    title = {p["url"]: p.get("title") for p in out.pages()}
    assert title[web.url("/languages/latin1.html")] == "Le café du port"
    assert title[web.url("/languages/sjis.html")] == "港の灯台"
    assert title[web.url("/languages/utf16.html")] == "Der Hafen"


def test_every_outcome_is_accounted_for_in_the_archive(crawled):
    web, _, out, _ = crawled
    archived = out.archived()
    for page in out.pages():
        assert len(archived[page["url"]]) == 1, page["url"]


def test_trawl_demo_serves_and_crawls_the_site_itself(tmp_path):
    result = harness.trawl("demo", "-o", tmp_path / "crawl", timeout=120)
    assert result.rc == 0, result.err
    pages = harness.Output(tmp_path / "crawl").pages()
    expected = sum("status" in row for row in MANIFEST["urls"])
    assert len(pages) >= expected
