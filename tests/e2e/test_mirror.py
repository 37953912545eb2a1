"""--sink mirror: a copy of a site that can be browsed from the disk, and served again."""

import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import time
import urllib.parse
import zlib
from pathlib import Path

import pytest

import browser
import harness
from test_closure import docs_root


def png(width, height, colour):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(colour) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))  # fmt: skip


# Names of files, and what nginx is to answer: whatever there is in names, charsets, redirects.
HOME = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Home</title>
<link rel=stylesheet href="/style.css?v=2" integrity="sha384-AAAA" crossorigin>
<link rel="canonical" href="/"><meta http-equiv="Content-Security-Policy" content="default-src 'self'">
<style>@import "sub/more.css"; .b { background: url( '/img/b.png' ) }</style></head>
<body style="background-image:url(&quot;img/bg.png&quot;)"><h1>Home</h1>
<img id=plain src=/img/a.png alt=a><img id=set srcset="img/a.png 1x, /img/b.png 2x" src="/img/a.png?size=big">
<picture><source srcset="/img/b.png"><img id=pic src="/img/a.png"></picture>
<img id=moved src="/old.png"><img id=off src="http://127.0.0.2:@PORT@/off.png">
<svg width=20 height=20><image id=svgimg xlink:href="/img/a.png" width=20 height=20 /></svg>
<div class=a id=styled>styled</div><div class=b id=inner>inner</div>
<a href="about">about</a> <a href="/about/team">team</a> <a href="/p?x=1">1</a> <a href="/p?x=2&amp;y=%2f#part">2</a>
<a href="/Caps.html">caps</a> <a href="/caps.html">caps</a> <a href="/umlaut/%C3%BC%20%25.html">u</a>
<a href="/gone.html#x">gone</a> <a href="/moved">moved</a> <a href="#here">here</a> <a href="mailto:a@b">m</a>
<a href='/con'>con</a> <a href="/latin">latin</a> <a href="/sjis">sjis</a> <a href="/utf16.html">u16</a> <a href="/based.html">based</a>
<a href="http://127.0.0.1:1/else">else</a> <a href="/v1.x/index.html">v</a> <a href="/v1.x/">v</a> <a href="/long/@LONG@">l</a>
<a href="/data.bin">data</a> <a href="/zip">zipped</a> <a href="/frame.html">frame</a> <a href="/drawing.svg">drawing</a>
<form action="/search" method=post><input name=q></form><form action="/p"><button formaction="/about">b</button></form>
<script>var a = "/img/a.png";</script><!-- <a href="/comment"> -->
<p id=here>This is <b>&amp; stays</b>.
"""


def site(www, port):
    long = "x" * 180 + "/" + "y" * 180
    files = {
        "index.html": HOME.replace("@PORT@", str(port)).replace("@LONG@", long),
        "about": '<title>About</title><a href="/">home</a><a href="about/team">team</a>',
        "about/team": "" , "Caps.html": "<p>CAPS", "caps.html": "<p>small",
        "umlaut/ü %.html": '<p>umlaut<a href="../">up</a>', "con": "<p>con", "p": '<title>p</title><p id=part>p<a href="?x=1">one</a>',
        "based.html": '<head><base href="/about/" target=_top></head><a href="team">t</a><a href="#frag">f</a><a href="?q">q</a>',
        "style.css": '.a { background: url(img/b.png) } @font-face { src: url(/gone.woff) }',
        "sub/more.css": '.b { color: rgb(1,2,3) } /* url(no) */',
        "v1.x/index.html": "<p>v1.x", "v1.x": None, f"long/{long}": "<p>long", "data.bin": "\0\1", "gzipped.html": "",
        "frame.html": '<iframe src="/caps.html"></iframe><meta http-equiv=refresh content="999; url=/about">',
        "drawing.svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'
                       '<style>rect { fill: url(#g) }</style><a xlink:href="/caps.html"><image href="img/a.png" width="9" height="9"/></a></svg>',
    }  # fmt: skip
    for name, text in files.items():
        path = www / name
        if text is None or name in ("about", "gzipped.html"):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (www / "about/team").write_text('<p>Team<a href="../p?x=2&amp;y=%2f">p</a>')
    (www / "about.page").write_text(files["about"])
    (www / "latin").write_bytes("<head></head><p id=t>K\xe4se <a href='/k\xe4se?\xe4'>k</a>".encode("latin-1"))
    (www / "sjis").write_bytes("<title>\u8868</title><p id=t>\u8868\u793a<a href='/p?\u8868'>k</a>".encode("shift_jis"))
    (www / "utf16.html").write_bytes('\ufeff<p id=t>\u4e2d<a href="/about">a</a>'.encode("utf-16-le"))
    (www / "zip").write_bytes(b"<p id=t>unzipped <a href=about>a</a>")
    (www / "img").mkdir()
    for name, colour in (("a", (255, 0, 0)), ("b", (0, 160, 0)), ("bg", (230, 230, 255))):
        (www / f"img/{name}.png").write_bytes(png(40, 30, colour))
    (www / "off.png").write_bytes(png(16, 16, (0, 0, 255)))


SERVERS = """
    server {
        listen 127.0.0.1:@PORT@; listen 127.0.0.2:@PORT@;
        root "@RUN@/www"; absolute_redirect off; charset_types text/html;
        gzip on; gzip_min_length 1; gzip_types text/css;
        location = /about { default_type text/html; try_files /about.page =404; }
        location = /about/team { default_type text/html; }
        location = /con { default_type text/html; }
        location = /p { default_type text/html; charset utf-8; }
        location = /latin { default_type text/html; charset iso-8859-1; }
        location = /sjis { default_type text/html; charset shift_jis; override_charset on; }
        location = /zip { default_type text/html; }
        location /long/ { default_type text/html; }
        location = /moved { return 302 /moved/again; }
        location = /moved/again { return 301 /about; }
        location = /old.png { return 301 /img/b.png; }
    }
"""
SEEN = ("--delay", "0", "--allow-net", "127.0.0.0/8", "--sink", "mirror", "--sink", "jsonl", "--requisites", "--retries", "0")


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    with harness.nginx(tmp_path_factory.mktemp("web") / "run", SERVERS) as web:
        (web.run / "www").mkdir()
        site(web.run / "www", web.port)
        yield web


@pytest.fixture(scope="module")
def mirror(web, tmp_path_factory):
    result, out = harness.crawl(tmp_path_factory.mktemp("mirror") / "c", *SEEN, web.url("/"))
    assert result.rc == 0, result.err
    return out.dir / "mirror"


def text(path):
    return path.read_text(encoding="utf-8", errors="replace")


def tree(top):
    return {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}


def test_names(mirror, web):
    names = {n.partition("/")[2] for n in tree(mirror) if n.startswith(f"127.0.0.1+{web.port}/")}
    plain = {n for n in names if "~" not in n}
    assert {"index.html", "about+.html", "about/team+.html", "p@x%3d1.html", "caps.html", "img/a.png", "style.css@v%3d2.css",
            "img/a.png@size%3dbig.png", "umlaut/%c3%bc%20%2525.html", "%63on+.html", "v1.x+/index.html", "v1.x+/+index.html",
            "data.bin", "sub/more.css", "drawing.svg"} <= plain  # fmt: skip
    (caps,) = [n for n in names if n.lower().startswith("caps~")]
    assert re.fullmatch(r"Caps~[0-9a-f]{16}\.html", caps)
    assert len({n.lower() for n in names}) == len(names)
    assert not any(n.startswith(("moved", "old")) for n in names), "a redirect is no file"
    assert (mirror / f"127.0.0.2+{web.port}" / "off.png").exists()
    assert "gone" not in str(names) and "comment" not in str(names)


def test_links_lead_to_files_or_to_the_origin(mirror, web):
    home = text(mirror / f"127.0.0.1+{web.port}/index.html")
    origin = web.url("")
    for there in ('href="style.css@v%253d2.css"', 'href="about+.html"', 'href="p@x%253d1.html"', '@import "sub/more.css"',
                  "url( 'img/b.png' )", "url(&quot;img/bg.png&quot;)", 'srcset="img/a.png 1x, img/b.png 2x"', "src=img/a.png alt",
                  f'src="../127.0.0.2+{web.port}/off.png"', 'id=moved src="img/b.png"', 'xlink:href="img/a.png"',
                  'href="about+.html">moved', f'href="{origin}/gone.html#x"', 'href="#here"', 'href="mailto:a@b"',
                  'href="http://127.0.0.1:1/else"', f'action="{origin}/search"', 'var a = "/img/a.png"', '<!-- <a href="/comment"> -->',
                  "<b>&amp; stays</b>", f'rel="canonical" href="{origin}/"', 'Content-Security-Policy" content=""',
                  'formaction="about+.html"', "%252525.html"):  # fmt: skip
        assert there in home, there
    assert "integrity" not in home and "crossorigin" not in home
    assert re.search(r'href="p@x%253d2[^"]*\.html#part"', home)
    based = text(mirror / f"127.0.0.1+{web.port}/based.html")
    assert '<base href="" target=_top>' in based and 'href="about/team+.html"' in based and f'href="{origin}/about/#frag"' in based


def test_bytes_that_are_no_link_stay(mirror, web):
    """Put back, what was rewritten gives what was sent."""
    served = (web.run / "www" / "v1.x/index.html").read_bytes()
    assert (mirror / f"127.0.0.1+{web.port}/v1.x+/index.html").read_bytes() == served
    for name in ("img/a.png", "data.bin"):
        assert (mirror / f"127.0.0.1+{web.port}" / name).read_bytes() == (web.run / "www" / name).read_bytes()
    cut = re.compile(r"""(href|src|srcset|action|formaction|content|style)=("[^"]*"|'[^']*'|[^\s>]*)|url\([^)]*\)|@import "[^"]*"|integrity="[^"]*"|crossorigin""")
    was, now = ((web.run / "www" / "index.html").read_text(), text(mirror / f"127.0.0.1+{web.port}/index.html"))
    assert [p.split() for p in cut.sub("", was).splitlines()] == [p.split() for p in cut.sub("", now).splitlines()]


def test_the_first_page_lists_the_seeds(mirror, web):
    assert f'<a href="127.0.0.1+{web.port}/index.html">{web.url("/")}</a>' in text(mirror / "index.html")


def test_no_name_leaves_or_depends_on_the_order(web, mirror, tmp_path):
    """The same URLs in another order have the same files; a stopped crawl that goes on, too."""
    result, out = harness.crawl(tmp_path / "c", *SEEN, "--order", "dfs", "--max-pages", "7", web.url("/"))
    assert result.rc == 0, result.err
    some = tree(out.dir / "mirror")
    assert 3 < len(some) < len(tree(mirror))
    result = harness.trawl("resume", out.dir, "--max-pages", "none")
    assert result.rc == 0, result.err
    assert tree(out.dir / "mirror") == tree(mirror)


@pytest.mark.parametrize("links", ["relative", "keep"])
def test_index_html_has_its_name_until_the_directory_has_a_page(tmp_path, links):
    root = tmp_path / "www"
    (root / "d").mkdir(parents=True)
    (root / "d" / "index.html").write_text("<p>index<a href=other.html>o</a>")
    (root / "d" / "index.js").write_text("1")
    (root / "d" / "other.html").write_text("<script src=index.js></script><a href=./>dir</a>")
    with harness.nginx(tmp_path / "run", SERVE.replace("@ROOT@", str(root)).replace("index index.html", "index other.html")) as web:
        args = ("--delay", "0", "--sink", "mirror", "--mirror-links", links, "--max-pages", "1")
        result, out = harness.crawl(tmp_path / "c", "-q", *args, web.url("/d/index.html"))
        assert result.rc == 0, result.err
        top = out.dir / "mirror" / f"127.0.0.1+{web.port}" / "d"
        assert {p.name for p in top.iterdir()} == {"index.html"} and "<p>index" in text(top / "index.html")
        for _ in range(2):
            result = harness.trawl("resume", out.dir, "--max-pages", "none")
            assert result.rc == 0, result.err
            assert {p.name for p in top.iterdir()} == {"index.html", "+index.html", "index.js", "other.html"}
            assert "<p>index" in text(top / "+index.html") and "dir</a>" in text(top / "index.html")


def test_files_can_be_left_out_and_links_be_kept(web, tmp_path):
    result, out = harness.crawl(tmp_path / "c", *SEEN, "--mirror-max-file", "100", web.url("/"))
    assert result.rc == 0, result.err
    small = tree(out.dir / "mirror" / f"127.0.0.1+{web.port}")
    assert "v1.x+/index.html" in small and "img/a.png" in small and "index.html" not in small
    result, out = harness.crawl(tmp_path / "d", *SEEN, "--mirror-links", "keep", web.url("/"))
    assert result.rc == 0, result.err
    for name, served in (("index.html", "index.html"), ("utf16.html", "utf16.html"), ("latin+.html", "latin")):
        kept = (out.dir / "mirror" / f"127.0.0.1+{web.port}" / name).read_bytes()
        assert kept == (web.run / "www" / served).read_bytes()


# -- real pages --

SERVE = """
    server { listen 127.0.0.1:@PORT@; root "@ROOT@"; index index.html; }
"""
DOCS = {}


def mirror_of_docs(name, factory):
    """Of a documentation package, crawled once for all tests."""
    if name not in DOCS:
        root = docs_root(name).resolve()
        where = factory.mktemp(name)
        with harness.nginx(where / "origin", SERVE.replace("@ROOT@", str(root))) as origin:
            result, out = harness.crawl(where / "docs", "-q", "--delay", "0", "--per-host", "8", "--sink", "mirror", "--sink", "jsonl",
                                        origin.url("/index.html"), timeout=300)  # fmt: skip
            assert result.rc == 0, result.err
            broken = [u for u, o in out.outcomes().items() if o == "http-4xx"]
            print(f"{name}: {len(out.pages())} pages, {len(broken)} broken links at the origin")
        (top,) = [p for p in (out.dir / "mirror").iterdir() if p.is_dir()]
        DOCS[name] = out.dir / "mirror", top, set(broken)
    return DOCS[name]


# -- in a browser --


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if browser.PROGRAM is None:
        pytest.skip("chromium is not installed")
    with browser.Browser(tmp_path_factory.mktemp("profile")) as b:
        yield b


IMAGES = """[...document.images].map(i => [i.id || i.src, i.complete && i.naturalWidth])"""


def test_opened_from_the_disk_pages_and_images_show(mirror, web, chromium, tmp_path):
    top = mirror / f"127.0.0.1+{web.port}"
    chromium.show((top / "index.html").as_uri(), 900)
    assert not [i for i in chromium.run(IMAGES) if not i[1]], chromium.run(IMAGES)
    assert dict(map(tuple, chromium.run(IMAGES)))["off"] == 16
    assert "b.png" in chromium.run("getComputedStyle(document.getElementById('styled')).backgroundImage")
    assert chromium.run("getComputedStyle(document.getElementById('inner')).color") == "rgb(1, 2, 3)"
    asked = [r for r in chromium.requests() if not r.startswith("data:")]
    assert len(asked) > 6 and {r for r in asked if not r.startswith("file://")} <= {web.url("/gone.woff")}, asked
    chromium.picture(Path(os.environ.get("MIRROR_SHOTS", tmp_path)) / "mirror.png")
    for name, says in (("latin+.html", "K\xe4se k"), ("sjis+.html", "\u8868\u793ak"), ("utf16.html", "\u4e2da"), ("zip+.html", "unzipped a")):
        chromium.show((top / name).as_uri(), 900)
        assert chromium.run("document.getElementById('t').innerText") == says, name
    chromium.show((mirror / "index.html").as_uri(), 900)
    chromium.run("document.links[0].click()")
    harness.wait_until("the home page", lambda: chromium.poll("document.title") == "Home")
    links = chromium.run("[...document.links].map(a => a.href)")
    for link in links:
        if link.startswith("file://"):
            assert Path(urllib.parse.unquote(urllib.parse.urlsplit(link).path)).is_file(), link


@pytest.mark.parametrize("name", ["python", "postgresql"])
def test_documentation_opened_from_the_disk_shows(name, chromium, tmp_path, tmp_path_factory):
    _, top, broken = mirror_of_docs(name, tmp_path_factory)
    pages = sorted(p for p in top.rglob("*.html") if re.search(rb"<img|<object", p.read_bytes()))
    assert pages
    for page in [top / "index.html", *random.Random(1).sample(pages, min(12, len(pages)))]:
        chromium.show(page.as_uri(), 1100)
        assert not [i for i in chromium.run(IMAGES) if not i[1]], page
        sheets = chromium.run("[...document.querySelectorAll('link[rel=stylesheet]')].map(l => [l.href, l.sheet != null])")
        assert sheets and all(loaded for _, loaded in sheets), (page, sheets)
        asked = {r for r in chromium.requests() if not r.startswith(("data:", "file://"))}
        assert asked <= broken, asked - broken
    chromium.picture(Path(os.environ.get("MIRROR_SHOTS", tmp_path)) / f"mirror-{name}.png")


# -- served again --


def wget_all(url, where):
    """wget2 -r with all that pages need; who was asked says the log of the server."""
    where.mkdir()
    done = subprocess.run(
        ["wget2", "--no-config", "-q", "-r", "-l", "inf", "-p", "--no-robots", "--tries=1", "--max-threads=4", "--delete-after", url],
        cwd=where, capture_output=True, text=True, timeout=400, errors="replace",
    )  # fmt: skip
    assert done.returncode in (0, 8), done.stderr[-2000:]


@pytest.mark.parametrize("name", ["odd", "python", "postgresql"])
def test_served_again_wget_finds_no_broken_link(name, web, mirror, tmp_path, tmp_path_factory):
    if shutil.which("wget2") is None:
        pytest.skip("wget2 is not installed")
    made = mirror if name == "odd" else mirror_of_docs(name, tmp_path_factory)[0]
    files = {n for n in tree(made) if n.endswith((".html", ".css", ".png", ".svg"))}
    # By an address of its own: the port may be that of an origin which has ended, and what a mirror has not leads there.
    serve = SERVE.replace("@ROOT@", str(made)).replace("127.0.0.1", "127.0.0.9")
    with harness.nginx(tmp_path / "again", serve, address="127.0.0.9") as again:
        wget_all(again.url("/index.html", "127.0.0.9"), tmp_path / "got")
        log = again.log()
    lost = sorted({row["uri"] for row in log if row["status"] >= 400})
    if name == "odd":  # wget2 takes &quot; in a style for a part of the name: at the origin, too
        wget_all(web.url("/"), tmp_path / "origin")
        there = {row["uri"] for row in web.log() if row["status"] >= 400 and "wget2" in row["agent"]}
        lost = [uri for uri in lost if not uri.endswith(tuple(there))]
    assert lost == []
    got = {urllib.parse.unquote(urllib.parse.urlsplit(row["uri"]).path).lstrip("/") for row in log if row["status"] == 200}
    # SVG is not read by wget2, nor is what only it, or a form, leads to.
    missed = files - got
    assert len(got) > 15 and len(missed) <= len(files) // 50 + 3, sorted(missed)[:20]


RESUMED = ("--delay", "0", "--per-host", "4", "--sink", "mirror", "--sink", "jsonl", "--rate", "150/s")


def test_killed_again_and_again_the_mirror_is_the_same(tmp_path):
    """By seeds, in the crawl and in the making; what was not committed leaves nothing."""
    seed = int(os.environ.get("TRAWL_KILL_SEED", "1"))
    rng = random.Random(seed)
    root = tmp_path / "run" / "www"
    with harness.nginx(tmp_path / "run", SERVE.replace("@ROOT@", str(root))) as web:
        root.mkdir()
        for n in range(300):
            links = "".join(f'<a href="p{k}.html">{k}</a>' for k in (n * 2 + 1, n * 2 + 2, n // 3) if k < 300)
            (root / f"p{n}.html").write_text(f'<title>{n}</title><img src="i{n}.png">{links}' + "word " * n)
            (root / f"i{n}.png").write_bytes(png(n % 50 + 1, 9, (n % 256, 0, 99)))
        whole, calm = harness.crawl(tmp_path / "calm", "-q", *RESUMED, "--rate", "0", web.url("/p0.html"))
        assert whole.rc == 0, whole.err
        out = tmp_path / "killed"
        kills = 0
        for n in range(14):
            begun = (out / "job.yaml").exists()
            args = ["resume", "-q", out] if begun else ["crawl", "-q", "-o", out, *RESUMED, web.url("/p0.html")]
            running = harness.Running(*args, "--commit-interval", rng.choice(["20ms", "200ms"]))
            try:
                time.sleep(rng.uniform(0.05, 0.9))
                if running.child.poll() is None:
                    os.killpg(running.child.pid, signal.SIGKILL)
                    kills += 1
                running.child.communicate(timeout=60)
            finally:
                running.end()
        result = harness.trawl("resume", "-q", out, "--rate", "0")
        assert result.rc == 0, result.err
    assert kills > 5
    assert len(tree(out / "mirror")) == 601
    assert tree(out / "mirror") == tree(calm.dir / "mirror")
    assert json.loads(harness.trawl("status", "--json", "--verify", out).out)["verified"]
    with open(out / "mirror.work" / "parts", "r+b") as f:
        f.truncate(10)
    result = harness.trawl("status", "--verify", out)
    assert "mirror.work/parts has less than was committed" in result.out + result.err
    assert not [n for n in tree(out / "mirror.work") if n.startswith(("new/", "fresh"))]


def test_a_directory_that_is_crawled_again_has_what_changed(tmp_path):
    root = tmp_path / "run" / "www"
    with harness.nginx(tmp_path / "run", SERVE.replace("@ROOT@", str(root))) as web:
        root.mkdir()
        (root / "index.html").write_text("<a href=a.html>a</a><a href=b.html>b</a><img src=i.png>")
        (root / "a.html").write_text("<p>old<a href=new.html>n</a>")
        (root / "b.html").write_text("<p>gone later")
        (root / "i.png").write_bytes(png(5, 5, (1, 2, 3)))
        args = ("-q", "--delay", "0", "--sink", "mirror", "--sink", "jsonl", "--recrawl", "fixed", "--recrawl-interval", "0s")
        result, out = harness.crawl(tmp_path / "c", *args, web.url("/index.html"))
        assert result.rc == 0, result.err
        top = out.dir / "mirror" / f"127.0.0.1+{web.port}"
        assert text(top / "a.html") == f'<p>old<a href={web.url("/new.html")}>n</a>'
        (root / "a.html").write_text("<p>changed<a href=new.html>n</a>")
        (root / "new.html").write_text("<p>new<a href=index.html>i</a>")
        (root / "i.png").write_bytes(png(6, 6, (3, 2, 1)))
        (root / "b.html").unlink()
        os.utime(root / "a.html", (2_000_000_000, 2_000_000_000))
        result = harness.trawl("run", out.dir / "job.yaml", "-o", out.dir)
        assert result.rc == 0, result.err
    assert text(top / "a.html") == "<p>changed<a href=new.html>n</a>"
    assert text(top / "new.html") == "<p>new<a href=index.html>i</a>" and text(top / "b.html") == "<p>gone later"
    assert (top / "i.png").read_bytes() == png(6, 6, (3, 2, 1))
    assert text(top / "index.html") == "<a href=a.html>a</a><a href=b.html>b</a><img src=i.png>"


def test_the_summary_tells_where_results_are_and_what_a_stopped_crawl_has_not(web, mirror, tmp_path):
    asked = len(web.log())
    running = harness.Running("crawl", "-o", tmp_path / "c", *SEEN, "--sink", "csv", "--sink", "sqlite", "--delay", "200ms",
                              web.url("/"))  # fmt: skip
    try:
        harness.wait_until("it has begun", lambda: len(web.log()) > asked + 2)
        running.signal(signal.SIGINT)
        stopped = running.result()
    finally:
        running.end()
    assert stopped.rc == 11 and not (tmp_path / "c" / "mirror").exists()
    assert "  mirror    is made when the crawl is done\n" in stopped.err
    assert f"  go on     trawl resume {tmp_path / 'c'}\n" in stopped.err
    done = harness.trawl("resume", tmp_path / "c", "--delay", "0")
    assert done.rc == 0 and "go on" not in done.err
    for place in ("mirror/index.html", "pages.csv", "pages.sqlite", "pages.jsonl", "report.html"):
        assert f"  {tmp_path / 'c' / place}\n" in done.err, done.err
        assert (tmp_path / "c" / place).exists()
    assert "archive" not in done.err


def test_a_mirror_that_was_killed_in_the_making_is_made_by_a_resume(web, mirror, tmp_path):
    result, out = harness.crawl(tmp_path / "c", *SEEN, web.url("/"))
    assert result.rc == 0, result.err
    made = out.dir / "mirror"
    before = tree(made)
    (made / f"127.0.0.1+{web.port}" / "index.html").write_text("half")
    (made / f"127.0.0.1+{web.port}" / "caps.html").unlink()
    (out.dir / "mirror.work" / "fresh").write_text("half")
    result = harness.trawl("resume", out.dir)
    assert result.rc == 0, result.err
    assert tree(made) == before == tree(mirror)


@pytest.fixture(params=["mirror", "mirror/127.0.0.1+PORT", "link"])
def on_another_disk(request, web, tmp_path):
    """The directory of a crawl whose mirror lies, in whole or in part, on a disk of its own."""
    c = tmp_path / "c"
    c.mkdir()
    if request.param == "link":
        (c / "mirror").symlink_to(tmp_path / "disk")
    where = tmp_path / "disk" if request.param == "link" else c / request.param.replace("PORT", str(web.port))
    for disk in harness.mounted(where, "64m"):
        assert os.stat(disk).st_dev != os.stat(c).st_dev
        yield c


def test_the_mirror_may_lie_on_another_file_system(web, mirror, on_another_disk):
    """Whole files come there by copying, whenever it is made."""
    c = on_another_disk
    result, out = harness.crawl(c, *SEEN, web.url("/"))
    assert result.rc == 0, result.err
    assert tree(c / "mirror") == tree(mirror)
    assert not [n for n in tree(c / "mirror.work") if n.startswith(("new/", "fresh"))]
    top = c / "mirror" / f"127.0.0.1+{web.port}"
    (top / "index.html").write_text("half")
    (top / ".mine").write_text("half")
    (top / ".fresh").hardlink_to(top / ".mine")  # killed while copying; and somebody has linked it to a file of theirs
    (c / "mirror.work" / "fresh").write_text("half")
    result = harness.trawl("resume", c)
    assert result.rc == 0, result.err
    assert (top / ".mine").read_text() == "half"
    (top / ".mine").unlink()
    assert tree(c / "mirror") == tree(mirror)
    assert not [n for n in tree(c / "mirror.work") if n.startswith(("new/", "fresh"))]


@pytest.fixture
def full_disk(tmp_path):
    """With the ballast that it is full of."""
    for disk in harness.mounted(tmp_path / "disk", "64m"):
        with open(disk / "ballast", "wb", buffering=0) as f, pytest.raises(OSError):
            while True:
                f.write(bytes(1 << 16))
        yield disk


def test_a_mirror_that_there_is_no_room_for_waits_for_room(web, mirror, full_disk, tmp_path):
    c = tmp_path / "c"
    c.mkdir()
    (c / "mirror").symlink_to(full_disk)
    running = harness.Running("crawl", "-o", c, *SEEN, "--progress", "none", web.url("/"))
    try:
        assert any("goes on when there is room" in line for line in running.child.stderr)
    finally:
        running.end()
    status = json.loads(harness.trawl("status", "--json", c).out)
    assert status["end"] == "the disk is full", status
    running = harness.Running("resume", c)
    try:
        assert any("goes on when there is room" in line for line in running.child.stderr)
        (full_disk / "ballast").unlink()
        result = running.result()
    finally:
        running.end()
    assert result.rc == 0, result.err
    assert tree(c / "mirror") == tree(mirror)
