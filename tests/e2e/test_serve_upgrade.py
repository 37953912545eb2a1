"""A newer `trawl serve` on what an older one left: jobs, history, and runs that go on."""

import re
import sqlite3

import harness
from harness import nginx, wait_until
from service import Service

PAGES = 60
SETTINGS = """
api: {allow_local: yes}
defaults:
  net: {allow_net: [127.0.0.0/8]}
  fetch: {delay: 0, rate: 20/s}
"""


def migrations():
    """The steps of registry_schema.h, each as SQL."""
    text = (harness.SRCDIR / "src/ctl/registry_schema.h").read_text()
    body = re.search(r"registry_migrations\[\] = \{(.*?)\n\};", text, re.S)[1]
    steps = re.split(r"/\* \d+: [^*]*\*/", re.sub(r'/\* (?!\d+: )[^*]*\*/', "", body))[1:]
    return ["".join(re.findall(r'"([^"]*)"', step)) for step in steps]


def tables(db):
    names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    return {name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")] for name in names}


def make_older(path, version):
    """What a trawl of that version of the registry would have written, had it done the same."""
    older = path.with_suffix(".older")
    with sqlite3.connect(older) as to:
        for step in migrations()[:version]:
            to.executescript(step)
        now = sqlite3.connect(path)
        (application,) = now.execute("PRAGMA application_id").fetchone()
        assert now.execute("PRAGMA user_version").fetchone() == (len(migrations()),)
        have = tables(now)
        for table, columns in tables(to).items():
            keep = [c for c in columns if c in have[table]]
            rows = now.execute(f"SELECT {', '.join(keep)} FROM {table}").fetchall()
            to.executemany(f"INSERT INTO {table} ({', '.join(keep)}) VALUES ({', '.join('?' * len(keep))})", rows)
        now.close()
        to.execute(f"PRAGMA application_id = {application}")
        to.execute(f"PRAGMA user_version = {version}")
    to.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    older.rename(path)


def test_runs_go_on_and_what_was_stays_after_an_upgrade(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    for n in range(PAGES):
        (root / f"p{n}.html").write_text(f"<title>{n}</title>" + "".join(f"<a href=p{(n + k) % PAGES}.html>x</a>" for k in (1, 2)))
    with nginx(tmp_path / "web", f"server {{ listen 127.0.0.1:@PORT@; location / {{ root {root}; }} }}") as web:
        assert len(migrations()) >= 2
        for version in range(1, len(migrations())):
            with Service(tmp_path / f"v{version}", SETTINGS) as s:
                s.start()
                s.create("old", seeds=[web.url("/p0.html")], limits={"max_pages": 2})
                s.create("long", seeds=[web.url("/p0.html")])
                over, going = s.run("old"), s.run("long")
                s.wait_for(over, "done")
                wait_until("it has pages", lambda: s.state_of(going).get("stats", {}).get("pages", 0) > 5)  # noqa: B023
                assert s.stop() == 0
                make_older(s.state / "registry.db", version)
                s.start()
                assert s.state_of(over)["state"] == "done"
                assert s.get("/api/v1/jobs/old").json["spec"]["limits"]["max_pages"] == 2
                end = s.wait_for(going, "done", "failed")
                assert end["state"] == "done" and end["starts"] == 2, end
                pages = [p["url"] for p in s.output(going).pages() if p["status"] == 200]
                assert sorted(pages) == sorted(web.url(f"/p{n}.html") for n in range(PAGES))
                assert s.run("old") > going  # no number is given twice
