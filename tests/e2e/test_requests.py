"""What goes along with a request: cookies, credentials, headers of one host; and who gets it."""

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

import harness

HOST = "www.shop.test"
OTHER = "other.test"


def server(body, more=""):
    return f"""
        server {{
            listen 127.0.0.1:@PORT@;
            default_type text/html;
            location = /robots.txt {{ return 404; }}
            {body}
        }}
        {more}"""


def wherever_localhost_is(config):
    """A proxy that resolves names itself may try the first address alone."""
    if not any(family == socket.AF_INET6 for family, *_ in socket.getaddrinfo("localhost", None)):
        return config
    listen = next(line for line in config.splitlines() if "listen 127.0.0.1:" in line)
    return config.replace(listen, listen + "\n" + listen.replace("127.0.0.1", "[::1]"))


def names(web, *hosts):
    args = ["--allow-net", "127.0.0.0/8", "--delay", "0", "-q"]
    for host in hosts:
        args += ["--resolve", f"{host}:{web.port}:127.0.0.1"]
    return args


def sent(out, url):
    """The header lines of the requests for a URL, as archived."""
    found = []
    for r in out.records():
        if r.type == "request" and r.uri == url:
            found.append(r.block.decode("latin-1").split("\r\n"))
    return found


def lines(out, url, name):
    (request,) = sent(out, url)
    return [line for line in request if line.lower().startswith(name.lower() + ":")]


# -- cookies --

# Whoever has no session is turned away.
SHOP = f"""
    location = / {{
        add_header Set-Cookie "session=s3; Path=/; HttpOnly";
        add_header Set-Cookie "evil=1; Domain=test";
        return 200 '<a href="/private">in</a> <a href="http://{OTHER}:@PORT@/">out</a>';
    }}
    location = /private {{
        if ($cookie_session != "s3") {{ return 403; }}
        return 200 "welcome";
    }}"""


@pytest.fixture()
def shop(tmp_path):
    with harness.nginx(tmp_path / "nginx", server(SHOP)) as web:
        yield web


def test_cookies_go_back_to_who_set_them_and_to_nobody_else(shop, tmp_path):
    result, out = harness.crawl(
        tmp_path / "crawl", *names(shop, HOST, OTHER), "--scope", "any", shop.url("/", HOST)
    )
    assert result.rc == 0, result.err
    assert out.outcomes()[shop.url("/private", HOST)] == "ok"
    assert lines(out, shop.url("/", HOST), "cookie") == []
    assert lines(out, shop.url("/private", HOST), "cookie") == ["Cookie: session=s3"]
    assert lines(out, shop.url("/", OTHER), "cookie") == []


def test_cookies_can_be_left_alone(shop, tmp_path):
    result, out = harness.crawl(
        tmp_path / "crawl", *names(shop, HOST), "--no-accept-cookies", shop.url("/", HOST)
    )
    assert result.rc == 0, result.err
    assert out.outcomes()[shop.url("/private", HOST)] == "http-4xx"


def test_a_resume_is_still_logged_in(shop, tmp_path):
    result, out = harness.crawl(
        tmp_path / "crawl", *names(shop, HOST), "--max-pages", "1", shop.url("/", HOST)
    )
    assert shop.url("/private", HOST) not in out.outcomes()
    result = harness.trawl("resume", tmp_path / "crawl", "-q", "--max-pages", "none")
    assert result.rc == 0, result.err
    out = harness.Output(tmp_path / "crawl")
    assert out.outcomes()[shop.url("/private", HOST)] == "ok"


def test_cookies_of_a_file_are_sent_and_what_came_of_them_is_written(shop, tmp_path):
    jar = tmp_path / "cookies.txt"
    jar.write_text(
        "# Netscape HTTP Cookie File\n"
        f"#HttpOnly_{HOST}\tFALSE\t/private\tFALSE\t0\tsession\ts3\n"
        f".shop.test\tTRUE\t/\tFALSE\t4000000000\tlang\tde\n"
        f"{HOST}\tFALSE\t/\tTRUE\t4000000000\ttls\tonly\n"
    )
    result, out = harness.crawl(
        tmp_path / "crawl", *names(shop, HOST), "--cookies", jar, "--no-accept-cookies",
        "--save-cookies", tmp_path / "saved.txt", shop.url("/private", HOST),
    )  # fmt: skip
    assert result.rc == 0, result.err
    assert lines(out, shop.url("/private", HOST), "cookie") == ["Cookie: session=s3; lang=de"]
    saved = tmp_path / "saved.txt"
    assert saved.stat().st_mode & 0o777 == 0o600
    assert set(saved.read_text().splitlines()) == set(jar.read_text().splitlines())


def test_a_file_that_is_renewed_goes_before_what_is_stored(shop, tmp_path):
    jar = tmp_path / "cookies.txt"
    jar.write_text(f"{HOST}\tFALSE\t/\tFALSE\t0\tsession\told\n")
    args = [*names(shop, HOST), "--cookies", jar]
    _, out = harness.crawl(tmp_path / "crawl", *args, "--max-pages", "1", shop.url("/private", HOST), shop.url("/", HOST))
    assert len(out.outcomes()) == 1
    jar.write_text(f"{HOST}\tFALSE\t/\tFALSE\t0\tsession\tnew\n")
    harness.trawl("resume", tmp_path / "crawl", "-q", "--max-pages", "none")
    out = harness.Output(tmp_path / "crawl")
    cookies = [lines(out, shop.url(path, HOST), "cookie") for path in ("/private", "/")]
    assert sorted(cookies) == [["Cookie: session=new"], ["Cookie: session=old"]]


@pytest.mark.parametrize("by_file", [True, False])
def test_what_a_server_takes_away_does_not_come_back_with_a_resume(by_file, tmp_path):
    body = """
        location = / { add_header Set-Cookie "session=s3; Path=/"; return 200 "<a href=/out>out</a>"; }
        location = /out { add_header Set-Cookie "session=; Path=/; Max-Age=0"; return 200 "<a href=/after>a</a>"; }
        location = /after { return 200 "$http_cookie"; }"""
    jar = tmp_path / "cookies.txt"
    jar.write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\told\n")
    args = ["--cookies", jar] if by_file else []
    with harness.nginx(tmp_path / "nginx", server(body)) as web:
        harness.crawl(tmp_path / "crawl", "-q", "--delay", "0", *args, "--max-pages", "2", web.url("/"))
        assert harness.trawl("resume", tmp_path / "crawl", "-q", "--max-pages", "none").rc == 0
        out = harness.Output(tmp_path / "crawl")
        assert lines(out, web.url("/out"), "cookie") == ["Cookie: session=s3"]
        assert lines(out, web.url("/after"), "cookie") == []
    assert harness.trawl("status", "--verify", tmp_path / "crawl").rc == 0


@pytest.mark.parametrize("text", ["x\tFALSE\t/\tFALSE\t0\tk\tv\n\nnot a cookie\n", None])
def test_a_file_that_is_none_is_told_of_with_its_line(text, tmp_path):
    jar = tmp_path / "cookies.txt"
    if text is not None:
        jar.write_text(text)
    result = harness.trawl("crawl", "-o", tmp_path / "crawl", "--cookies", jar, "http://127.0.0.1:1/")
    assert result.rc == 2
    assert "--cookies" in result.err and str(jar) in result.err
    assert text is None or "line 3 " in result.err
    assert not (tmp_path / "crawl").exists()


def test_a_pipe_or_a_link_for_cookies_or_a_cache_is_written_into_and_not_replaced(shop, tmp_path):
    """Else /dev/null would be a plain file after that, and so would the link /dev/stdout."""
    pipe, link, there = tmp_path / "pipe", tmp_path / "link", tmp_path / "there"
    os.mkfifo(pipe)
    there.write_text("")
    link.symlink_to(there)
    end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        for at in pipe, link:
            what = [*names(shop, HOST), "--save-cookies", at, shop.url("/private", HOST)]
            result, _ = harness.crawl(tmp_path / f"for-{at.name}", "-q", *what)
            assert result.rc == 0, result.err
        assert stat.S_ISFIFO(pipe.lstat().st_mode) and os.read(end, 100).startswith(b"# Netscape")
    finally:
        os.close(end)
    assert link.is_symlink() and there.read_text().startswith("# Netscape")
    there.write_text("")
    result = harness.trawl("check-links", *names(shop, HOST), "--cache", link, shop.url("/private", HOST))
    assert link.is_symlink() and result.rc in (0, 8), result.err


@pytest.mark.parametrize("where", ["none/cookies.txt", "./", "dir"])
def test_where_cookies_cannot_be_written_is_told_of_at_the_start(where, tmp_path):
    (tmp_path / "dir").mkdir()
    result = harness.trawl(
        "crawl", "-o", tmp_path / "crawl", "--save-cookies", where, "http://127.0.0.1:1/", cwd=tmp_path
    )
    assert result.rc == 2 and "--save-cookies: " in result.err
    assert not (tmp_path / "crawl").exists()


# -- credentials --

# Aladdin:open sesame, of RFC 7617
LOGIN = """
    location / {
        if ($http_authorization != "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==") {
            add_header WWW-Authenticate 'Basic realm="cave"' always;
            return 401;
        }
        return 200 '<a href="/treasure">in</a> <a href="/away">away</a>';
    }
    location = /away { return 302 http://other.test:@PORT@/spy; }
    location = /spy { return 200 "auth: $http_authorization key: $http_x_key"; }"""
SECRET = "Aladdin:open sesame"


@pytest.fixture()
def cave(tmp_path):
    with harness.nginx(tmp_path / "nginx", server(LOGIN)) as web:
        yield web


def no_secret_in(directory):
    for path in directory.rglob("*"):
        if not path.is_file() or path.name == "job.yaml" or "state" in path.parts:
            continue
        data = path.read_bytes()
        assert b"sesame" not in data and b"QWxhZGRpb" not in data, path


def test_a_password_goes_to_its_host_and_into_no_file_that_is_handed_on(cave, tmp_path):
    result, out = harness.crawl(
        tmp_path / "crawl", *names(cave, HOST, OTHER), "--scope", "any",
        "--auth", f"{SECRET}@{HOST}:{cave.port}",
        "--header-for", f"{HOST}:{cave.port}=X-Key: k3y", cave.url("/", HOST),
    )  # fmt: skip
    assert result.rc == 0, result.err
    assert out.outcomes()[cave.url("/treasure", HOST)] == "ok"
    assert lines(out, cave.url("/treasure", HOST), "authorization") == ["Authorization: [not archived]"]
    assert lines(out, cave.url("/treasure", HOST), "x-key") == ["X-Key: [not archived]"]
    (spied,) = out.archived()[cave.url("/spy", OTHER)]
    assert spied.payload == b"auth:  key: "
    no_secret_in(tmp_path / "crawl")
    for record in out.records():
        assert b"sesame" not in record.block and b"QWxhZGRpb" not in record.block
        assert b"k3y" not in record.block
    assert (tmp_path / "crawl" / "job.yaml").stat().st_mode & 0o777 == 0o600
    assert "sesame" not in result.err


def test_a_password_from_a_file_is_in_no_file_of_the_crawl(cave, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.write_text(f"# ours\n{SECRET}@127.0.0.1:{cave.port}\n")
    result, out = harness.crawl(
        tmp_path / "crawl", "-q", "--delay", "0", "--auth-file", secrets, cave.url("/")
    )
    assert result.rc == 0, result.err
    assert "sesame" not in (tmp_path / "crawl" / "job.yaml").read_text()
    no_secret_in(tmp_path / "crawl")


def test_without_a_password_the_exit_code_says_so_and_so_does_a_resume(cave, tmp_path):
    result, out = harness.crawl(tmp_path / "crawl", "-q", "--delay", "0", cave.url("/"))
    assert result.rc == 6
    assert "http-4xx: status 401, it wants a login (--auth)\n" in result.err
    again = harness.trawl("resume", tmp_path / "crawl", "-q")
    assert again.rc == 6
    assert again.err == result.err


@pytest.mark.parametrize("scheme", ['Digest realm="x", nonce="y", qop="auth"', "NTLM", "Negotiate", 'Basic realm="x"'])
def test_no_other_scheme_is_spoken_and_nothing_is_asked_twice(scheme, tmp_path):
    conf = server(f"location / {{ add_header WWW-Authenticate '{scheme}' always; return 401; }}")
    with harness.nginx(tmp_path / "nginx", conf) as web:
        result, out = harness.crawl(
            tmp_path / "crawl", "-q", "--delay", "0", "--auth", f"me:wrong@127.0.0.1:{web.port}", web.url("/")
        )
        assert [row["uri"] for row in web.log()] == ["/robots.txt", "/"]
    assert result.rc == 6
    assert lines(out, web.url("/"), "authorization") == ["Authorization: [not archived]"]


def test_credentials_that_are_none_are_told_of_without_them(tmp_path):
    result = harness.trawl("crawl", "-o", tmp_path / "crawl", "--auth", "secret@host", "http://127.0.0.1:1/")
    assert result.rc == 2
    assert "--auth" in result.err and "USER:PASS@HOST" in result.err
    assert "secret" not in result.err


# -- proxies --


def start(argv, port):
    child = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=harness._die_with_parent,
    )  # fmt: skip
    harness.wait_until(argv[0], lambda: child.poll() is not None or harness.listens("127.0.0.1", port))
    assert child.poll() is None, argv
    return child


def program(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture()
def tinyproxy(tmp_path):
    """An HTTP proxy with a password; it knows names of its own."""
    port = harness.free_port()
    (tmp_path / "tinyproxy.conf").write_text(
        f"Port {port}\nListen 127.0.0.1\nLogFile \"{tmp_path}/tinyproxy.log\"\nLogLevel Connect\n"
        "BasicAuth me s3cr3t\nAllow 127.0.0.1\nTimeout 60\nMaxClients 20\n"
    )
    child = start([program("tinyproxy"), "-d", "-c", str(tmp_path / "tinyproxy.conf")], port)
    yield port, tmp_path / "tinyproxy.log"
    harness.stop(child)


@pytest.fixture()
def socks():
    port = harness.free_port()
    child = start([program("microsocks"), "-i", "127.0.0.1", "-p", str(port), "-u", "me", "-P", "s3cr3t"], port)
    yield port
    harness.stop(child)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return harness.test_authority(tmp_path_factory.mktemp("tls") / "ca", ("localhost",))


@pytest.fixture()
def both(tmp_path, authority):
    """One server over TLS, and one in the clear whose page names the other's."""
    tls = server(
        'location = / { return 200 "<a href=/in>in</a>"; } location = /in { return 200 "in"; }'
    ).replace("@PORT@;", f'@PORT@ ssl;\nssl_certificate "{authority.cert}";\nssl_certificate_key "{authority.key}";')
    with harness.nginx(tmp_path / "tls", wherever_localhost_is(tls), scheme="https") as secure:
        body = f"location = / {{ return 200 '<a href=\"{secure.url('/', 'localhost')}\">tls</a>'; }}"
        with harness.nginx(tmp_path / "plain", wherever_localhost_is(server(body))) as plain:
            yield plain, secure


def crawl_both(both, authority, directory, *args):
    plain, secure = both
    return harness.crawl(
        directory, "-q", "--delay", "0", "--scope", "any", "--ca", authority.ca, "--retries", "0", *args,
        plain.url("/", "localhost"), secure.url("/", "localhost"),
    )  # fmt: skip


def test_an_http_proxy_makes_tunnels_and_carries_what_is_in_the_clear(both, authority, tinyproxy, tmp_path):
    port, log = tinyproxy
    plain, secure = both
    # Names are the proxy's to resolve: a server for names that is not there is not asked.
    result, out = crawl_both(
        both, authority, tmp_path / "crawl", "--proxy", f"http://me:s3cr3t@127.0.0.1:{port}",
        "--dns", "127.0.0.1:1",
    )  # fmt: skip
    assert result.rc == 0, result.err
    assert out.outcomes()[secure.url("/in", "localhost")] == "ok"
    text = log.read_text()
    assert f"CONNECT localhost:{secure.port}" in text
    assert f"GET http://localhost:{plain.port}/ " in text
    no_secret_in(tmp_path / "crawl")
    assert lines(out, plain.url("/", "localhost"), "proxy-authorization") == ["Proxy-Authorization: [not archived]"]
    assert lines(out, secure.url("/", "localhost"), "proxy-authorization") == []
    for record in out.records():
        assert b"s3cr3t" not in record.block and b"bWU6czNjcjN0" not in record.block
        assert record.type != "response" or "warc-ip-address" not in record.headers
    assert (tmp_path / "crawl" / "job.yaml").stat().st_mode & 0o777 == 0o600


def test_a_proxy_that_wants_a_password_is_an_authentication_failure(both, authority, tinyproxy, tmp_path):
    port, _ = tinyproxy
    for user in "", "me:wrong@":
        result, out = crawl_both(
            both, authority, tmp_path / f"crawl{user[:2]}", "--proxy", f"http://{user}127.0.0.1:{port}"
        )
        # tinyproxy says 407 without credentials, 401 to wrong ones
        assert user or result.rc == 6
        assert user or f"proxy http://127.0.0.1:{port} wants other credentials (407)" in result.err
        assert "wrong" not in result.err


def test_a_socks_proxy_carries_both(both, authority, socks, tmp_path):
    plain, secure = both
    result, out = crawl_both(
        both, authority, tmp_path / "crawl", "--proxy", f"socks5://me:s3cr3t@127.0.0.1:{socks}",
        "--dns", "127.0.0.1:1",
    )  # fmt: skip
    assert result.rc == 0, result.err
    assert out.outcomes()[secure.url("/in", "localhost")] == "ok"
    result, out = crawl_both(
        both, authority, tmp_path / "refused", "--proxy", f"socks5://me:wrong@127.0.0.1:{socks}"
    )
    assert result.rc == 4
    assert f"proxy socks5://127.0.0.1:{socks}" in result.err


def test_who_does_not_speak_tls_is_told_in_plain_words(both, socks, tinyproxy, tmp_path):
    plain, _ = both
    http, socks = f"127.0.0.1:{tinyproxy[0]}", f"127.0.0.1:{socks}"
    url = f"https://localhost:{plain.port}/"
    server = f"the server at localhost:{plain.port} does not speak TLS"
    cases = [
        ([], server),
        (["--proxy", f"http://me:s3cr3t@{http}"], f"through proxy http://{http}: {server}"),
        (["--proxy", f"socks5://me:s3cr3t@{socks}"], f"through proxy socks5://{socks}: {server}"),
        (["--proxy", f"https://127.0.0.1:{plain.port}"], f"through proxy https://127.0.0.1:{plain.port}: it does not speak TLS"),
    ]
    for i, (args, told) in enumerate(cases):
        directory = tmp_path / f"crawl{i}"
        result, out = harness.crawl(directory, "-q", "--delay", "0", "--retries", "0", *args, url)
        assert result.rc == 5, (told, result.err)
        (row,) = [row for row in out.crawl_log() if row[3] == url]
        assert row[11].startswith("tls-failure,") and row[11].replace("+", " ").endswith(f",why:{told}"), row[11]
        assert f": tls-failure, {told}\n" in harness.trawl("explain", out.dir, url).out


def test_each_scheme_has_its_proxy_and_exceptions_have_none(both, authority, tinyproxy, tmp_path):
    port, log = tinyproxy
    plain, secure = both
    result, out = crawl_both(
        both, authority, tmp_path / "crawl", "--proxy", f"https=http://me:s3cr3t@127.0.0.1:{port}",
    )  # fmt: skip
    assert result.rc == 0, result.err
    assert "GET http" not in log.read_text() and "CONNECT" in log.read_text()
    asked = log.read_text().count("CONNECT")
    result, out = crawl_both(
        both, authority, tmp_path / "direct", "--proxy", f"http://me:s3cr3t@127.0.0.1:{port}",
        "--no-proxy", "example.org,localhost",
    )  # fmt: skip
    assert result.rc == 0, result.err
    assert out.outcomes()[secure.url("/in", "localhost")] == "ok"
    assert log.read_text().count("CONNECT") == asked and "GET http" not in log.read_text()


def test_a_proxy_that_is_not_there_is_named(both, authority, tmp_path):
    result, out = crawl_both(both, authority, tmp_path / "crawl", "--proxy", "http://me:s3cr3t@127.0.0.1:1")
    assert result.rc == 4
    assert "cannot reach proxy http://127.0.0.1:1: Connection refused" in result.err
    assert "s3cr3t" not in result.err


def test_the_environment_names_no_proxy_and_no_password(both, authority, tmp_path):
    plain, secure = both
    (tmp_path / ".netrc").write_text("machine localhost login me password s3cr3t\n")
    result, out = harness.crawl(
        tmp_path / "crawl", "-q", "--delay", "0", "--scope", "any", "--ca", authority.ca,
        plain.url("/", "localhost"), secure.url("/", "localhost"),
        env={"http_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "socks5://127.0.0.1:1",
             "HOME": str(tmp_path), "CURL_HOME": str(tmp_path)},
    )  # fmt: skip
    assert result.rc == 0, result.err
    for url in plain.url("/", "localhost"), secure.url("/", "localhost"):
        assert lines(out, url, "authorization") == []


# -- certificates of ours --


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return harness.test_authority(tmp_path_factory.mktemp("client") / "ca", ("client.test",))


def guarded(tmp_path, authority, client, verify):
    conf = server('location / { return 200 "hello $ssl_client_s_dn"; }').replace(
        "@PORT@;",
        f'@PORT@ ssl;\nssl_certificate "{authority.cert}";\nssl_certificate_key "{authority.key}";\n'
        f'ssl_client_certificate "{client.ca}";\nssl_verify_client {verify};',
    )
    return harness.nginx(tmp_path / "guarded", conf, scheme="https")


def test_a_certificate_is_shown_to_the_hosts_of_seeds_only(authority, client, tmp_path):
    args = ["-q", "--delay", "0", "--scope", "any", "--ca", authority.ca, "--cert", client.cert, "--key", client.key]
    with guarded(tmp_path, authority, client, "optional") as web:
        result, out = harness.crawl(tmp_path / "a", *args, web.url("/", "localhost"))
        assert result.rc == 0, result.err
        assert out.archived()[web.url("/", "localhost")][0].payload == b"hello CN=client.test"
        link = f"location = / {{ return 200 '<a href=\"{web.url('/x', 'localhost')}\">x</a>'; }}"
        with harness.nginx(tmp_path / "start", server(link)) as plain:
            result, out = harness.crawl(tmp_path / "b", *args, "--allow-net", "127.0.0.0/8", plain.url("/"))
        assert result.rc == 0, result.err
        assert out.archived()[web.url("/x", "localhost")][0].payload == b"hello "


def test_a_server_that_wants_a_certificate_gets_it_or_none(authority, client, tmp_path):
    in_one = tmp_path / "both.pem"
    in_one.write_text(client.cert.read_text() + client.key.read_text())
    with guarded(tmp_path, authority, client, "on") as web:
        apart = ["--cert", client.cert, "--key", client.key]
        for name, args, status in ("a", ["--cert", in_one], 200), ("b", [], 400), ("c", apart, 200):
            result, out = harness.crawl(
                tmp_path / name, "-q", "--delay", "0", "--ca", authority.ca, *args, web.url("/", "localhost")
            )
            assert result.rc == 0, result.err
            assert out.archived()[web.url("/", "localhost")][0].http_status == status


def test_a_key_that_wants_a_pass_phrase_is_told_of(client, tmp_path):
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", client.key, "-aes256", "-passout", "pass:x", "-out", locked],
        check=True, timeout=60,
    )  # fmt: skip
    for args, said in (
        (["--cert", client.cert, "--key", locked], "pass phrase"),
        (["--cert", client.cert], "holds no private key"),
        (["--cert", client.key], "holds no certificate"),
        (["--key", client.key], "--key is nothing without --cert"),
        (["--cert", tmp_path / "none"], "--cert: cannot open"),
    ):
        result = harness.trawl("crawl", "-o", tmp_path / "crawl", *args, "https://127.0.0.1:1/")
        assert result.rc == 2 and said in result.err, result.err


# -- IPv4 and IPv6 --


def test_a_host_is_reached_by_the_family_that_works(tmp_path):
    if not Path("/proc/net/if_inet6").exists() or not Path("/proc/net/if_inet6").read_text():
        pytest.skip("no IPv6 here")
    conf = server('location = / { return 200 "<a href=/in>in</a>"; } location = /in { return 200 "in"; }')
    conf = conf.replace("listen 127.0.0.1:", "listen [::1]:")
    with harness.nginx(tmp_path / "nginx", conf, address="::1") as web:
        with harness.dnsmasq({"two.test": "127.0.0.9,::1"}) as dns:
            for args, rc, ip in ([], 0, "::1"), (["--ip", "6"], 0, "::1"), (["--ip", "4"], 4, None):
                result, out = harness.crawl(
                    tmp_path / f"crawl{len(args) and args[1]}", "-q", "--delay", "0", "--dns", dns,
                    "--retries", "0", *args, web.url("/", "two.test"),
                )  # fmt: skip
                assert result.rc == rc, result.err
                assert {p["ip"] for p in out.pages()} == ({ip} if ip else set())
                assert len(out.pages()) == (2 if ip else 0)
            assert "127.0.0.9" in result.err
    with harness.dnsmasq({"four.test": "127.0.0.9"}) as dns:
        result, out = harness.crawl(tmp_path / "none", "-q", "--dns", dns, "--ip", "6", "http://four.test:1/")
        assert result.rc == 4 and "dns-failure" in result.err
