#!/usr/bin/env python3
"""Writes src/web/html_names.h: the keys (see web/html.h) of element and attribute names.

usage: gen-html-names.py > src/web/html_names.h
"""

NAMES = """
a action alternate annotation-xml applet area audio b background base big blockquote body br
button center charset cite code color content data dd del desc description div dl dt em
embed encoding face font foreignobject form formaction formmethod frame frameset googlebot
h1 h2 h3 h4 h5 h6 head hr href html http-equiv i iframe image imagesrcset img input ins lang
li link listing longdesc lowsrc malignmark math menu meta method mglyph mi mn mo ms mtext
name nobr noembed noframes noscript object ol p ping plaintext poster pre q rel ruby s
script size small source span src srcset strike strong style sub sup svg table tbody td
template textarea tfoot th thead title tr track tt type u ul var video xlink:href xml:lang
xmp
""".split()


def key(name):
    raw = name.encode()
    if len(raw) > 8:
        raw = bytes([0x80 + len(raw)]) + raw[-7:]
    return int.from_bytes(raw, "big")


def main():
    print("/* clang-format off */")
    print("/* Made by build-aux/gen-html-names.py: keys of names, as in web/html.h. */")
    print("#ifndef WEB_HTML_NAMES_H")
    print("#define WEB_HTML_NAMES_H")
    keys = {}
    for name in sorted(set(NAMES)):
        k = key(name)
        assert k not in keys, (name, keys[k])
        keys[k] = name
        macro = "HTML_N_" + name.upper().replace("-", "_").replace(":", "_")
        print(f"#define {macro:<24} UINT64_C({k:#x})")
    print("#endif")


main()
