"""What goes along with a request: cookies, credentials, headers of one host; and who gets it."""

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
    assert lines(out, cave.url("/treasure", HOST), "x-key") == ["X-Key: k3y"]
    (spied,) = out.archived()[cave.url("/spy", OTHER)]
    assert spied.payload == b"auth:  key: "
    no_secret_in(tmp_path / "crawl")
    for record in out.records():
        assert b"sesame" not in record.block and b"QWxhZGRpb" not in record.block
        if record.type == "warcinfo":
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
    assert "http-4xx" in result.err
    again = harness.trawl("resume", tmp_path / "crawl", "-q")
    assert again.rc == 6
    assert again.err == result.err


def test_credentials_that_are_none_are_told_of_without_them(tmp_path):
    result = harness.trawl("crawl", "-o", tmp_path / "crawl", "--auth", "secret@host", "http://127.0.0.1:1/")
    assert result.rc == 2
    assert "--auth" in result.err and "USER:PASS@HOST" in result.err
    assert "secret" not in result.err
