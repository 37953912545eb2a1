"""--sink s3: the archive ends up in S3-compatible storage, whatever happens on the way."""

import os
import signal
import time

import pytest

import harness
import judges
import s3
from service import Service

pytestmark = judges.need("moto_server")
PAGES = 40
FAST = "-q", "--delay", "0", "--per-host", "8", "--commit-interval", "50ms"
SMALL = "--warc-size", "256KiB"  # some seven files
EXTRAS = {"index.cdxj", "pages.jsonl", "crawl.log", "rejected.log", "report.json", "report.html"}


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    www = tmp_path_factory.mktemp("www")
    for i in range(PAGES):
        links = "".join(f"<a href={i * 2 + k}.html>n</a>" for k in (1, 2) if i * 2 + k < PAGES)
        (www / f"{i}.html").write_bytes(f"<title>{i}</title>{links}<!-- ".encode() + os.urandom(30000).hex().encode() + b" -->")
    server = f"""server {{ listen 127.0.0.1:@PORT@; types {{ text/html html; }} root "{www}"; }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with s3.server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def store(server):
    return server()


def crawl(store, web, where, *options, env=None, url="/0.html"):
    return harness.crawl(where, *FAST, *SMALL, *store.options(*options), web.url(url), env=store.env(**(env or {})))


def same(out, objects, prefix="", extras=EXTRAS):
    """Each file of the directory is there, byte for byte, and nothing else."""
    local = {f"warc/{p.name}": p for p in out.warcs()} | {n: out.dir / n for n in extras if (out.dir / n).exists()}
    assert set(objects) == {prefix + n for n in local}
    for name, path in local.items():
        assert objects[prefix + name]["body"] == path.read_bytes(), name


def test_all_that_a_crawl_makes_is_put_there(store, web, tmp_path):
    result, out = crawl(store, web, tmp_path / "out", "--s3-prefix", "a b+/\u00e4~(1)/", "--s3-storage-class", "STANDARD_IA")
    assert result.rc == 0 and result.err == "", result.err
    objects = store.objects()
    same(out, objects, "a b+/\u00e4~(1)/")
    assert len(out.warcs()) > 4 and {o["class"] for o in objects.values()} == {"STANDARD_IA"}
    assert objects["a b+/\u00e4~(1)/report.html"]["type"].startswith("text/html")
    assert len(store.gate.puts) == len(objects)
    # Nothing has changed: nothing is put again, but for the reports, which tell when they were made.
    assert harness.trawl("resume", "-q", out.dir, env=store.env()).rc == 0
    again = store.gate.puts[len(objects):]
    assert {name.rsplit("/", 1)[1] for name in again} <= {"report.json", "report.html", "index.cdxj", out.warcs()[-1].name}
    same(out, store.objects(), "a b+/\u00e4~(1)/")


def test_a_file_that_is_too_large_keeps_no_other_from_going(store, web, tmp_path):
    result, out = crawl(store, web, tmp_path / "out")
    assert result.rc == 0, result.err
    with open(out.dir / "warc" / "trawl-0-20260101000000000-00000.warc.gz", "wb") as f:
        f.truncate((5 << 30) + 1)
    (out.dir / "s3.log").unlink()  # so that all are put again
    store.gate.puts.clear()
    result = harness.trawl("resume", "-q", out.dir, env=store.env())
    assert result.rc == 3 and "trawl-0-20260101000000000-00000.warc.gz: it is larger than the 5 GiB" in result.err, result.err
    put = {str(p) for p in store.gate.puts}
    for path in out.warcs():
        if not path.name.startswith("trawl-0-"):
            assert any(path.name in p for p in put), (path, put)
    assert any("report.html" in p for p in put)


def test_the_summary_names_the_bucket_and_what_lists_the_files(store, web, tmp_path):
    for name, prefix in ("a", "docs/2026/"), ("b", ""):
        options = store.options("--max-pages", "1", *(["--s3-prefix", prefix] if prefix else []))
        result, out = harness.crawl(tmp_path / name, *options, web.url("/0.html"), env=store.env())
        assert result.rc == 0, result.err
        place = f"{store.bucket}/{prefix} at http://127.0.0.1:{store.gate.port}"
        assert f"  bucket    {place}; which files: {out.dir}/s3.log\n" in result.err
        assert (out.dir / "s3.log").exists()


def test_only_the_archive_and_another_round_of_it(store, web, tmp_path):
    result, out = crawl(store, web, tmp_path / "out", "--no-s3-extras", "--max-pages", "20")
    assert result.rc == 0, result.err
    same(out, store.objects(), extras=())
    last = out.warcs()[-1].name
    result = harness.trawl("resume", "-q", out.dir, "--max-pages", "none", env=store.env())
    assert result.rc == 0, result.err
    same(out, store.objects(), extras=())  # the last one has grown and was put again
    assert [p for p in store.gate.puts if p.endswith(last)] != []


def test_files_are_put_while_the_crawl_goes_on_and_removed_if_asked(store, web, tmp_path):
    running = harness.Running("crawl", "-o", tmp_path / "out", "--delay", "200ms", "--commit-interval", "50ms", *SMALL,
                              *store.options("--s3-delete"), web.url("/0.html"), env=store.env())  # fmt: skip
    out = harness.Output(tmp_path / "out")
    try:
        harness.wait_until("a file there, and none here", lambda: len(store.gate.puts) > 2)
        assert running.child.poll() is None
        result = running.result()
    finally:
        running.end()
    assert result.rc == 0, result.err
    objects = store.objects()
    assert len(out.warcs()) == 1  # a resume goes on in it
    assert len([n for n in objects if n.startswith("warc/")]) > 4
    # What is there is the whole archive: each page once.
    where = tmp_path / "back" / "warc"
    where.mkdir(parents=True)
    for name, o in objects.items():
        if name.startswith("warc/"):
            (where / name[5:]).write_bytes(o["body"])
    archived = harness.Output(tmp_path / "back").archived()
    assert {u for u in archived if u.endswith(".html")} == {web.url(f"/{i}.html") for i in range(PAGES)}
    assert all(len(r) == 1 for r in archived.values())
    assert harness.trawl("resume", "-q", out.dir, env=store.env()).rc == 0


def test_what_fails_for_a_while_is_tried_again(store, web, tmp_path):
    store.gate.plan += ["500", "reset", "500"]
    result, out = harness.crawl(tmp_path / "out", *FAST[1:], *SMALL, *store.options(), web.url("/0.html"), env=store.env())
    assert result.rc == 0, result.err
    same(out, store.objects())
    assert "PUT was answered with status 500 InternalError; tried again" in result.err
    assert result.err.count("tried again") == 3 and not store.gate.plan


def test_a_server_that_stays_away_is_told_and_a_resume_puts_the_rest(store, web, tmp_path):
    store.gate.plan += ["500"] * 100
    result, out = crawl(store, web, tmp_path / "out", "--s3-retries", "0", "--s3-delete")
    assert result.rc == 3, result.err
    assert f"s3: not all could be put there: warc/{out.warcs()[0].name}: PUT was answered with status 500" in result.err
    assert f"trawl resume {out.dir} tries it again" in result.err
    assert store.objects() == {} and len(out.warcs()) > 4 and len(out.archived()) >= PAGES
    store.gate.plan.clear()
    keep = {p.name: p.read_bytes() for p in out.warcs()[:-1]}
    assert harness.trawl("resume", "-q", out.dir, env=store.env()).rc == 0
    objects = store.objects()
    assert {n: objects["warc/" + n]["body"] for n in keep} == keep and EXTRAS <= set(objects) and len(out.warcs()) == 1


def test_one_that_never_answers_is_left_after_the_timeout(store, web, tmp_path):
    store.gate.plan += [("hold",)] * 2
    result, out = harness.crawl(tmp_path / "out", *FAST[1:], *SMALL, *store.options("--s3-timeout", "3s"), web.url("/0.html"), env=store.env())
    assert result.rc == 0, result.err
    same(out, store.objects())
    assert "Operation too slow" in result.err


def test_kill_9_within_an_upload_and_resume_put_each_file_to_its_end(store, web, tmp_path):
    for kill in range(3):
        store.gate.held.clear()
        store.gate.plan += [None, ("hold",)] if kill == 0 else [("hold",)]
        args = ("crawl", "-o", tmp_path / "out", "--delay", "20ms", "--commit-interval", "50ms", *SMALL, *store.options(), web.url("/0.html"))
        running = harness.Running(*(args if kill == 0 else ("resume", tmp_path / "out")), env=store.env())
        try:
            harness.wait_until("an upload", store.gate.held.is_set)
            os.kill(running.child.pid, signal.SIGKILL)
            running.child.wait(60)
        finally:
            running.end()
    result = harness.trawl("resume", "-q", tmp_path / "out", env=store.env())
    assert result.rc == 0, result.err
    out = harness.Output(tmp_path / "out")
    same(out, store.objects())
    assert {u for u in out.archived() if u.endswith(".html")} == {web.url(f"/{i}.html") for i in range(PAGES)}


def test_a_signal_breaks_off_what_is_put_at_the_end(store, web, tmp_path):
    store.gate.plan += [("hold",)] * 10
    running = harness.Running("crawl", "-o", tmp_path / "out", *FAST, "--sink", "warc", *store.options()[2:], web.url("/0.html"), env=store.env())
    try:
        harness.wait_until("an upload", store.gate.held.is_set)
        running.signal(signal.SIGINT)
        result = running.result()
    finally:
        running.end()
    assert result.rc == 11 and "s3: stopped before all was put there" in result.err
    store.gate.plan.clear()
    assert harness.trawl("resume", "-q", tmp_path / "out", env=store.env()).rc == 0
    same(harness.Output(tmp_path / "out"), store.objects())


def test_keys_come_from_a_file_too_and_stand_nowhere(store, web, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(f"[other]\naws_access_key_id = no\n[default]\naws_access_key_id={store.access}\n aws_secret_access_key = {store.secret} \n")
    options = *FAST[1:], "-v", "-v", *store.options("--s3-credentials", keys), web.url("/0.html")
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    result, out = harness.crawl(tmp_path / "out", *options, env=none)
    assert result.rc == 0, result.err
    same(out, store.objects())
    assert store.secret not in result.err and store.access not in result.err
    for path in out.dir.rglob("*"):
        if path.is_file():
            assert store.secret.encode() not in path.read_bytes(), path
    keys.unlink()
    lost = harness.trawl("resume", out.dir, env=none)
    assert lost.rc == 2 and f"--s3-credentials: cannot read {keys}" in lost.err


def test_wrong_keys_and_a_bucket_that_is_not_there_are_told(store, web, tmp_path):
    wrong, out = crawl(store, web, tmp_path / "a", env={"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert wrong.rc == 3 and "was answered with status 403 SignatureDoesNotMatch" in wrong.err
    assert wrong.err.count("SignatureDoesNotMatch") == wrong.err.count("\n") and len(out.archived()) >= PAGES
    where = list(store.options())
    where[where.index(store.bucket)] = "nowhere"
    lost, _ = harness.crawl(tmp_path / "b", *FAST, *where, web.url("/0.html"), env=store.env())
    assert lost.rc == 3 and "status 404 NoSuchBucket" in lost.err


def test_a_session_token_is_signed_and_sent(store, web, tmp_path):
    result, out = crawl(store, web, tmp_path / "out", env=store.lent)
    assert result.rc == 0, result.err
    same(out, store.objects())
    result, _ = crawl(store, web, tmp_path / "other", env=store.lent | {"AWS_SESSION_TOKEN": "other"})
    assert result.rc == 3 and "status 400 InvalidToken" in result.err


@pytest.mark.parametrize("style", [(), ("--no-s3-path-style",)])
def test_tls_is_verified_and_the_bucket_may_be_in_the_name(store, web, tmp_path, style):
    names = "localhost", f"{store.bucket}.localhost"
    authority = harness.test_authority(tmp_path / "ca", names)
    front = f"""server {{ listen 127.0.0.1:@PORT@ ssl; ssl_certificate "{authority.cert}"; ssl_certificate_key "{authority.key}";
        client_max_body_size 0; location / {{ proxy_pass http://127.0.0.1:{store.gate.port}; proxy_set_header Host $http_host; }} }}"""
    with harness.nginx(tmp_path / "front", front, "https") as tls:
        where = list(store.options(*style))
        where[where.index("--s3-endpoint") + 1] = tls.url("", "localhost")
        refused, _ = harness.crawl(tmp_path / "a", *FAST, *where, web.url("/0.html"), env=store.env())
        assert refused.rc == 3 and "SSL certificate problem" in refused.err
        result, out = harness.crawl(tmp_path / "b", *FAST, *where, "--s3-ca", authority.ca, web.url("/0.html"), env=store.env())
        assert result.rc == 0, result.err
        same(out, store.objects())
        assert all(p.startswith(f"/{store.bucket}/") == (not style) for p in store.gate.puts)


def test_storage_that_does_not_answer_holds_up_neither_the_crawl_nor_its_stop(store, web, tmp_path):
    store.gate.plan += [("hold",)] * 10
    running = harness.Running("crawl", "-o", tmp_path / "out", *FAST, *SMALL, *store.options(), web.url("/0.html"), env=store.env())
    out = harness.Output(tmp_path / "out")
    try:
        harness.wait_until("an upload", store.gate.held.is_set)
        harness.wait_until("all pages", lambda: out.pages_yet() == PAGES)
        began = time.monotonic()
        running.signal(signal.SIGINT)
        result = running.result()
    finally:
        running.end()
    assert result.rc == 11 and time.monotonic() - began < 20 and "s3: stopped before all was put there" in result.err
    store.gate.plan.clear()
    assert harness.trawl("resume", "-q", out.dir, env=store.env()).rc == 0
    same(out, store.objects())


def test_the_service_puts_files_to_the_storage_of_its_defaults_and_of_nobody_else(store, web, tmp_path):
    settings = f"""
api: {{allow_local: yes}}
defaults:
  fetch: {{delay: 0}}
  s3: {{endpoint: "http://127.0.0.1:{store.gate.port}", region: {s3.REGION}, bucket: {store.bucket}}}
"""
    with Service(tmp_path / "serve", settings, env=store.env()) as service:
        service.start()
        job = {"seeds": [web.url("/0.html")], "output": {"sink": ["warc", "jsonl", "s3"], "warc_size": "256KiB"}}
        service.create("kept", **job, s3={"prefix": "kept/"})
        run = service.run("kept")
        service.wait_for(run, "done")
        same(service.output(run), store.objects(), "kept/")
        for section, value in [("s3", {"bucket": "another"}),
                               ("s3", {"bucket": store.bucket, "endpoint": "http://127.0.0.1:1"}),
                               ("s3", {"bucket": store.bucket, "credentials": "/etc/passwd"}),
                               ("exec", {"command": "cat"})]:  # fmt: skip
            refused = service.post("/api/v1/jobs", {"name": "x", **job, section: value})
            assert refused.status in (400, 422) and f"/{section}/{[*value][-1]}" in str(refused.json), refused


BAD = [
    ("--s3-endpoint: 'ftp://x'", {"--s3-endpoint": "ftp://x"}),
    ("--s3-endpoint: 'http://u:p@x/'", {"--s3-endpoint": "http://u:p@x/"}),
    ("--s3-endpoint: 'http://x/y'", {"--s3-endpoint": "http://x/y"}),
    ("--s3-bucket: 'a/b' is not the name", {"--s3-bucket": "a/b"}),
    ("--s3-region: ", {"--s3-region": "a b"}),
    ("--s3-prefix: ", {"--s3-prefix": "/a"}),
    ("--s3-storage-class: ", {"--s3-storage-class": "a b"}),
    ("--s3-ca: ", {"--s3-ca": "/etc/hostname"}),
    ("--warc-size: S3 takes files of 5 GiB at most", {"--warc-size": "5GiB"}),
    ("--wacz packs the archive files that --s3-delete removes", {"--wacz": None, "--s3-delete": None}),
]


@pytest.mark.parametrize("what,change", BAD)
def test_what_cannot_be_is_told_before_anything_is_made(web, tmp_path, what, change):
    options = {"--s3-endpoint": "http://127.0.0.1:1", "--s3-bucket": "crawls"} | change
    words = [w for k, v in options.items() for w in ((k,) if v is None else (k, v))]
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    result, out = harness.crawl(tmp_path / "out", "--sink", "warc", "--sink", "s3", *words, web.url("/"), env=keys)
    assert result.rc == 2 and what in result.err and not out.dir.exists(), result.err


def test_what_is_missing_is_told(web, tmp_path):
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    at = "--s3-endpoint", "http://127.0.0.1:1", "--s3-bucket", "crawls"
    for what, options, env in [
        ("--s3-credentials: there are no keys", ("--sink", "warc", "--sink", "s3", *at), {"AWS_ACCESS_KEY_ID": ""}),
        ("--s3-endpoint: ''", ("--sink", "warc", "--sink", "s3", *at[2:]), keys),
        ("--s3-bucket: ''", ("--sink", "warc", "--sink", "s3", *at[:2]), keys),
        ("add --sink warc", ("--sink", "s3", *at), keys),
    ]:
        result, out = harness.crawl(tmp_path / "out", *options, web.url("/"), env=keys | env)
        assert result.rc == 2 and what in result.err and not out.dir.exists(), result.err
