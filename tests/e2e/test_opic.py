"""--order opic: what many pages link to is fetched early."""

import pytest

import harness

LEAVES = 60  # pages that the home page links to; each has five links of its own
HUBS = ["hub-a", "hub-b", "hub-c"]  # which all, half and a third of them link to, too


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("opic")
    www = tmp / "www"
    www.mkdir()

    def page(name, links):
        (www / f"{name}.html").write_text("<!DOCTYPE html><p>" + "".join(f"<a href={k}.html>{k}</a>" for k in links))

    page("index", [f"leaf{i}" for i in range(LEAVES)])
    for i in range(LEAVES):
        own = [f"own{i}-{k}" for k in range(5)]
        page(f"leaf{i}", own + [hub for n, hub in enumerate(HUBS, 1) if i % n == 0])
        for name in own:
            page(name, [])
    for hub in HUBS:
        page(hub, ["leaf0"])
    with harness.nginx(tmp / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        yield web


def places(web, directory, *options):
    """When each page was fetched, counted from 0."""
    result, out = harness.crawl(directory, "-q", "--delay", "5ms", "--no-traps", *options, web.url("/"))
    assert result.rc == 0, result.err
    names = [p["url"].rpartition("/")[2].removesuffix(".html") for p in out.pages()]
    assert len(set(names)) == len(names) == 1 + LEAVES * 6 + len(HUBS)
    return {name: i for i, name in enumerate(names)}


def test_what_many_pages_link_to_is_fetched_before_others(web, tmp_path):
    bfs = places(web, tmp_path / "bfs")
    opic = places(web, tmp_path / "opic", "--order", "opic")
    for hub in HUBS:
        assert bfs[hub] > LEAVES
        assert opic[hub] < LEAVES * 3 // 4, opic[hub]
    assert opic[HUBS[0]] < opic[HUBS[2]]
    # What one page alone links to comes later.
    assert min(at for name, at in opic.items() if name.startswith("own")) > opic[HUBS[0]]


def test_a_crawl_that_is_stopped_goes_on_in_that_order(web, tmp_path):
    args = ["-q", "--delay", "5ms", "--no-traps", "--order", "opic", "--max-pages", "5"]
    result, _ = harness.crawl(tmp_path / "c", *args, web.url("/"))
    assert result.rc == 0, result.err
    result = harness.trawl("resume", "-q", "--max-pages", "100000", tmp_path / "c")
    assert result.rc == 0, result.err
    names = [p["url"].rpartition("/")[2].removesuffix(".html") for p in harness.Output(tmp_path / "c").pages()]
    assert len(set(names)) == len(names) == 1 + LEAVES * 6 + len(HUBS)
    assert names.index(HUBS[0]) < LEAVES // 2, names[:LEAVES]
    assert harness.trawl("status", "--verify", tmp_path / "c").rc == 0
