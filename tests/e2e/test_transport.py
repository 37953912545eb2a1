"""TLS with an authority of one's own, connections kept and closed, bodies in gzip."""

import contextlib
import gzip
import random
import shutil
import socket
import subprocess
import zlib

import pytest

import harness

PAGES = 20


def make_site(www):
    www.mkdir()
    links = "".join(f'<a href="p{i}.html">{i}</a>\n' for i in range(PAGES))
    for i in range(PAGES):
        (www / f"p{i}.html").write_text(f"<!DOCTYPE html>\n<title>page {i}</title>\n{links}" + "text " * 500)


def expect_all(out, web):
    archived = out.archived()
    for i in range(PAGES):
        (record,) = archived[web.url(f"/p{i}.html")]
        assert record.http_status == 200
    return archived


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return harness.test_authority(tmp_path_factory.mktemp("tls") / "ca", ("127.0.0.1", "secure.example.test"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory, authority):
    tmp = tmp_path_factory.mktemp("secure")
    make_site(tmp / "www")
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@ ssl;
            ssl_certificate "{authority.cert}";
            ssl_certificate_key "{authority.key}";
            root "{tmp}/www";
        }}"""
    with harness.nginx(tmp / "nginx", server, scheme="https") as web:
        yield web


def test_a_site_whose_authority_is_trusted_is_crawled(secure, authority, tmp_path):
    result, out = harness.crawl(
        tmp_path / "crawl", "-q", "--delay", "0", "--ca", authority.ca, secure.url("/p0.html")
    )
    assert result.rc == 0, result.err
    expect_all(out, secure)


def test_a_site_whose_authority_is_not_trusted_is_a_tls_failure(secure, tmp_path):
    asked = len(secure.log())
    result, out = harness.crawl(tmp_path / "crawl", "-q", "--delay", "0", "--retries", "0", secure.url("/p0.html"))
    assert result.rc == 5, result.err
    assert len(secure.log()) == asked, "nothing is asked of a server that is not who it says"
    (row,) = [row for row in out.crawl_log() if row[3] == secure.url("/p0.html")]
    assert row[11].startswith("tls-failure,") and ",why:SSL+certificate+problem" in row[11]
    told = harness.trawl("explain", out.dir, secure.url("/p0.html"))
    assert ": tls-failure, SSL certificate problem" in told.out


@pytest.mark.parametrize("version", ["2", "auto"])
def test_http2_is_spoken_when_asked_for_and_archived_as_http1(version, authority, tmp_path):
    make_site(tmp_path / "www")
    # The server ends a connection after seven requests, some of which are under way then.
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@ ssl http2;
            ssl_certificate "{authority.cert}";
            ssl_certificate_key "{authority.key}";
            root "{tmp_path}/www";
            keepalive_requests 7;
            gzip on;
            gzip_min_length 1;
            location /moved {{ return 301 /p1.html; }}
        }}"""
    (tmp_path / "www" / "p0.html").write_text(
        (tmp_path / "www" / "p0.html").read_text() + '<a href="/moved">m</a> <a href="/none">n</a>'
    )
    with harness.nginx(tmp_path / "nginx", server, scheme="https") as web:
        result, out = harness.crawl(
            tmp_path / "crawl", "-q", "--delay", "0", "--per-host", "8", "--http", version,
            "--ca", authority.ca, web.url("/p0.html"),
        )  # fmt: skip
        assert result.rc == 0, result.err
        archived = expect_all(out, web)
        outcomes = out.outcomes()
        connections = {row["connection"] for row in web.log()}
    assert outcomes[web.url("/moved")] == "redirect" and outcomes[web.url("/none")] == "http-4xx"
    want = "h2" if version == "2" else "http/1.1"
    assert {p["protocol"] for p in out.pages()} == {want}
    assert len(connections) >= PAGES // 7
    for i in range(PAGES):
        (record,) = archived[web.url(f"/p{i}.html")]
        assert gzip.decompress(record.payload) == (tmp_path / "www" / f"p{i}.html").read_bytes()
        assert record.headers["warc-protocol"].split(",")[0] == want


CODINGS = {
    "gzip": ["gzip", "-c"],
    "deflate": None,  # zlib's own
    "br": ["brotli", "-c"],
    "zstd": ["zstd", "-c", "-q"],
}


@pytest.mark.parametrize("coding", sorted(CODINGS))
def test_what_real_encoders_make_is_asked_for_decoded_and_archived_as_it_came(coding, tmp_path):
    make_site(tmp_path / "www")
    plain = (tmp_path / "www" / "p0.html").read_bytes()
    if coding == "deflate":
        coded = zlib.compress(plain)
    elif shutil.which(CODINGS[coding][0]) is None:
        pytest.skip(f"{CODINGS[coding][0]} is not installed")
    else:
        coded = subprocess.run(CODINGS[coding], input=plain, check=True, capture_output=True, timeout=60).stdout
    (tmp_path / "www" / "coded").write_bytes(coded)
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@;
            root "{tmp_path}/www";
            location = /coded {{
                if ($http_accept_encoding !~ {coding}) {{ return 406; }}
                default_type text/html;
                add_header Content-Encoding {coding};
            }}
        }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "crawl", "-q", "--delay", "0", web.url("/coded"))
    assert result.rc == 0, result.err
    archived = expect_all(out, web)  # its links were found
    assert archived[web.url("/coded")][0].payload == coded
    (page,) = [p for p in out.pages() if p["url"] == web.url("/coded")]
    assert page["bytes_body"] == len(plain) and page["title"] == "page 0"


def test_a_name_that_the_certificate_does_not_have_is_a_tls_failure(secure, authority, tmp_path):
    result, _ = harness.crawl(
        tmp_path / "crawl", "-q", "--delay", "0", "--retries", "0", "--ca", authority.ca,
        "--resolve", f"other.example.test:{secure.port}:127.0.0.1", "--allow-net", "127.0.0.0/8",
        secure.url("/p0.html", "other.example.test"),
    )  # fmt: skip
    assert result.rc == 5, result.err


def test_a_name_that_the_certificate_has_is_crawled(secure, authority, tmp_path):
    host = "secure.example.test"
    result, out = harness.crawl(
        tmp_path / "crawl", "-q", "--delay", "0", "--ca", authority.ca,
        "--resolve", f"{host}:{secure.port}:127.0.0.1", "--allow-net", "127.0.0.0/8",
        secure.url("/p0.html", host),
    )  # fmt: skip
    assert result.rc == 0, result.err
    assert secure.url("/p5.html", host) in out.archived()


def finite_field(where, bits):
    """Parameters of Diffie-Hellman's: any odd number does, for nobody looks whether it is a prime."""
    p = random.Random(bits).getrandbits(bits) | 1 << bits - 1 | 1
    (where / "dh.conf").write_text(f"asn1=SEQUENCE:dh\n[dh]\np=INTEGER:{p:#x}\ng=INTEGER:2\n")
    harness.openssl(where, "asn1parse", "-genconf", "dh.conf", "-noout", "-out", "dh.der")
    harness.openssl(where, "dhparam", "-inform", "DER", "-in", "dh.der", "-out", "dh.pem")
    return where / "dh.pem"


@pytest.mark.parametrize(("bits", "outcome"), [(2048, "ok"), (4096, "ok"), (4104, "tls-failure"), (10000, "tls-failure")])
def test_a_server_has_nobody_compute_in_a_field_that_is_too_large(bits, outcome, tmp_path):
    harness.openssl(
        tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
        "-days", "2", "-subj", "/CN=me", "-addext", "subjectAltName=IP:127.0.0.1",
    )  # fmt: skip
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@ ssl;
            ssl_certificate "{tmp_path}/cert.pem";
            ssl_certificate_key "{tmp_path}/key.pem";
            ssl_dhparam "{finite_field(tmp_path, bits)}";
            ssl_protocols TLSv1.2;
            ssl_ciphers "DHE:@SECLEVEL=0";
            location / {{ return 200 "here"; }}
        }}"""
    with harness.nginx(tmp_path / "nginx", server, scheme="https") as web:
        url = web.url("/")
        # The server computes, and on a busy machine takes its time for it.
        _, out = harness.crawl(tmp_path / "crawl", "-q", "--retries", "0", "--connect-timeout", "2m", "--ca",
                               tmp_path / "cert.pem", url)  # fmt: skip
    (row,) = [row for row in out.crawl_log() if row[3] == url]
    assert (outcome == "ok") == (row[1] == "200"), row
    assert (outcome == "tls-failure") == row[11].startswith("tls-failure,"), row
    assert (outcome == "tls-failure") == ("modulus+too+large" in row[11]), row


def test_insecure_means_that_certificates_are_not_looked_at(secure, tmp_path):
    result, out = harness.crawl(tmp_path / "crawl", "-q", "--delay", "0", "--insecure", secure.url("/p0.html"))
    assert result.rc == 0, result.err
    expect_all(out, secure)


@pytest.mark.parametrize("keepalive", ["65s", "0"])
def test_connections_are_kept_where_the_server_keeps_them(keepalive, tmp_path):
    make_site(tmp_path / "www")
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@;
            root "{tmp_path}/www";
            keepalive_timeout {keepalive};
        }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "crawl", "-q", "--delay", "0", web.url("/p0.html"))
        connections = {row["connection"] for row in web.log()}
        requests = len(web.log())
    assert result.rc == 0, result.err
    expect_all(out, web)
    if keepalive == "0":
        assert len(connections) == requests
    else:
        assert len(connections) <= 2


def test_gzip_is_archived_as_it_came_and_its_links_are_found(tmp_path):
    make_site(tmp_path / "www")
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@;
            root "{tmp_path}/www";
            gzip on;
            gzip_min_length 1;
        }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "crawl", "-q", "--delay", "0", web.url("/p0.html"))
    assert result.rc == 0, result.err
    archived = expect_all(out, web)
    for i in range(PAGES):
        (record,) = archived[web.url(f"/p{i}.html")]
        assert record.http_headers["content-encoding"] == "gzip"
        assert gzip.decompress(record.payload) == (tmp_path / "www" / f"p{i}.html").read_bytes()


def test_a_gzip_body_that_is_cut_is_archived_and_what_it_holds_is_read(tmp_path):
    make_site(tmp_path / "www")
    whole = gzip.compress((tmp_path / "www" / "p0.html").read_bytes(), mtime=0)
    cut = whole[: len(whole) - 20]
    assert b"p19.html" in zlib.decompressobj(31).decompress(cut)
    (tmp_path / "www" / "cut").write_bytes(cut)
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@;
            root "{tmp_path}/www";
            location = /cut {{ default_type text/html; add_header Content-Encoding gzip; }}
        }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        _, out = harness.crawl(tmp_path / "crawl", "-q", "--delay", "0", web.url("/cut"))
    archived = expect_all(out, web)
    assert archived[web.url("/cut")][0].payload == cut


@pytest.mark.parametrize("dead", [0, 40])
def test_each_host_keeps_its_connection_while_it_has_pages(dead, tmp_path):
    """Far more hosts than requests at once, each with its delay: a connection that is given up between two turns
    of its host would have to be made anew for each page.  Dead hosts, which have connections under way, too, do not
    crowd them out."""
    hosts, pages = 60, 5
    www = tmp_path / "www"
    www.mkdir()
    for i in range(pages):
        following = f"<a href=p{i + 1}.html>next</a>" if i + 1 < pages else "the end"
        (www / f"p{i}.html").write_text(f"<!DOCTYPE html>\n<title>{i}</title>\n{following}\n")
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@ backlog=511;
            root "{www}";
            keepalive_timeout 60s;
        }}"""
    with contextlib.ExitStack() as stack:
        silent = []
        for _ in range(dead):  # takes connections, and says nothing
            port = stack.enter_context(socket.create_server(("127.12.0.1", 0))).getsockname()[1]
            silent.append(f"http://127.12.0.1:{port}/")
        web = stack.enter_context(harness.nginx(tmp_path / "nginx", server))
        dns = stack.enter_context(harness.dnsmasq({"*.many.test": "127.0.0.1"}))
        seeds = [f"http://h{i}.many.test:{web.port}/p0.html" for i in range(hosts)]
        running = harness.Running(
            "crawl", "-o", tmp_path / "crawl", "-q", "--delay", "500ms", "--concurrency", "4", "--dns", dns,
            "--allow-net", "127.0.0.0/8", "--depth", str(pages), *silent, *seeds,
        )  # fmt: skip
        try:
            harness.wait_until("the pages", lambda: sum(r["uri"].startswith("/p") for r in web.log()) >= hosts * pages)
        finally:
            running.end()
        rows = [row for row in web.log() if row["uri"].startswith("/p")]
    assert len(rows) == hosts * pages
    # Some may be lost in the first second, before it is known how many hosts there are.
    assert len({row["connection"] for row in rows}) <= hosts + hosts // 2
