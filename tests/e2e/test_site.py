"""The demo site is what its manifest says: told by Python alone, without Trawl."""

import json
import re

import pytest

import closure
import harness

MANIFEST = json.loads((harness.SITE / "MANIFEST.json").read_text(encoding="utf-8"))
CLASSES = {2: "ok", 3: "redirect", 4: "http-4xx", 5: "http-5xx"}


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    with harness.demo_site(tmp_path_factory.mktemp("site") / "nginx") as web:
        yield web


def denied(url):
    return "/private/" in url and not url.endswith("/open.html")


def test_the_server_answers_every_row_with_its_status(web):
    fetch = closure.from_server()
    for row in MANIFEST["urls"]:
        if "status" in row:
            assert fetch(web.url(row["path"])).status == row["status"], row


def test_a_rows_outcome_fits_its_status(web):
    for row in MANIFEST["urls"]:
        if "status" in row:
            outcomes = row["outcome"] if isinstance(row["outcome"], list) else [row["outcome"]]
            assert CLASSES[row["status"] // 100] in outcomes, row


def test_the_rows_are_what_links_and_sitemap_lead_to(web):
    endless = [re.compile(r["pattern"]) for r in MANIFEST["urls"] if "pattern" in r]

    def stop(url):
        path = url.removeprefix(web.url(""))
        return denied(url) or any(p.search(path) for p in endless)

    fetch = closure.from_server()
    found = set()
    for row in MANIFEST["urls"]:
        if row.get("via") == "sitemap":
            assert row["path"].encode() in fetch(web.url("/sitemap-pages.xml")).body
            found |= set(closure.closure(fetch, web.url(row["path"]), denied=stop))
    linked = set(closure.closure(fetch, web.url("/"), denied=stop))
    only_by_sitemap = {web.url(r["path"]) for r in MANIFEST["urls"] if "sitemap-only" in r.get("path", "")}
    assert not linked & only_by_sitemap
    expected = {web.url(r["path"]) for r in MANIFEST["urls"] if "status" in r}
    assert found | linked == expected


def test_the_big_page_is_big_and_ends_with_a_link():
    text = (harness.SITE / "www" / "almanac.html").read_text(encoding="utf-8")
    assert len(text) > 100_000
    assert text.index("after-the-almanac.html") > 100_000


def test_robots_and_sitemap_name_this_server(web):
    fetch = closure.from_server()
    robots = fetch(web.url("/robots.txt")).body.decode()
    assert f"Sitemap: {web.url('/sitemap.xml')}" in robots
    assert web.url("/sitemap-pages.xml") in fetch(web.url("/sitemap.xml")).body.decode()
