"""Selectors on real pages, and on tag soup, beside parsel on the tree of html5lib.

html5lib builds the tree that the HTML standard describes, parsel (Scrapy's) selects from it.
Text is put together here, from the tree, by the rules of src/web/select.h.
"""

import json
import os
import random
import re
import subprocess
from pathlib import Path

import pytest

html5lib = pytest.importorskip("html5lib", reason="python3-html5lib is not installed")
parsel = pytest.importorskip("parsel", reason="python3-parsel is not installed")
etree = pytest.importorskip("lxml.etree", reason="python3-lxml is not installed")

BUILD = Path(os.environ["TRAWL_BUILDDIR"])
SOURCE = Path(os.environ["TRAWL_SRCDIR"])
TOOL = BUILD / "tests/e2e/select_values"
PAGES = 40  # of each set
PAGE_BYTES_MAX = 150_000
# As in select.h.
VALUES_MAX, VALUE_BYTES_MAX, ALL_BYTES_MAX = 1000, 64 << 10, 256 << 10

SETS = {
    "postgresql": (BUILD / "docs/postgresql-doc-15", "**/*.html"),
    "python": (BUILD / "docs/python3.11-doc", "**/*.html"),
    "demo": (SOURCE / "tests/site/www", "**/*.html"),
}

SELECTORS = """
title
title::text
h1
h1::text
body
body > *
html > head > title
head > meta::attr(content)
meta[name=viewport]::attr(content)
link[rel~=stylesheet]::attr(href)
link[rel="next"]::attr(href)
a::attr(href)
a
a::text
a[href^="http"]::attr(href)
a[href$=".html"]::attr(href)
a[href*="#"]::attr(href)
a:not([href])::attr(id)
a:not(.headerlink):not(.internal)::attr(href)
a.reference.internal
a.headerlink::attr(title)
li > a::attr(href)
li a::attr(href)
ul > li:first-child
ul > li:nth-child(2)
ol > li:nth-child(odd)
li:nth-child(3n+1) > a::attr(href)
li:nth-child(-n+2)::text
li:not(:first-child)
tr:first-child > td
tbody > tr > td:nth-child(2)
tr > *:nth-child(even)::text
table tr:nth-child(2n) td
thead th::text
table > tbody > tr
td:first-child code
dl > dt
dt + dd
dt ~ dd::text
dt::attr(id)
dd > p:first-child
p:first-of-type
p:nth-of-type(2)
div > p
div p::text
div ::text
section > h2
section section h3
h1 + p
h2 ~ p
pre
pre::text
code.literal
span.pre::text
.highlight pre
#index-0::attr(class)
[id^=index]::attr(id)
[class|=sphinx]::attr(class)
[class="SECT1"]
div[class] > div[class] a
body :is(h1, h2, h3)::text
nav > ul > li, .sidebar li
h2::text, h3::text
img::attr(src)
p > em, p > strong
:root > body > div:nth-child(1)::attr(class)
script::attr(src)
style::text
form input::attr(name)
b, i, u
body *:nth-child(4)::attr(class)
""".split("\n")
SELECTORS = [s for s in SELECTORS if s]

BLOCKS = set(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure "
    "footer header hgroup listing main menu nav ol pre search section summary ul li dd dt h1 h2 h3 "
    "h4 h5 h6 p form plaintext xmp hr table caption tbody thead tfoot tr td th html body head option "
    "optgroup br".split()
)
CODE = set("script style iframe noembed noframes".split())
SPACE = " \t\n\f\r\v"


def collapse(text):
    return re.sub(f"[{SPACE}]+", " ", text).strip(SPACE)


def pieces(element, out):
    """The text of an element, with a space wherever a word ends."""
    block = element.tag in BLOCKS
    out.append(" " if block else "")
    out.append(element.text or "")
    for child in element:
        if isinstance(child.tag, str) and child.tag not in CODE:
            pieces(child, out)
        out.append(child.tail or "")
    out.append(" " if block else "")


def text_of(element):
    if element.tag in CODE:
        return (element.text or "").strip(SPACE)
    out = []
    pieces(element, out)
    return collapse("".join(out))


def value_of(node):
    if not isinstance(node, str):
        return text_of(node)
    if node.is_attribute:
        return str(node)
    if node.is_text and node.getparent().tag in CODE:
        return str(node).strip(SPACE)
    return collapse(node) or None


def cut(text):
    if len(text.encode()) <= VALUE_BYTES_MAX:
        return text
    return text.encode()[:VALUE_BYTES_MAX].decode(errors="ignore").strip(SPACE)


def expected(root, selector):
    values = map(value_of, root.xpath(parsel.csstranslator.css2xpath(selector)))
    values = [v for v in values if v is not None][:VALUES_MAX]
    out, left = [], ALL_BYTES_MAX
    for value in map(cut, values):
        size = len(value.encode())
        if size <= left:
            out.append(value)
            left -= size
    return out


def sample(folder, pattern):
    """Every n-th page, in order of path."""
    files = sorted(f for f in folder.glob(pattern) if f.is_file() and f.stat().st_size <= PAGE_BYTES_MAX)
    step = max(1, len(files) // PAGES)
    return files[::step][:PAGES]


def run(files, jobs):
    done = subprocess.run(
        [TOOL, *files], input="\n".join(jobs) + "\n", capture_output=True, text=True, check=True, timeout=300
    )
    lines = done.stdout.split("\n")
    assert len(lines) == len(files) * len(jobs) + 1
    return [[json.loads(lines[j * len(files) + f]) for j in range(len(jobs))] for f in range(len(files))]


def tree(path):
    # noscript is markup to both.
    document = html5lib.parse(path.read_bytes(), treebuilder="lxml", namespaceHTMLElements=False)
    for element in document.getroot().iter():
        if isinstance(element.tag, str):
            element.tag = etree.QName(element).localname  # SVG and MathML, too
    return document.getroot()


@pytest.mark.parametrize("name", SETS)
def test_selects_what_parsel_selects(name):
    folder, pattern = SETS[name]
    files = sample(folder, pattern)
    if not files:
        pytest.skip(f"no pages in {folder}")
    got = run(files, [f"x[]={s}" for s in SELECTORS])
    wrong, values = [], 0
    for path, of_page in zip(files, got):
        root = tree(path)
        for selector, (ours,) in zip(SELECTORS, of_page):
            theirs = expected(root, selector)
            values += len(theirs)
            if ours != theirs:
                first = next((p for p in zip(ours, theirs) if p[0] != p[1]), (len(ours), len(theirs)))
                wrong.append(f"{path.name}: {selector}: {first[0]!r:.200} instead of {first[1]!r:.200}")
    print(f"{name}: {len(files)} pages, {len(SELECTORS)} selectors, {values} values")
    assert not wrong, "\n".join(wrong[:40]) + f"\n{len(wrong)} in all"
    assert values > 100


# -- Soup --

BLOCK_TAGS = "p div ul ol li dl dt dd h1 h2 section blockquote pre form button".split()
OTHER_TAGS = "span label made-up br img input hr".split()
SOUPS = {
    "blocks": BLOCK_TAGS + OTHER_TAGS,
    "options, ruby, texts": BLOCK_TAGS + OTHER_TAGS + "option optgroup textarea title script style ruby rt rp".split(),
    # Without their end tags: those within blocks are where a stack cannot follow a tree.
    "formatting": BLOCK_TAGS + OTHER_TAGS + "b i font code".split(),
}
TEXT_ONLY = {"textarea", "title", "script", "style"}
FORMATTING = {"b", "i", "font", "code"}
SOUP_SELECTORS = """
*::attr(id)
* > *::attr(id)
p > *::attr(id)
div *::attr(id)
li > *::attr(id)
b *::attr(id)
body > *::attr(id)
form *::attr(id)
button *::attr(id)
*:first-child::attr(id)
*:nth-child(2n)::attr(id)
p + *::attr(id)
h1 ~ *::attr(id)
*::text
li::text
b::text
body
html > *:nth-child(2) > *::attr(id)
""".split("\n")
SOUP_SELECTORS = [s for s in SOUP_SELECTORS if s]


def soup(chance, tags):
    out = ["<!DOCTYPE html>"] if chance.random() < 0.7 else []
    for i in range(chance.randrange(5, 40)):
        tag = chance.choice(tags)
        what = chance.random()
        if tag in TEXT_ONLY:
            out.append(f"<{tag} id=n{i}>x</{tag}>")
        elif what < 0.55:
            out.append(f"<{tag} id=n{i}>")
        elif what < 0.85:
            out.append("" if tag in FORMATTING else f"</{tag}>")
        else:
            out.append(chance.choice(["x", "\n", " y ", "<!-- -->"]))
    return "".join(out)


@pytest.mark.parametrize("name", SOUPS)
def test_follows_soup_as_a_tree_does(name, tmp_path):
    chance = random.Random(f"soup of {name}")
    files = [tmp_path / f"{i}.html" for i in range(300)]
    for path in files:
        path.write_text(soup(chance, SOUPS[name]))
    wrong = []
    for path, of_page in zip(files, run(files, [f"x[]={s}" for s in SOUP_SELECTORS])):
        root = tree(path)
        for selector, (ours,) in zip(SOUP_SELECTORS, of_page):
            theirs = expected(root, selector)
            if ours != theirs:
                wrong.append(f"{path.read_text()!r}: {selector}: {ours} instead of {theirs}")
    assert not wrong, "\n".join(wrong[:20])


# -- Fields --


def test_many_fields_in_one_pass_are_what_each_is_alone():
    files = [f for name in SETS for f in sample(*SETS[name])[:4]]
    if not files:
        pytest.skip("no pages")
    small = [s for s in SELECTORS if s not in ("body", "body > *", "div ::text", "div p::text")][:60]
    alone = run(files, [f"x={s}" for s in small])
    together = run(files, ["\t".join(f"x{i}={s}" for i, s in enumerate(small))])
    for a, t in zip(alone, together):
        assert [of[0] for of in a] == t[0]
