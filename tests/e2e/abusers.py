"""abusers.py PORT ADMIN READER N LEAST: N clients of an API that mean no good, until standard input ends.

A quarter each sends headers or bodies byte by byte; the rest takes no answers, takes no events, and tries tokens as fast
as it gets refused.  Each five have an address of their own; who is cut comes again at once.  "all" is said when each has
begun; at the end they go on until each kind has tried more often than LEAST.
"""

import asyncio
import contextlib
import socket
import sys

PORT, ADMIN, READER, N, LEAST = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
SECONDS_MAX = 120
TRIED = {"headers": 0, "bodies": 0, "answers": 0, "events": 0, "tokens": 0}
BEGUN = set()


def head(line, token, *more):
    lines = [f"{line} HTTP/1.1", f"Host: 127.0.0.1:{PORT}", f"Authorization: Bearer {token}", *more]
    return "\r\n".join(lines).encode() + b"\r\n"


async def connect(n, small=False):
    s = socket.socket()
    s.setblocking(False)
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.bind((f"127.0.3.{n // 5 + 1}", 0))
    await asyncio.get_running_loop().sock_connect(s, ("127.0.0.1", PORT))
    return s


async def drip(s, begin, drop):
    """Sends on and on, until it is cut."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(s, begin)
    while True:
        try:
            if not await asyncio.wait_for(loop.sock_recv(s, 1000), 0.3):
                return
        except TimeoutError:
            await loop.sock_sendall(s, drop)


async def take_nothing(s, begin):
    """Asks and does not read; what it sends on tells it that it is cut."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(s, begin)
    while True:
        await asyncio.sleep(0.3)
        await loop.sock_sendall(s, b"\r\n")


async def once(n):
    BEGUN.add(n)
    kind = n % 12
    if kind < 3:
        TRIED["headers"] += 1
        await drip(await connect(n), head("GET /api/v1/jobs", READER), b"X: y\r\n")
    elif kind < 6:
        TRIED["bodies"] += 1
        more = ("Content-Type: application/json", "Content-Length: 8000000", "")
        await drip(await connect(n), head("POST /api/v1/jobs", ADMIN, *more) + b'{"seeds":[', b'"x",')
    elif kind < 8:
        TRIED["answers"] += 1
        await take_nothing(await connect(n, True), (head("GET /api/v1/jobs/large", READER) + b"\r\n") * 20)
    elif kind < 10:
        TRIED["events"] += 1
        await take_nothing(await connect(n, True), head("GET /api/v1/events", READER) + b"\r\n")
    else:
        loop = asyncio.get_running_loop()
        TRIED["tokens"] += 1
        s = await connect(n)
        await loop.sock_sendall(s, head("GET /api/v1/jobs", "trawl_" + "0" * 64) + b"\r\n")
        while await loop.sock_recv(s, 4096):
            pass
        s.close()


async def client(n):
    while True:
        with contextlib.suppress(OSError):
            await once(n)
        await asyncio.sleep(0.01)


async def main():
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(client(n)) for n in range(N)]
    while len(BEGUN) < N:
        await asyncio.sleep(0.05)
    print("all", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    end = loop.time() + SECONDS_MAX
    while min(TRIED.values()) <= LEAST and loop.time() < end:
        await asyncio.sleep(0.05)
    print(" ".join(f"{k}={v}" for k, v in TRIED.items()), flush=True)
    for t in tasks:
        t.cancel()


asyncio.run(main())
