"""Servers that abuse HTTP/2, all at once: frames without end, bombs in heads, what may not stand there."""

import os
import ssl

import pytest

import harness
from hostile import Case, Hostile, drip, endless, hang, page, then

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION, UNKNOWN = *range(10), 0x77
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
OK, BAD, SHORT = {"ok"}, {"protocol-error"}, {"truncated"}
LATE = {"timeout-first-byte", "timeout-stall", "timeout-total"}  # deadlines hold, whatever comes
BROKEN = BAD | {"connect-failure"}  # it depends on who closes first
SECONDS_MAX = 45  # the server goes on for 60
BODY = b"<title>page</title>"


def frame(kind, flags=0, stream=1, data=b""):
    return len(data).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data


def text(data):
    """A string of HPACK, without Huffman's code."""
    if len(data) < 127:
        return bytes([len(data)]) + data
    out, left = bytearray([127]), len(data) - 127
    while left > 127:
        out.append(left % 128 + 128)
        left //= 128
    return bytes(out) + bytes([left]) + data


def field(name, value, kept=False):
    return (b"\x40" if kept else b"\x00") + text(name) + text(value)


STATUS_200, FIRST_KEPT = b"\x88", b"\xbe"
TYPE = field(b"content-type", b"text/html")


def head(*fields, status=STATUS_200, flags=END_HEADERS):
    return frame(HEADERS, flags, data=status + b"".join(fields))


HEAD, REST = head(TYPE), frame(DATA, END_STREAM, data=BODY)
PART = HEAD + frame(DATA, data=BODY)
FIELD_BOMB = field(b"x", b"y" * 4000, kept=True)


def case(name, outcomes, *steps):
    """The server's settings, then this."""
    return Case(name, then(frame(SETTINGS, stream=0), *steps), outcomes, tls="h2")


def with_field(name, value):
    return head(TYPE, field(name, value)), REST, hang


# fmt: off
CASES = [
    case("good", OK, HEAD, REST, hang),
    case("trailers", OK, PART, frame(HEADERS, END_HEADERS | END_STREAM, data=field(b"x", b"y")), hang),
    # Without end.
    case("pings", BROKEN | LATE, endless(frame(PING, stream=0, data=bytes(8)))),
    case("pongs", SHORT, PART, endless(frame(PING, ACK, 0, bytes(8)))),
    case("settings", BROKEN, endless(frame(SETTINGS, stream=0))),
    case("empty-data", LATE, HEAD, endless(frame(DATA))),
    case("padding", LATE, HEAD, endless(frame(DATA, PADDED, data=b"\xff" + bytes(255)))),
    case("windows", LATE, HEAD, endless(frame(WINDOW, data=b"\0\0\0\1"))),
    case("priorities", LATE, HEAD, endless(frame(PRIORITY, data=b"\0\0\0\0\x10"))),
    case("goodbyes", LATE, endless(frame(GOAWAY, stream=0, data=b"\0\0\0\1\0\0\0\0"))),
    case("resets", BROKEN, endless(frame(RESET, data=b"\0\0\0\7"))),
    case("continuations", BROKEN, head(TYPE, flags=0), endless(frame(CONTINUATION))),
    case("unknown-frames", LATE, HEAD, endless(frame(UNKNOWN, data=bytes(100)))),
    case("hints", BROKEN, endless(frame(HEADERS, END_HEADERS, data=field(b":status", b"103")))),
    case("promises", BROKEN, endless(frame(PUSH, END_HEADERS, data=b"\0\0\0\2\x82\x84\x87"))),
    case("body", {"too-large"}, HEAD, endless(frame(DATA, data=bytes(16384)))),
    # Large when it is unpacked, and what may not be in a head.
    case("bomb", BROKEN, head(FIELD_BOMB, FIRST_KEPT * 12000), hang),
    case("bomb-continued", BROKEN, head(FIELD_BOMB, flags=0), endless(frame(CONTINUATION, data=FIRST_KEPT * 16000))),
    case("many-fields", BAD, head(field(b"x", b"y") * 3200), hang),
    case("nul-in-a-value", BAD, *with_field(b"x", b"a\0b")),
    case("line-in-a-value", BAD, *with_field(b"x", b"a\r\nset-cookie: c=1")),
    case("line-in-a-name", BROKEN, *with_field(b"x\r\ny", b"z")),
    case("capital-in-a-name", BROKEN, *with_field(b"X", b"z")),
    case("escape-in-a-value", BAD, *with_field(b"x", b"\x1b[31m")),
    case("chunks", BAD, *with_field(b"transfer-encoding", b"chunked")),
    case("length-too-small", BAD, *with_field(b"content-length", b"5")),
    case("length-too-large", BAD, *with_field(b"content-length", b"500")),
    case("status-0", BAD, head(status=field(b":status", b"000")), REST, hang),
    case("status-999", BAD, head(status=field(b":status", b"999")), REST, hang),
    case("status-with-a-line", BROKEN, head(status=field(b":status", b"200\r\nx: y")), REST, hang),
    case("no-status", BAD, head(TYPE, status=b""), REST, hang),
    case("two-statuses", BAD, head(field(b":status", b"404")), REST, hang),
    # What comes in the wrong place, or ends too early.
    case("body-before-the-head", BROKEN, REST, hang),
    case("body-of-another", BROKEN, frame(DATA, stream=3, data=BODY), hang),
    case("reset-in-the-body", SHORT, PART, frame(RESET, data=b"\0\0\0\2"), hang),
    case("refused", BROKEN, frame(RESET, data=b"\0\0\0\7"), hang),
    case("goodbye", BAD, frame(GOAWAY, stream=0, data=b"\0\0\0\0\0\0\0\x0b" + b"x" * 10000), hang),
    case("status-behind-the-body", SHORT, PART, frame(HEADERS, END_HEADERS | END_STREAM, data=b"\x8d"), hang),
    case("no-frames", BROKEN, b"\xff" * 9999, hang),
    case("http-1", BROKEN, page(), hang),
    case("byte-by-byte", LATE, drip(bytes(99))),
    case("nothing-but-settings", LATE, hang),
]
# fmt: on


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    """The result of one crawl of all cases, name -> outcome of each, and how long it took of the time that was given."""
    tmp = tmp_path_factory.mktemp("http2")
    server = Hostile(CASES, net="127.8")
    authority = harness.test_authority(tmp / "authority", tuple(c.address for c in CASES))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.cert, authority.key)
    tls.set_alpn_protocols(["h2"])
    server.contexts = {"h2": tls}
    found = {}

    def lost():
        """Seconds of the server's that the machine gave to others, and to Trawl as many, one may think."""
        return harness.run_delay((os.getpid(), server.thread_id)) or 0

    def crawl(where, cases):
        before = lost()
        result, out = harness.crawl(
            tmp / where, "-q", "--ca", authority.ca, "--http", "2", "--robots", "ignore", "--no-sitemaps",
            "--retries", "0", "--concurrency", "100", "--max-body", "4MiB", "--connect-timeout", "20s",
            "--first-byte-timeout", "5s", "--stall-timeout", "5s", "--total-timeout", "20s",
            *(server.url(c) for c in cases),
        )  # fmt: skip
        told = {line[3]: line[11].split(",")[0] for line in out.crawl_log()}
        told.update({p["url"]: p["outcome"] for p in out.pages()})
        found.update({c.name: told.get(server.url(c)) for c in cases})
        return result, lost() - before

    with server:
        result, late = crawl("out", CASES)
        took = result.seconds - late
        # Anew, and without the others, those that had to wait for the machine, or for a server that had to.
        for n in range(4):
            again = [c for c in CASES if found[c.name] not in c.outcome]
            if not again or late < 2:
                break
            _, late = crawl(f"again{n}", again)
        yield result, found, took


def test_deadlines_hold_whatever_frames_come(crawled):
    assert crawled[0].rc == 0, crawled[0].err
    assert crawled[2] < SECONDS_MAX


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_abuse_of_http2_has_its_outcome(case, crawled):
    assert crawled[1][case.name] in case.outcome
