"""Ten jobs at once with 50 hosts each, one host shared by all: nobody is hurried, the shared one least of
all, by the server's log; and each run has the right pages."""

import pytest

from harness import dnsmasq, nginx
from service import Service
from test_loops import loops_of
from test_politeness import DELAY, gaps_ms, hurried, spans_of

JOBS = 10
HOSTS = 50  # of a job, the shared one included
PAGES = 3
SHARED = "shared.example.test"

SETTINGS = """
service: {runs_at_once: 10}
limits: {concurrency: 200, memory: 1GiB}
defaults:
  net: {allow_net: [127.0.0.0/8], dns: "@DNS@"}
  fetch: {delay: 100ms}
  run: {loops: @LOOPS@}
"""


def hosts_of(job):
    return [SHARED, *(f"h{n:02}.j{job}.example.test" for n in range(HOSTS - 1))]


def addresses():
    found = {SHARED: "127.3.0.1"}
    for job in range(JOBS):
        for n, host in enumerate(hosts_of(job)[1:]):
            found[host] = f"127.3.{job + 1}.{n + 1}"
    return found


def server(tmp):
    www = tmp / "www"
    www.mkdir()
    links = "".join(f'<a href="p{i}.html">{i}</a>\n' for i in range(1, PAGES))
    for i in range(PAGES):
        (www / f"p{i}.html").write_text("<!DOCTYPE html>\n<title>p</title>\n" + links + "x" * 5500)
    listen = "".join(f"listen {a}:@PORT@;\n" for a in addresses().values())
    # An answer takes some 200 ms, so that overlaps can be seen.
    return f"""server {{ listen 127.0.0.1:@PORT@; {listen} root "{www}"; sendfile on;
        location ~ html$ {{ sendfile_max_chunk 2k; limit_rate 20k; }} }}"""


@pytest.mark.parametrize("loops", [1, 3])
def test_the_shared_host_is_asked_politely_by_all_runs_together(tmp_path, loops):
    with dnsmasq(addresses()) as dns, nginx(tmp_path / "nginx", server(tmp_path)) as web:
        with Service(tmp_path / "serve", SETTINGS.replace("@DNS@", dns).replace("@LOOPS@", str(loops))) as s:
            s.start()
            assert len(loops_of(s.child.pid)) == loops - 1
            for job in range(JOBS):
                s.create(f"j{job}", seeds=[web.url("/p0.html", h) for h in hosts_of(job)])
            runs = [s.run(f"j{job}") for job in range(JOBS)]
            ended = [s.wait_for(r, "done", "failed", seconds=120) for r in runs]
            assert all(e["state"] == "done" and e["end"] == "done" for e in ended), ended
            # They went on side by side.
            assert max(e["began_at"] for e in ended) < min(e["ended_at"] for e in ended)
            for job, run in enumerate(runs):
                wanted = {web.url(f"/p{i}.html", h) for h in hosts_of(job) for i in range(PAGES)}
                out = s.output(run)
                assert {p["url"] for p in out.pages() if p["outcome"] == "ok"} == wanted
                archived = out.archived()
                assert all(len(archived[u]) == 1 for u in wanted)
        spans = spans_of(web.log())
    assert len(spans[SHARED]) == JOBS * (PAGES + 1)  # and robots.txt
    early = hurried({h: spans[h] for h in addresses()})
    assert all(gap >= DELAY / 2 * 1000 for _, gap in early), early
    assert sum(h == SHARED for h, _ in early) <= 1, early
    print(f"\n{len(spans)} hosts; shared: {len(spans[SHARED])} requests, least gap {min(gaps_ms(spans[SHARED])):.0f} ms")
