"""Who crawls the sites: trawl, a bare libcurl loop, and other crawlers, each as fast as it can be told to be.

A contestant is a command line.  Whether it fetched all pages is told by the server's log, not by itself.
"""

import functools
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import harness

HERE = Path(__file__).resolve().parent
BARE = harness.BUILDDIR / "tests" / "bench" / "bare_curl"
PEERS = harness.BUILDDIR / "peers"  # what make bench-peers installed


@dataclass
class Job:
    """One crawl of a site."""

    site: object
    urls: list  # the seeds
    keys: object  # a function: all URLs
    out: Path  # an empty directory, for the contestant's files
    authority: object  # of the server's certificate, or None
    connections: int
    options: list  # further ones, for trawl

    def ca(self):
        return self.authority.ca if self.authority else None

    def file(self, name, lines):
        path = self.out / name
        path.write_text("".join(line + "\n" for line in lines))
        return path


@dataclass
class Contestant:
    name: str
    text: str
    command: object  # Job -> argv, or (argv, environment)
    there: object  # () -> its version; "": it is not there
    slow: bool = False  # crawls the small sites
    exits: tuple = (0,)  # codes with which it ends well
    absent: str = "not installed"
    stages: object = None  # measure.Run -> CPU seconds by stage
    only: tuple = field(default=())  # the sites that it crawls; (): all


def output_of(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def version_by(program, *args, word=None):
    """The first line that it says of its version, or one word of it."""

    def version():
        path = shutil.which(program)
        said = output_of(path, *args).splitlines() if path else []
        if not said:
            return ""
        words = said[0].split()
        return words[word] if word is not None and len(words) > word else said[0][:60]

    return functools.cache(version)


# -- trawl --


@functools.cache
def trawl_version():
    return (output_of(harness.TRAWL, "--version").split("\n")[0].split() or [""])[-1]


@functools.cache
def trawl_knows(option):
    return option in output_of(harness.TRAWL, "crawl", "--help")


def trawl(*more):
    def command(job):
        # Of 500 hosts each has few connections; all together are as many as asked for.
        per_host = job.connections if job.site.hosts == 1 else 4
        seeds = job.file("seeds.txt", job.urls)
        argv = [harness.TRAWL, "crawl", "-q", "-o", job.out / "crawl", "--delay", "0", "--per-host", per_host,
                "--concurrency", job.connections, "--seeds", seeds]  # fmt: skip
        if job.authority:
            argv += ["--ca", job.ca()]
        return [*argv, *more, *job.options]

    return command


def trawl_stages(run):
    """The loop or loops; the store's and RocksDB's threads and those of sinks; parsers in processes of their own."""
    loop = sum(seconds for name, seconds in run.threads.items() if name == "main" or name.startswith("trawl-loop"))
    own = sum(run.threads.values())
    return {"loop": loop, "store": own - loop, "workers": run.cpu - own}


def trawl_contestant(name, text, *more, needs="", only=()):
    def there():
        return trawl_version() if not needs or trawl_knows(needs) else ""

    return Contestant(name, text, trawl(*more), there, absent=f"has no {needs}", stages=trawl_stages, only=only)


# -- Others --


def bare(job):
    urls = job.file("urls.txt", job.keys())
    flags = ["-z"] if job.site.zipped else []
    if job.authority:
        flags += ["-c", job.ca()]
    kept = max(job.connections, 2 * job.site.hosts if job.site.hosts > 1 else 0)
    return [BARE, *flags, "-m", kept, job.connections, "", urls]


def wget2(job):
    argv = ["wget2", "-q", "-r", "-l", "inf", "--max-threads=16", "--no-xattr", "-P", job.out]
    if job.authority:
        argv.append(f"--ca-certificate={job.ca()}")
    return [*argv, "-i", job.file("seeds", job.urls)]


def wget(job):
    argv = ["wget", "-q", "-r", "-l", "inf", "-P", job.out]
    if job.site.zipped:
        argv.append("--compression=auto")
    if job.authority:
        argv.append(f"--ca-certificate={job.ca()}")
    return [*argv, "-i", job.file("seeds", job.urls)]


def httrack(job, *more):
    # No limits of connections a second and of bytes.  More than 16 sockets slow it down.
    return ["httrack", "-%L", job.file("seeds", job.urls), "-O", job.out / "mirror", "-q", "--disable-security-limits",
            "-c16", "-%c10000", "-A10000000000", "-r100000", "-B", *more]  # fmt: skip


def httrack_lean(job):
    # Without the cache, from which it goes on after an interruption, without index, log and purging.
    return httrack(job, "-C0", "-I0", "-X0", "-Q")


def scrapy(job):
    seeds = job.file("seeds", job.urls)
    return [scrapy_python(), HERE / "peer_scrapy.py", seeds, job.connections]


def scrapy_python():
    own = PEERS / "scrapy" / "bin"
    return own / "python" if (own / "scrapy").exists() else Path("/usr/bin/python3")


@functools.cache
def scrapy_version():
    return output_of(scrapy_python(), "-c", "import scrapy; print(scrapy.__version__)").strip()


def crawlee(job):
    env = {"NODE_PATH": str(PEERS / "crawlee" / "node_modules"), "CRAWLEE_STORAGE_DIR": str(job.out / "storage")}
    if job.authority:
        env["NODE_EXTRA_CA_CERTS"] = str(job.ca())
    return ["node", HERE / "peer_crawlee.cjs", job.file("seeds", job.urls), job.connections], env


@functools.cache
def crawlee_version():
    about = PEERS / "crawlee" / "node_modules" / "@crawlee" / "cheerio" / "package.json"
    if not about.exists() or not shutil.which("node"):
        return ""
    return next((line.split('"')[3] for line in about.read_text().splitlines() if '"version"' in line), "?")


def bare_version():
    return (output_of("curl-config", "--version").split() or ["?"])[-1] if BARE.exists() else ""


CONTESTANTS = [
    Contestant("bare", "bare libcurl loop, its list given, bodies thrown away", bare, bare_version),
    trawl_contestant("trawl", "everything: WARC, jsonl, RocksDB"),
    trawl_contestant("trawl-none", "nothing written but the store", "--sink", "none"),
    trawl_contestant("trawl-memory", "nothing written at all", "--sink", "none", "--state", "memory", needs="--state"),
    trawl_contestant("trawl-zstd", "everything, WARC by zstd", "--warc-compression", "zstd", only=("20k", "tiny")),
    Contestant("wget2", "16 threads", wget2, version_by("wget2", "--version", word=2), False, (0, 8)),
    Contestant("wget", "one connection: it has no more", wget, version_by("wget", "--version", word=2), True, (0, 8)),
    Contestant("httrack", "limits off", httrack, version_by("httrack", "--version", word=2), True),
    Contestant("httrack-lean", "limits off, no cache, no log", httrack_lean, version_by("httrack", "--version", word=2), True),
    Contestant("scrapy", "links by XPath, nothing stored", scrapy, scrapy_version, True),
    Contestant("crawlee", "CheerioCrawler, storage in memory", crawlee, crawlee_version, True),
]
