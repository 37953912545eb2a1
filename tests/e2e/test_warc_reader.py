"""The reader that judges our archives is strict: each kind of damage is seen."""

import base64
import gzip
import hashlib

import pytest

import warc

HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"
INFO = "00000000-0000-4000-8000-000000000000"
PAGE = "00000000-0000-4000-8000-000000000001"


def sha1(data):
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def record(kind, number, block, **more):
    headers = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{number}>",
        "WARC-Date": "2024-05-01T12:00:00.123456Z",
        "WARC-Block-Digest": sha1(block),
        "Content-Type": "application/warc-fields" if kind == "warcinfo" else "application/http;msgtype=response",
        "Content-Length": str(len(block)),
    }
    headers.update({k.replace("_", "-"): v for k, v in more.items()})
    head = "WARC/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items() if v is not None) + "\r\n"
    return head.encode() + block + b"\r\n\r\n"


def response(**more):
    fields = {"WARC_Target_URI": "http://example.test/", "WARC_Payload_Digest": sha1(b"hello")}
    fields.update(more)
    return record("response", PAGE, fields.pop("block", HTTP), **fields)


def read(tmp_path, *members, tail=b""):
    path = tmp_path / "x.warc.gz"
    path.write_bytes(b"".join(gzip.compress(m) for m in members) + tail)
    return warc.read(path)


INFO_RECORD = record("warcinfo", INFO, b"software: x\r\n")


def test_a_good_file_is_read(tmp_path):
    info, page = read(tmp_path, INFO_RECORD, response(WARC_Warcinfo_ID=f"<urn:uuid:{INFO}>"))
    assert (info.type, info.offset) == ("warcinfo", 0)
    assert page.offset == info.length
    assert (page.http_status, page.payload) == (200, b"hello")
    assert page.http_headers == {"content-type": "text/plain"}


DAMAGE = {
    "no warcinfo first": [response()],
    "two records in a member": [INFO_RECORD + response()],
    "a wrong length": [INFO_RECORD, response(Content_Length="3")],
    "a wrong block digest": [INFO_RECORD, response(WARC_Block_Digest=sha1(b"x"))],
    "a wrong payload digest": [INFO_RECORD, response(WARC_Payload_Digest=sha1(b"x"))],
    "no payload digest": [INFO_RECORD, response(WARC_Payload_Digest=None)],
    "no target": [INFO_RECORD, response(WARC_Target_URI=None)],
    "angle brackets around the target": [INFO_RECORD, response(WARC_Target_URI="<http://example.test/>")],
    "a bad date": [INFO_RECORD, response(WARC_Date="yesterday")],
    "the same id twice": [INFO_RECORD, response(), response()],
    "a reference to nothing": [INFO_RECORD, response(WARC_Concurrent_To=f"<urn:uuid:{INFO[:-1]}9>")],
    "a status line that is none": [INFO_RECORD, response(block=b"HTTP/2 200\r\n\r\nhello")],
    "a body that says to be chunked": [
        INFO_RECORD,
        response(block=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello"),
    ],
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_seen(what, tmp_path):
    with pytest.raises(warc.WarcError):
        read(tmp_path, *DAMAGE[what])


@pytest.mark.parametrize("tail", [b"\0", b"\x1f\x8b\x08", gzip.compress(response())[:-4]])
def test_a_bad_end_is_seen(tail, tmp_path):
    with pytest.raises(warc.WarcError):
        read(tmp_path, INFO_RECORD, tail=tail)
