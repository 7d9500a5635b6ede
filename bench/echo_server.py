"""The limit: a bare Granian RSGI server that decodes a JSON body, encodes it again and sends it.

Run it with a port; it prints ``ready`` and serves until its standard input ends. The server beneath
is the service's, with its settings; an answer is as long as the request, which is longer than an
answer of the service.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import msgspec
import uvloop

from interlock.serve.http.rsgi import server_of
from interlock.serve.workers.listen import listens

HEADERS = [("content-type", "application/json")]
decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


class Echo:
    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        proto.response_bytes(200, HEADERS, encode(decode(await proto())))


async def serve(port: int) -> None:
    server = server_of(Echo(), "127.0.0.1", port)
    loop = asyncio.get_running_loop()
    serving = loop.create_task(server.serve())
    while not listens(port):
        await asyncio.sleep(0.002)
    print("ready", flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    loop.remove_reader(sys.stdin.fileno())
    server.stop()
    await serving


if __name__ == "__main__":
    gc.collect()
    gc.freeze()
    uvloop.run(serve(int(sys.argv[1])))
