"""The link closure of a site, worked out without Trawl.

closure(fetch, start) asks fetch(url) for an Answer and follows every link within the host and
port of `start`.  Python's html.parser and urllib do the work, so that nothing here shares a
mistake with Trawl's own parsers.  Not followed: forms, cite, ping, and what scripts say.
"""

import mimetypes
import re
import urllib.parse
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path


@dataclass
class Answer:
    status: int
    type: str = ""  # media type, in lower case
    charset: str = ""  # as the header tells it
    body: bytes = b""
    location: str = ""


# -- URLs --

_SPECIAL = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*):")
_PATH_SAFE = "!$%&'()*+,-./0123456789:;=@[]^_|~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_QUERY_SAFE = _PATH_SAFE.replace("'", "") + "?`{}\\"


def resolve(base, ref, charset="utf-8"):
    """The absolute URL without its fragment, or None: not http(s), or no URL at all."""
    ref = ref.strip("".join(map(chr, range(33)))).translate({9: None, 10: None, 13: None})
    ref = ref.partition("#")[0]
    scheme = _SPECIAL.match(ref)
    if scheme and scheme.group(1).lower() not in ("http", "https"):
        return None
    before, mark, query = ref.partition("?")
    before = before.replace("\\", "/")
    try:
        joined = urllib.parse.urlsplit(urllib.parse.urljoin(base, before + mark + query) if ref else base)
        host, port = joined.hostname, joined.port
    except ValueError:
        return None
    if not host:
        return None
    path = urllib.parse.quote(_no_dots(joined.path) or "/", safe=_PATH_SAFE)
    query = joined.query
    if query:
        query = "?" + urllib.parse.quote(query.encode(charset, "xmlcharrefreplace"), safe=_QUERY_SAFE)
    if port is None or port == {"http": 80, "https": 443}[joined.scheme]:
        port = ""
    else:
        port = f":{port}"
    return f"{joined.scheme}://{host}{port}{path}{query}"


def _no_dots(path):
    out = []
    segments = path.split("/")
    for i, s in enumerate(segments):
        last = i == len(segments) - 1
        if s == "..":
            if len(out) > 1:
                out.pop()
            if last:
                out.append("")
        elif s == ".":
            if last:
                out.append("")
        else:
            out.append(s)
    return "/".join(out)


def canonical(url):
    """One spelling of equivalent percent-encodings (RFC 3986, 6.2.2), to compare by."""

    def one(m):
        char = chr(int(m.group(1), 16))
        return char if char.isascii() and (char.isalnum() or char in "-._~") else m.group(0).upper()

    return re.sub(r"%([0-9a-fA-F]{2})", one, url)


# -- Links of a document --

_ATTRIBUTES = {
    "a": ("href",), "area": ("href",), "link": ("href",), "img": ("src", "longdesc"),
    "source": ("src",), "video": ("src", "poster"), "audio": ("src",), "track": ("src",),
    "script": ("src",), "iframe": ("src", "longdesc"), "frame": ("src", "longdesc"),
    "embed": ("src",), "object": ("data",), "body": ("background",),
    "image": ("href", "xlink:href"), "use": ("href", "xlink:href"),
}  # fmt: skip
_TEXT_ONLY = {"textarea", "title", "noembed", "noframes", "xmp", "iframe"}


class _Html(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.base = None
        self.refs = []
        self.styles = []
        self.text_only = None
        self.in_style = False

    def handle_starttag(self, tag, attrs):
        if self.text_only:
            return
        values = {}
        for name, value in attrs:
            values.setdefault(name, value or "")
        if tag == "base" and self.base is None and "href" in values:
            self.base = values["href"]
        if tag == "link" and {"dns-prefetch", "preconnect"} & set(values.get("rel", "").lower().split()):
            values.pop("href", None)
        for name in _ATTRIBUTES.get(tag, ()):
            if name in values:
                self.refs.append(values[name])
        if tag in ("img", "source") and "srcset" in values:
            self.refs += srcset(values["srcset"])
        if tag == "link" and "imagesrcset" in values:
            self.refs += srcset(values["imagesrcset"])
        if tag == "input" and values.get("type", "").lower() == "image" and "src" in values:
            self.refs.append(values["src"])
        if tag == "a" and "href" not in values and "xlink:href" in values:
            self.refs.append(values["xlink:href"])
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            m = re.match(r"\s*[\d.]+\s*[;,]?\s*(?:url\s*=\s*)?(['\"]?)(.*)", values.get("content", ""), re.I | re.S)
            if m and m.group(2):
                self.refs.append(m.group(2).split(m.group(1))[0] if m.group(1) else m.group(2))
        if "style" in values:
            self.styles.append(values["style"])
        if tag in _TEXT_ONLY:
            self.text_only = tag
        self.in_style = tag == "style"

    def handle_startendtag(self, tag, attrs):
        # HTML knows no such thing: <title/> still opens.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        if tag == self.text_only:
            self.text_only = None
        self.in_style = False

    def handle_data(self, data):
        if self.in_style:
            self.styles.append(data)


def srcset(value):
    return [part.split()[0] for part in re.split(r",(?=\s)|,$", value) if part.split()]


_CSS_COMMENT = re.compile(r"/\*.*?(\*/|\Z)", re.S)
_CSS_URL = re.compile(
    r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^\s"')]*))\s*\)|@import\s+(?:"([^"]*)"|'([^']*)')""", re.I
)


def css_links(text):
    return [next(g for g in m.groups() if g is not None) for m in _CSS_URL.finditer(_CSS_COMMENT.sub(" ", text))]


def decode(answer):
    """Text and charset of a document: BOM, header, meta, then the Western default."""
    body = answer.body
    for bom, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if body.startswith(bom):
            # A query is never sent in UTF-16 (WHATWG, output encodings).
            return body[len(bom) :].decode(name, "replace"), "utf-8"
    charset = answer.charset
    if not charset:
        m = re.search(rb"<meta[^>]+charset\s*=\s*[\"']?([a-zA-Z0-9_-]+)", body[:1024], re.I)
        charset = m.group(1).decode() if m else "windows-1252"
    if charset.lower() in ("iso-8859-1", "latin1", "us-ascii"):
        charset = "windows-1252"
    return body.decode(charset, "replace"), charset


def links(url, answer):
    """The absolute URLs of the links of one answer, in order."""
    if answer.location and 300 <= answer.status < 400:
        target = resolve(url, answer.location)
        return [target] if target else []
    if answer.type == "text/css":
        text, charset = decode(answer)
        found = [resolve(url, ref) for ref in css_links(text)]
    elif answer.type in ("text/html", "application/xhtml+xml"):
        text, charset = decode(answer)
        parser = _Html()
        parser.feed(text)
        parser.close()
        base = resolve(url, parser.base, charset) if parser.base is not None else None
        base = base or url
        found = [resolve(base, ref, charset) for ref in parser.refs]
        for style in parser.styles:
            found += [resolve(base, ref) for ref in css_links(style)]
    else:
        found = []
    return [u for u in found if u]


def closure(fetch, start, prefix=None, denied=lambda url: False):
    """URL -> Answer of everything that can be reached from `start`.

    prefix: only URLs that begin so; by default the host and port of `start`.
    """
    if prefix is None:
        prefix = "{0.scheme}://{0.netloc}/".format(urllib.parse.urlsplit(start))
    start = resolve(start, "")
    found, todo, seen = {}, [start], {canonical(start)}
    while todo:
        url = todo.pop()
        if denied(url):
            continue
        answer = found[url] = fetch(url)
        for target in links(url, answer):
            key = canonical(target)
            if target.startswith(prefix) and key not in seen:
                seen.add(key)
                todo.append(target)
    return found


# -- Where answers come from --

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def from_files(root):
    """fetch() for a directory as nginx serves it: index.html, a redirect to directories, 404."""
    root = Path(root)

    def fetch(url):
        path = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
        file = root / path.lstrip("/")
        if file.is_dir():
            if not path.endswith("/"):
                return Answer(301, location=urllib.parse.urlsplit(url).path + "/")
            file = file / "index.html"
            if not file.is_file():
                return Answer(403)
        elif path.endswith("/") or not file.is_file():
            return Answer(404)
        kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or ""
        return Answer(200, type=kind, body=file.read_bytes())

    return fetch


def from_server(timeout=10):
    """fetch() over HTTP, without any cleverness."""
    import http.client

    def fetch(url):
        u = urllib.parse.urlsplit(url)
        c = http.client.HTTPConnection(u.hostname, u.port, timeout=timeout)
        try:
            c.request("GET", u.path + ("?" + u.query if u.query else ""))
            r = c.getresponse()
            m = re.search(r"charset=([^;\s]+)", r.getheader("Content-Type") or "", re.I)
            return Answer(
                r.status,
                type=(r.getheader("Content-Type") or "").partition(";")[0].strip().lower(),
                charset=m.group(1) if m else "",
                body=r.read(),
                location=r.getheader("Location") or "",
            )
        finally:
            c.close()

    return fetch
