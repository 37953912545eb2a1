#!/usr/bin/env python3
"""Writes src/web/entity_table.h: the named character references of HTML.

usage: gen-entities.py > src/web/entity_table.h

The facts are those of Python's html.entities.html5, which is the table of the standard.
Entries are sorted by name, so that a prefix is a range; name and UTF-8 value lie one after
the other in one string.
"""
import html.entities


def c_string(raw):
    """As C source, in pieces: an escape never runs into what follows."""
    out = []
    for byte in raw:
        if byte < 128 and (chr(byte).isalnum() or chr(byte) == ";"):
            out.append(chr(byte))
        else:
            out.append(f"\\{byte:03o}")
    return "".join(out)


def main():
    table = sorted((name.encode(), value.encode())
                   for name, value in html.entities.html5.items())
    print("/* clang-format off */")
    print("/* Made by build-aux/gen-entities.py: named character references of HTML. */")
    print("#ifndef WEB_ENTITY_TABLE_H")
    print("#define WEB_ENTITY_TABLE_H")
    print("#include <stdint.h>")
    print()
    print("enum { ENTITY_COUNT = %d, ENTITY_NAME_MAX = %d };"
          % (len(table), max(len(name) for name, _ in table)))
    print()
    print("static const char entity_text[] =")
    for name, value in table:
        print(f'    "{c_string(name)}{c_string(value)}"')
    print("    ;")
    print()
    print("/* Where the name begins, its length, the length of the value after it. */")
    print("static const struct entity {")
    print("\tuint16_t at;")
    print("\tuint8_t name_len, value_len;")
    print("} entities[ENTITY_COUNT] = {")
    at = 0
    row = []
    for name, value in table:
        row.append("{%d, %d, %d}" % (at, len(name), len(value)))
        at += len(name) + len(value)
        if len(row) == 5:
            print("    " + ", ".join(row) + ",")
            row = []
    if row:
        print("    " + ", ".join(row) + ",")
    print("};")
    assert at < 65536
    print("#endif")


main()
