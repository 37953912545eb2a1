"""Who may ask `trawl serve`: TCP, tokens, TLS, how many, how often."""

import contextlib
import grp
import http.client
import json
import os
import signal
import ssl
import stat
import subprocess
import time

import pytest
from access import TcpService, new_token, read_all
from harness import TRAWL, Stopwatch, free_port, openssl, wait_until
from service import Service, UnixConnection, problem


def hup(s, told):
    was = s.log().count(told)
    s.child.send_signal(signal.SIGHUP)
    wait_until(told, lambda: s.log().count(told) > was)


def test_tcp_wants_a_token_and_each_role_may_what_it_may(tmp_path):
    with TcpService(tmp_path / "s") as s:
        s.start()
        job = json.dumps({"name": "a", "seeds": ["https://a.example/"]}).encode()
        status, text = s.tcp()
        assert status == 401 and "WWW-Authenticate: Bearer" in text and "application/problem+json" in text
        assert s.tcp(token=s.reader)[0] == 200
        assert s.tcp(token=s.admin)[0] == 200
        assert s.tcp("POST", token=s.reader, body=job)[0] == 403
        assert s.tcp("POST", body=job)[0] == 401
        assert s.get("/api/v1/jobs").json["items"] == []
        assert s.tcp("POST", token=s.admin, body=job)[0] == 201
        assert s.tcp("DELETE", "/api/v1/jobs/a", token=s.reader)[0] == 403
        assert s.tcp("POST", "/api/v1/jobs/a/runs", token=s.reader)[0] == 403
        assert s.tcp(path="/healthz")[0] == 200
        # A token in the address is none: it would be in logs.
        assert s.tcp(path=f"/api/v1/jobs?access_token={s.admin}")[0] == 401
        # Over the unix socket none is wanted; one that is shown counts.
        bearer = {"Authorization": f"Bearer {s.reader}"}
        assert s.get("/api/v1/jobs").status == 200
        assert s.call("DELETE", "/api/v1/jobs/a", headers=bearer).status == 403
        assert s.get("/api/v1/jobs", headers={"Authorization": "Bearer nonsense"}).status == 401
        assert s.admin not in s.log() and s.reader not in s.log()


def test_a_token_is_random_and_only_its_hash_is_kept(tmp_path):
    path = tmp_path / "tokens"
    made = {new_token("read", f"n{i}", path) for i in range(5)}
    assert len(made) == 5 and all(len(t) >= 6 + 64 for t in made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert len(text.splitlines()) == 5 and not any(t[6:] in text for t in made)
    for args in (["root", "a", path], ["read", "a b", path], ["read", "", path], ["read", "a", tmp_path]):
        done = subprocess.run([TRAWL, "serve", "--new-token", *map(str, args)], capture_output=True, text=True)
        assert done.returncode in (2, 3) and done.stderr.startswith("trawl: ") and done.stdout == "", done


def test_tokens_are_read_again_and_a_bad_file_keeps_the_old_ones(tmp_path):
    with TcpService(tmp_path / "s", "hosts: [a.example]") as s:
        s.start()
        second = new_token("read", "second", s.tokens)
        assert s.tcp(token=second)[0] == 401
        hup(s, "settings read again")
        assert s.tcp(token=second)[0] == 200
        s.tokens.write_text("admin nonsense\n")
        hup(s, "line 1: sha256:")
        assert s.tcp(token=s.admin)[0] == 200
        s.tokens.unlink()
        hup(s, "the settings are wrong")
        assert s.tcp(token=s.admin)[0] == 200
        third = new_token("admin", "third", s.tokens)
        hup(s, "settings read again")
        assert s.tcp(token=third)[0] == 200
        assert s.tcp(token=s.admin)[0] == 401


def test_who_has_no_token_any_more_hears_no_more_events(tmp_path):
    with TcpService(tmp_path / "s") as s:
        s.start()
        lines = s.tokens.read_text().splitlines(keepends=True)

        def listen(token):
            c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
            c.request("GET", "/api/v1/events?kinds=log", headers={"Authorization": f"Bearer {token}"} if token else {})
            answer = c.getresponse()
            assert answer.status == 200
            return c, answer

        gone, stays = listen(s.reader), listen(s.admin)
        local = UnixConnection(s.socket, 60)
        local.request("GET", "/api/v1/events?kinds=log")
        here = local.getresponse()
        s.tokens.write_text("".join(line for line in lines if not line.startswith("read ")))
        hup(s, "settings read again")
        s.create("secret", seeds=["http://a.example/"])
        with contextlib.suppress(OSError, http.client.HTTPException):  # it is cut, by an end that is none
            while line := gone[1].readline():
                assert b"POST /api/v1/jobs: 201" not in line
        for answer in stays[1], here:
            while b"POST /api/v1/jobs: 201" not in (line := answer.readline()):
                assert line
        for c in gone[0], stays[0], local:
            c.close()
        assert s.get("/healthz").status == 200


@pytest.mark.parametrize(
    ("api", "told"),
    [
        ('listen: ["127.0.0.1:{port}"]', "api.listen wants api.tokens"),
        ('listen: ["127.0.0.1:{port}"], tokens: {dir}/empty', "at least one token"),
        ('listen: ["127.0.0.1:{port}"], tokens: {dir}/open', "others than its owner may write it"),
        ('listen: ["127.0.0.1:{port}"], tokens: {dir}/nowhere', "nowhere"),
        ('listen: ["0.0.0.0:{port}"], tokens: {dir}/tokens', "would cross the network"),
        ('listen: ["localhost:{port}"], tokens: {dir}/tokens', "is no address"),
        ("listen: [8620], tokens: {dir}/tokens", "is no address"),
        ("tls_cert: {dir}/cert", "want each other"),
        ("tls_cert: {dir}/empty, tls_key: {dir}/empty", "certificate or key"),
    ],
)
def test_what_would_be_open_to_all_does_not_start(tmp_path, api, told):
    new_token("read", "a", tmp_path / "tokens")
    (tmp_path / "empty").write_text("# nobody\n")
    (tmp_path / "open").write_text((tmp_path / "tokens").read_text())
    (tmp_path / "open").chmod(0o666)
    with Service(tmp_path / "s", f"api: {{{api.format(port=free_port(), dir=tmp_path)}}}\n") as s:
        s.start(wait=False)
        assert s.child.wait(60) in (1, 2, 3), s.log()
        assert told in s.log(), s.log()


def test_who_says_so_has_tcp_without_tls_for_all(tmp_path):
    with TcpService(tmp_path / "s") as s:
        s.configure(f"api: {{listen: ['0.0.0.0:{s.port}'], tokens: {s.tokens}, allow_plain: yes}}\n")
        s.start()
        assert s.tcp(token=s.reader)[0] == 200 and s.tcp()[0] == 401


def test_credentials_of_systemd_are_found_without_a_setting(tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    token = new_token("admin", "a", credentials / "trawl.tokens")
    with TcpService(tmp_path / "s", env={"CREDENTIALS_DIRECTORY": str(credentials)}) as s:
        s.configure(f"api: {{listen: '127.0.0.1:{s.port}'}}\n")
        s.start()
        assert s.tcp(token=token)[0] == 200
        assert s.tcp(token=s.admin)[0] == 401


def test_wrong_tokens_are_limited_and_right_ones_are_served_all_the_same(tmp_path):
    with TcpService(tmp_path / "s", "bad_tokens: 5, client_rate: 1000") as s:
        s.start()
        got = [s.tcp(token="trawl_" + "0" * 64) for _ in range(12)]
        assert [status for status, _ in got] == [401] * 5 + [429] * 7
        assert "Retry-After: " in got[-1][1] and "Connection: close" in got[-1][1]
        wait = int(got[-1][1].split("Retry-After: ")[1].split("\r\n")[0])
        assert 1 <= wait <= 13
        assert s.tcp(token=s.admin)[0] == 200
        # Another address is another client, but all together have a limit, too.
        began = time.monotonic()
        others = [s.tcp(token="x" * 40, source=f"127.0.0.{i}")[0] for i in range(10, 80)]
        took = time.monotonic() - began
        assert 30 <= others.count(401) <= 46 + took and others[0] == 401 and (others[-1] == 429 or took > 20)
        assert s.log().count("a wrong token") <= 60 + took


def test_the_log_says_who_changed_what_and_whence_a_wrong_token_came(tmp_path):
    with TcpService(tmp_path / "s") as s:
        s.start()
        job = json.dumps({"name": "a", "seeds": ["https://a.example/"]}).encode()
        assert s.tcp("POST", token=s.admin, body=job)[0] == 201
        assert s.tcp("POST", token=s.admin, body=job)[0] == 409  # what was refused changed nothing
        assert s.tcp("POST", token=s.reader, body=job)[0] == 403
        assert s.tcp(token=s.admin)[0] == 200
        assert s.call("PATCH", "/api/v1/jobs/a", {"limits": {"max_pages": 3}}).status == 200
        # What is so already is no change.
        assert s.call("PATCH", "/api/v1/jobs/a", {"limits": {"max_pages": 3}}).status == 200
        same = {"seeds": ["https://a.example/"], "limits": {"max_pages": 3}}
        assert s.call("PUT", "/api/v1/jobs/a", same).status == 200
        bearer = {"Authorization": f"Bearer {s.admin}"}
        assert s.call("DELETE", "/api/v1/jobs/a", headers=bearer).status == 204
        assert s.tcp(token="trawl_" + "0" * 64, source="127.0.0.9")[0] == 401
        assert s.get("/api/v1/jobs", headers={"Authorization": "Bearer nonsense"}).status == 401
        assert [line for line in s.log().splitlines() if "http: " in line] == [
            "trawl: info: http: POST /api/v1/jobs: 201, asked for by alice at 127.0.0.1",
            "trawl: info: http: PATCH /api/v1/jobs/a: 200, asked for at the unix socket",
            "trawl: info: http: DELETE /api/v1/jobs/a: 204, asked for by alice at the unix socket",
            "trawl: warning: http: a wrong token at 127.0.0.9: GET /api/v1/jobs",
            "trawl: warning: http: a wrong token at the unix socket: GET /api/v1/jobs",
        ]


def test_a_client_has_so_many_requests_a_second(tmp_path):
    with TcpService(tmp_path / "s", "client_rate: 1") as s:
        s.start()
        began = time.monotonic()
        got = [s.tcp(path="/healthz") for _ in range(30)]
        took = time.monotonic() - began
        refused = [text for status, text in got if status == 429]
        assert 30 - len(refused) <= 2 + took + 1 and all("Retry-After: " in t for t in refused)
        assert refused
        assert s.tcp(path="/healthz", source="127.0.0.9")[0] == 200
        assert s.get("/healthz").status == 200
        wait_until("it is served again", lambda: s.tcp(path="/healthz")[0] == 200, every=0.3)


def test_a_client_has_so_many_connections_and_others_have_theirs(tmp_path):
    with TcpService(tmp_path / "s", "client_connections: 8, client_rate: 1000, header_timeout: 30s") as s:
        s.start()
        greedy = [s.connect("127.0.0.7") for _ in range(60)]
        # The same address still gets an answer: the one idle longest makes room.
        assert s.tcp(path="/healthz", source="127.0.0.7")[0] == 200
        assert s.tcp(path="/healthz")[0] == 200

        def are_open():
            n = 0
            for c in greedy:
                c.settimeout(0.001)
                try:
                    n += c.recv(1) != b""
                except TimeoutError:
                    n += 1
                except OSError:
                    pass
            return n

        wait_until("few are left", lambda: are_open() <= 16)
        for c in greedy:
            c.close()


def certificate(where, name, authority=None):
    where.mkdir(exist_ok=True)
    openssl(
        where, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem",
    )  # fmt: skip
    return where / "cert.pem", where / "key.pem"


def tls(s, ca, version=None):
    c = ssl.create_default_context(cafile=ca)
    if version:
        c.minimum_version = ssl.TLSVersion.TLSv1
        c.maximum_version = version
        c.set_ciphers("ALL:@SECLEVEL=0")
    return c.wrap_socket(s.connect(), server_hostname="127.0.0.1")


def tls_get(s, ca, path="/api/v1/jobs", **kw):
    with tls(s, ca, **kw) as c:
        c.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{s.port}\r\nAuthorization: Bearer {s.reader}\r\n"
            f"Origin: https://127.0.0.1:{s.port}\r\nConnection: close\r\n\r\n".encode()
        )
        with contextlib.suppress(ssl.SSLEOFError):
            return read_all(c)


def test_tls_with_a_certificate_that_is_read_again(tmp_path):
    one, other = certificate(tmp_path / "one", "one"), certificate(tmp_path / "other", "other")
    deep = tmp_path / ("deep" * 30)  # what is wrong is told all the same
    deep.mkdir()
    cert, key = deep / "cert.pem", deep / "key.pem"

    def install(pair):
        cert.write_bytes(pair[0].read_bytes())
        key.write_bytes(pair[1].read_bytes())

    install(one)
    with TcpService(tmp_path / "s", f"tls_cert: {cert}, tls_key: {key}") as s:
        s.start()
        assert tls_get(s, one[0]).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(ssl.SSLCertVerificationError):
            tls_get(s, other[0])
        # Plain HTTP and old TLS are not answered.
        assert b"HTTP" not in s.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            tls_get(s, one[0], version=ssl.TLSVersion.TLSv1_1)
        kept = tls(s, one[0])
        install(other)
        hup(s, "settings read again")
        assert tls_get(s, other[0]).startswith(b"HTTP/1.1 200 ")
        # A connection from before goes on.
        kept.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{s.port}\r\n\r\n".encode())
        assert kept.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        kept.close()
        # A key of another certificate is refused, and what was there stays.
        key.write_bytes(one[1].read_bytes())
        hup(s, "the key is not that of the certificate")
        assert tls_get(s, other[0]).startswith(b"HTTP/1.1 200 ")
        # No turn of the loop is wasted while a connection is open.
        idle = tls(s, other[0])
        before = cpu(s)
        time.sleep(1)
        assert cpu(s) - before < 0.3
        idle.close()
        assert s.stop() == 0


def test_trawl_ctl_comes_over_tls_with_its_token(tmp_path):
    (cert, key), (other, _) = certificate(tmp_path / "one", "one"), certificate(tmp_path / "other", "other")
    with TcpService(tmp_path / "s", f"tls_cert: {cert}, tls_key: {key}") as s:
        s.start()
        for role, token in ("admin", s.admin), ("read", s.reader):
            (tmp_path / role).write_text(token + "\n")
        job = tmp_path / "a.yaml"
        job.write_text("name: a\nseeds: [https://a.example/]\n")

        def ctl(*args, url=f"https://127.0.0.1:{s.port}", ca=cert, token=None, env=None):
            args = [TRAWL, "ctl", "--url", url, "--ca", ca, *args, *(["--token-file", tmp_path / token] if token else [])]
            done = subprocess.run(args, capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})
            return done.returncode, done.stdout, done.stderr

        assert ctl("jobs", "create", job, token="admin")[0] == 0
        code, out, _ = ctl("jobs", token="read")
        assert code == 0 and out.splitlines()[1].startswith("a ")
        assert ctl("jobs", env={"TRAWL_TOKEN_FILE": str(tmp_path / "read")})[0] == 0
        code, _, err = ctl("jobs", "delete", "a", token="read")
        assert code == 6 and "wants the role admin (403)" in err
        code, _, err = ctl("jobs")
        assert code == 6 and "(401)" in err
        assert err.rstrip().endswith("; --token-file FILE, or TRAWL_TOKEN_FILE, names the file that has one")
        assert ctl("jobs", ca=other, token="read")[0] == 5
        assert ctl("jobs", url=f"http://127.0.0.1:{s.port}", token="read")[0] == 4
        assert ctl("jobs", url=f"https://127.0.0.1:{free_port()}", token="read")[0] == 4
        assert s.admin not in s.log()


def test_who_is_silent_or_slow_with_tls_is_closed(tmp_path):
    cert, key = certificate(tmp_path / "one", "one")
    with TcpService(tmp_path / "s", f"tls_cert: {cert}, tls_key: {key}, header_timeout: 500ms") as s:
        s.start()
        silent, half, slow = s.connect(), s.connect(), tls(s, cert)
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        watch = Stopwatch()
        for c in (silent, half, slow):
            c.settimeout(60)
            with contextlib.suppress(OSError):
                assert c.recv(100) == b""
        assert watch.given() < 9  # 10 s is what it has where nothing is said
        assert tls_get(s, cert).startswith(b"HTTP/1.1 200 ")


def cpu(s):
    words = open(f"/proc/{s.child.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_the_socket_is_of_its_group_and_a_group_there_is_not_is_told(tmp_path):
    mine = grp.getgrgid(os.getgroups()[0] if os.geteuid() else grp.getgrnam("nogroup").gr_gid)
    with Service(tmp_path / "s", f"api: {{socket_group: {mine.gr_name}, socket_mode: '0600'}}\n") as s:
        s.start()
        assert s.socket.stat().st_gid == mine.gr_gid
        assert stat.S_IMODE(s.socket.stat().st_mode) == 0o600
    with Service(tmp_path / "none", "api: {socket_group: no-such-group}\n") as s:
        s.start(wait=False)
        assert s.child.wait(60) != 0 and "there is no group 'no-such-group'" in s.log()


def test_a_name_of_somebody_else_leads_nobody_to_the_socket(tmp_path):
    # Through a tunnel (ssh -L) a browser comes to it, which a page can lead to a name of its own.
    with Service(tmp_path / "s", "api: {hosts: [crawl.example]}\n") as s:
        s.start()

        def asked_as(host):
            return s.get("/api/v1/jobs", headers={"Host": host})

        for host in ("evil.example", "evil.example:8620", "127.0.0.1.evil.example", "localhost.evil.example", "evil."):
            refused = asked_as(host)
            p = problem(refused, 421)
            assert refused.headers["Connection"] == "close" and "api.hosts" in p["detail"]
        for host in ("localhost", "localhost:8620", "127.0.0.1:8620", "[::1]", "trawl", "crawl.example:8620"):
            assert asked_as(host).status == 200, host
        s.configure("api: {hosts: [other.example]}\n")
        hup(s, "settings read again")
        assert asked_as("crawl.example").status == 421 and asked_as("other.example").status == 200


def test_the_socket_has_its_mode_and_what_is_left_of_a_dead_service_is_no_hindrance(tmp_path):
    with Service(tmp_path / "s") as s:
        s.start()
        assert stat.S_IMODE(s.socket.stat().st_mode) == 0o660
        s.kill()
        assert s.socket.exists()
        s.start()
        assert s.get("/healthz").status == 200
        second = subprocess.run(
            [TRAWL, "serve", "-c", s.config], capture_output=True, text=True, timeout=60,
            env={**os.environ, "TRAWL_SERVICE_STATE_DIR": str(tmp_path / "other"), "TRAWL_API_SOCKET": str(s.socket),
                 "TRAWL_SERVICE_JOBS_DIR": str(s.jobs_dir)},
        )  # fmt: skip
        assert second.returncode == 1 and "another service answers there" in second.stderr, second
        assert s.get("/healthz").status == 200
