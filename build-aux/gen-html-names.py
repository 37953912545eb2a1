#!/usr/bin/env python3
"""Writes what src/web knows of the names of elements and attributes.

usage: gen-html-names.py enum  > src/web/html_names.h
       gen-html-names.py table > src/web/html_names_table.h

The table is a perfect hash: (key * MULTIPLIER) >> SHIFT gives the only place where the
name with that key (see web/html.h) can stand.
"""

import random
import sys

NAMES = """
a action address alternate annotation-xml applet archive area article aside audio b
background base bdi bdo big blockquote body br button caption center charset cite class code
codebase col colgroup color content data dd del desc description details dialog dir div dl
dt em embed encoding face fieldset figcaption figure font footer foreignobject form
formaction formmethod frame frameset googlebot h1 h2 h3 h4 h5 h6 head header hgroup hidden
hr href hreflang html http-equiv i id iframe image imagesrcset img input ins keygen label
lang legend li link listing longdesc lowsrc main malignmark map marquee math media menu meta
method mglyph mi mn mo ms mtext name nav nobr noembed noframes noscript object ol optgroup
option p param picture ping plaintext poster pre property q rb rel rp rt rtc ruby s script
search section select size slot small source span src srcdoc srcset strike strong style sub
summary sup svg table tbody td template textarea tfoot th thead time title tr track tt type
u ul usemap value var video wbr xlink:href xml:base xml:lang xmp
""".split()

BITS = 11


def key(name):
    raw = name.encode()
    if len(raw) > 8:
        raw = bytes([0x80 + len(raw)]) + raw[-7:]
    return int.from_bytes(raw, "big")


def place(k, multiplier):
    return (k * multiplier & (1 << 64) - 1) >> (64 - BITS)


def find_multiplier(keys):
    rng = random.Random(1)
    while True:
        m = rng.getrandbits(64) | 1
        if len({place(k, m) for k in keys}) == len(keys):
            return m


def begin(guard):
    print("/* clang-format off */")
    print("/* Made by build-aux/gen-html-names.py: see there. */")
    print(f"#ifndef {guard}")
    print(f"#define {guard}")


def write_enum(names):
    begin("WEB_HTML_NAMES_H")
    print("/* A name of an element or attribute that means something here. */")
    print("enum html_name_id {")
    print("\tHTML_N_OTHER,")
    for name in names:
        print("\tHTML_N_" + name.upper().replace("-", "_").replace(":", "_") + ",")
    print("\tHTML_N_MAX")
    print("};")
    multiplier = find_multiplier([key(n) for n in names])
    print(f"#define HTML_NAMES_MULTIPLIER UINT64_C({multiplier:#x})")
    print(f"enum {{ HTML_NAMES_SHIFT = {64 - BITS}, HTML_NAMES_PLACES = {1 << BITS} }};")
    print("#endif")


def write_table(names):
    keys = [key(n) for n in names]
    multiplier = find_multiplier(keys)
    places = [0] * (1 << BITS)
    for i, k in enumerate(keys):
        places[place(k, multiplier)] = i + 1
    begin("WEB_HTML_NAMES_TABLE_H")
    print(f"_Static_assert(HTML_NAMES_MULTIPLIER == UINT64_C({multiplier:#x}), \"\");")
    print("const uint64_t html_name_keys[HTML_N_MAX] = {0,")
    for name, k in zip(names, keys):
        print(f"\tUINT64_C({k:#018x}), /* {name} */")
    print("};")
    print("/* Of long names the key has only the end. */")
    print("const char *const html_name_texts[HTML_N_MAX] = {")
    for i, name in enumerate(names):
        if len(name) > 8:
            print(f'\t[{i + 1}] = "{name}",')
    print("};")
    print(f"const uint8_t html_name_places[{1 << BITS}] = {{")
    for at in range(0, 1 << BITS, 16):
        print("\t" + ", ".join(str(v) for v in places[at:at + 16]) + ",")
    print("};")
    print("#endif")


def main():
    names = sorted(set(NAMES))
    assert len(names) < 255 and len({key(n) for n in names}) == len(names)
    if sys.argv[1:] == ["enum"]:
        write_enum(names)
    elif sys.argv[1:] == ["table"]:
        write_table(names)
    else:
        sys.exit(__doc__)


main()
