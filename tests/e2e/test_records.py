"""Records for programs: pages.jsonl holds to its published schema, and what can be asked of it."""

import json

import pytest

import harness

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads((harness.SRCDIR / "doc" / "pages.schema.json").read_text())
MAIN = "Copper kettles boil water quicker than iron ones, which keep it warm for longer once they are off the stove. "
ROOT = f"""<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Kettles</title>
<meta name=robots content="noarchive, nosnippet"><meta name=description content="All kettles">
<link rel=canonical href=/all><nav><a href=/>Home</a> <a href=/gone>Gone</a> <a href=/go>Go</a></nav>
<main><p>{MAIN * 3}</p><p><b>Shops</b> &amp; \u20ac <a href=/late>late</a> <a href=/broken>b</a></p></main>
<img src=/i.png srcset="/i2.png 2x"><script src=/s.js></script><link rel=stylesheet href=/s.css>
<form action=/f></form><iframe src=/frame></iframe><a href="http://other.test/">other</a></html>
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    www = tmp_path_factory.mktemp("www")
    (www / "index.html").write_text(ROOT, encoding="utf-8")
    (www / "s.css").write_text("@import '/t.css'; p { background: url(/bg.png) }")
    server = f"""server {{
        listen 127.0.0.1:@PORT@;
        types {{ text/html html; text/css css; }}
        root "{www}";
        location = /go {{ return 301 /late; }}
        location = /late {{ default_type text/html; add_header X-Robots-Tag
            "unavailable_after: 25 Jun 2010 15:00:00 PST"; return 200 "<title>Late</title><p>a"; }}
        location = /broken {{ default_type text/html; add_header Content-Encoding gzip; return 200 "no gzip"; }}
        location = /frame {{ return 500; }}
    }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


def crawl(web, where, *options):
    result, out = harness.crawl(where, "-q", "--delay", "0", "--retries", "0", *options, web.url("/"))
    assert result.rc == 0, result.err
    return {p["url"].removeprefix(web.url("")): p for p in out.pages()}


def judge():
    """No member may be there that the schema does not know: whoever adds one writes it down."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    strict = json.loads(json.dumps(SCHEMA))
    for part in (strict, strict["properties"]["ms"], strict["properties"]["warc"]):
        part["additionalProperties"] = False
    return jsonschema.Draft7Validator(strict)


def test_every_line_of_a_crawl_holds_to_the_schema(web, tmp_path):
    options = "--requisites", "--text", "--simhash", "--extract", "a[]=a::attr(href)", "--extract", "h=h1"
    pages = crawl(web, tmp_path / "out", *options)
    schema = judge()
    for page in pages.values():
        schema.validate(page)
    assert {"/", "/gone", "/go", "/late", "/broken", "/s.css", "/t.css", "/bg.png", "/frame"} <= set(pages)
    seen = set().union(*pages.values())
    # All but the quarantine and what only some servers cause came to be judged.
    assert set(SCHEMA["properties"]) - seen <= {"quarantine"}
    for page in crawl(web, tmp_path / "plain", "--sink", "jsonl").values():
        schema.validate(page)
        assert not {"text", "fields", "simhash", "warc"} & set(page)


def test_the_schema_refuses_what_is_wrong(web, tmp_path):
    good = crawl(web, tmp_path / "out", "--max-pages", "1")["/"]
    schema = judge()
    wrong = [{"v": 2}, {"outcome": "robots-denied"}, {"kind": "x"}, {"links": -1}, {"status": "200"}, {"more": 1},
             {"digest": "sha1:x"}, {"fields": {"a": 1}}, {"ms": {}}, {"fetched_at": "yesterday"}]  # fmt: skip
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            schema.validate(good | change)
    for name in SCHEMA["required"]:
        with pytest.raises(jsonschema.ValidationError):
            schema.validate({k: v for k, v in good.items() if k != name})


def test_the_main_text_comes_when_asked(web, tmp_path):
    pages = crawl(web, tmp_path / "out", "--text", "--requisites")
    first, *rest = pages["/"]["text"].split("\n")
    assert first == (MAIN * 3).strip()
    assert "Home" not in pages["/"]["text"] and "simhash" not in pages["/"]
    assert "text" not in pages["/s.css"] and "text" not in pages["/go"]
