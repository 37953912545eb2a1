"""--extract: fields in pages.jsonl, from the command line and from a job file."""

import pytest

import harness

SHOP = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title></head><body>
<h1>Kettles &amp; pans</h1>
<ul class="offers">
<li><a href="/kettle.html">Kettle</a> <span class="price">12.50 &euro;</span>
<li><a href="/pan.html" title="Iron  pan">Pan</a> <span class="price">30 &euro;</span>
</ul>
<script type="application/ld+json">
{"@type": "Store",  "name": "Kestrel"}
</script>
</body></html>
"""
PAN = "<meta charset=windows-1252><h1>Pan</h1><p class=price>30 \u20ac".encode("cp1252")
FIELDS = {
    "heading": "h1",
    "prices[]": ".price::text",
    "links[]": ".offers > li > a::attr(href)",
    "second": ".offers > li:nth-child(2) > a::attr(title)",
    "data": "script[type='application/ld+json']::text",
    "none": "h2",
}


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("fields")
    www = tmp / "www"
    www.mkdir()
    (www / "index.html").write_text(SHOP, encoding="utf-8")
    (www / "pan.html").write_bytes(PAN)
    (www / "data.txt").write_text("<h1>no page</h1>")
    (www / "kettle.html").write_text("<a href=data.txt>data</a><a href=/missing>x</a>")
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@;
            types {{ text/html html; text/plain txt; }}
            root "{www}";
        }}"""
    with harness.nginx(tmp / "nginx", server) as web:
        yield web


def check(web, pages):
    fields = {p["url"].removeprefix(web.url("")): p.get("fields") for p in pages}
    root = fields["/"]
    assert root == {
        "heading": "Kettles & pans",
        "prices": ["12.50 \u20ac", "30 \u20ac"],
        "links": ["/kettle.html", "/pan.html"],
        "second": "Iron  pan",
        "data": '{"@type": "Store",  "name": "Kestrel"}',
    }
    assert list(root) == [name.removesuffix("[]") for name in FIELDS if name != "none"]
    assert fields["/pan.html"] | {"prices": ["30 \u20ac"], "heading": "Pan"} == fields["/pan.html"]
    # What was not found is absent, not null; of a list that is to have all, it is that there are none.
    assert fields["/kettle.html"] == {"prices": [], "links": []}
    # Of what is no page, and of no answer, there are none.
    assert fields["/data.txt"] is None and fields["/missing"] is None


def test_a_crawl_writes_the_fields_of_its_pages(web, tmp_path):
    flags = [f"--extract={name}={selector}" for name, selector in FIELDS.items()]
    result, out = harness.crawl(tmp_path / "out", "--allow-net", "127.0.0.0/8", *flags, web.url("/"))
    assert result.rc == 0, result.err
    check(web, out.pages())


def test_a_crawl_without_fields_writes_none(web, tmp_path):
    result, out = harness.crawl(tmp_path / "out", "--allow-net", "127.0.0.0/8", web.url("/"))
    assert result.rc == 0, result.err
    assert out.pages() and not any("fields" in p for p in out.pages())


def test_the_job_file_that_a_crawl_leaves_takes_the_same_fields(web, tmp_path):
    job = tmp_path / "job.yaml"
    job.write_text(
        f"seeds: ['{web.url('/')}']\nnet:\n  allow_net: 127.0.0.0/8\ncrawl:\n  extract:\n"
        + "".join(f'  - "{name}={selector}"\n' for name, selector in FIELDS.items())
    )
    assert harness.trawl("check", job).rc == 0
    for out in (tmp_path / "first", tmp_path / "second"):
        result = harness.trawl("run", job, "-o", out)
        assert result.rc == 0, result.err
        check(web, harness.Output(out).pages())
        job = out / "job.yaml"


def test_a_wrong_field_of_a_job_file_is_told_with_its_line(tmp_path):
    job = tmp_path / "job.yaml"
    job.write_text("seeds: [http://a.test/]\ncrawl:\n  extract:\n  - a=p\n  - b=p:has(i)\n")
    result = harness.trawl("check", job)
    assert result.rc == 2
    assert f"{job}:5:5: crawl.extract: column 4 of 'b=p:has(i)': ':has' depends on what comes later" in result.err
