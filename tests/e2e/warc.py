"""A WARC reader that knows nothing of Trawl: ISO 28500:2017 and RFC 1952, and strict.

read(path) gives the records of a file and raises WarcError for whatever an independent reader
could stumble over: a gzip member that is cut or holds more than one record, a missing mandatory
header, a length or digest that is not right, bytes after the end.
"""

import base64
import hashlib
import re
import uuid
import zlib
from dataclasses import dataclass
from datetime import datetime


class WarcError(Exception):
    pass


TYPES = {"warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"}
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$")
# Some servers end lines by LF alone; what they sent is archived as it came.
HEAD_END = re.compile(rb"\r?\n\r?\n")
DIGESTS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}


@dataclass
class Record:
    path: object
    offset: int  # of the gzip member
    length: int
    headers: dict  # names in lower case
    block: bytes

    @property
    def type(self):
        return self.headers["warc-type"]

    @property
    def id(self):
        return self.headers["warc-record-id"]

    @property
    def uri(self):
        return self.headers.get("warc-target-uri", "")

    @property
    def http_head(self):
        return HEAD_END.split(self.block, 1)[0]

    @property
    def http_status(self):
        return int(self.http_head.split(b" ", 2)[1])

    @property
    def http_headers(self):
        lines = self.http_head.decode("latin-1").replace("\r\n", "\n").split("\n")[1:]
        return {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}

    @property
    def payload(self):
        """The entity: what follows the head."""
        return HEAD_END.split(self.block, 1)[1]


def _members(path):
    """(offset, length, content) of each gzip member; the whole file must be members."""
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        gz = zlib.decompressobj(31)
        parts, pos = [], at
        while not gz.eof:
            if pos >= len(data):
                raise WarcError(f"{path}: gzip member at {at} is cut short")
            chunk = data[pos : pos + 65536]
            try:
                parts.append(gz.decompress(chunk))
            except zlib.error as e:
                raise WarcError(f"{path}: gzip member at {at}: {e}") from None
            pos += len(chunk)
        end = pos - len(gz.unused_data)
        yield at, end - at, b"".join(parts)
        at = end


def _digest(value, content):
    name, _, given = value.partition(":")
    if name not in DIGESTS:
        raise WarcError(f"unknown digest {name}")
    have = DIGESTS[name](content).digest()
    return given in (base64.b32encode(have).decode(), have.hex())


def _parse(content):
    head, sep, rest = content.partition(b"\r\n\r\n")
    lines = head.decode("utf-8").split("\r\n")
    if not sep or lines[0] not in ("WARC/1.1", "WARC/1.0"):
        raise WarcError("no WARC header")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise WarcError(f"header line {line!r}")
        name = name.lower()
        if name in headers and name != "warc-concurrent-to":
            raise WarcError(f"{name} twice")
        headers[name] = value.strip()
    for name in ("warc-record-id", "content-length", "warc-date", "warc-type"):
        if name not in headers:
            raise WarcError(f"no {name}")
    length = int(headers["content-length"])
    if rest[length:] != b"\r\n\r\n":
        raise WarcError(f"Content-Length {length} does not end at the record's end")
    return headers, rest[:length]


def _check(r):
    h = r.headers
    if r.type not in TYPES:
        raise WarcError(f"type {r.type}")
    if not re.fullmatch(r"<urn:uuid:[0-9a-f-]{36}>", r.id):
        raise WarcError(f"record id {r.id}")
    uuid.UUID(r.id[10:-1])
    if not DATE.match(h["warc-date"]):
        raise WarcError(f"date {h['warc-date']}")
    datetime.strptime(h["warc-date"][:19], "%Y-%m-%dT%H:%M:%S")
    if r.type in ("response", "resource", "request", "revisit", "conversion", "continuation") and not r.uri:
        raise WarcError("no target URI")
    if "<" in r.uri or ">" in r.uri or " " in r.uri:
        raise WarcError(f"target URI {r.uri}")
    if "content-type" not in h and r.block and r.type != "continuation":
        raise WarcError("no content type")
    if "warc-block-digest" in h and not _digest(h["warc-block-digest"], r.block):
        raise WarcError("block digest")
    if h.get("content-type", "").replace(" ", "").startswith("application/http"):
        if not HEAD_END.search(r.block):
            raise WarcError("HTTP without the end of its head")
        if r.type == "response":
            if not re.match(rb"HTTP/1\.[01] \d\d\d( |\r)", r.block):
                raise WarcError(f"status line {r.block[:40]!r}")
            if "transfer-encoding" in r.http_headers:
                raise WarcError("says to be chunked, and is not")
            if "warc-payload-digest" not in h:
                raise WarcError("no payload digest")
        if r.type != "revisit" and "warc-payload-digest" in h:
            if not _digest(h["warc-payload-digest"], r.payload):
                raise WarcError("payload digest")


def warcinfo_id(path):
    """Of the first record of a file."""
    for offset, length, content in _members(path):
        return Record(path, offset, length, *_parse(content)).id
    return None


def read(path, warcinfos=()):
    """`warcinfos`: ids in other files that records may refer to (after a roll-over)."""
    records = []
    for offset, length, content in _members(path):
        try:
            r = Record(path, offset, length, *_parse(content))
            _check(r)
        except (WarcError, ValueError) as e:
            raise WarcError(f"{path}: record at {offset}: {e}") from None
        records.append(r)
    if not records or records[0].type != "warcinfo":
        raise WarcError(f"{path}: does not begin with warcinfo")
    ids = [r.id for r in records]
    if len(set(ids)) != len(ids):
        raise WarcError(f"{path}: a record id twice")
    for r in records:
        for ref in ("warc-concurrent-to", "warc-warcinfo-id"):
            if ref in r.headers and r.headers[ref] not in ids and r.headers[ref] not in warcinfos:
                raise WarcError(f"{path}: {ref} {r.headers[ref]} is not in the file")
    return records
