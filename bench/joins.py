"""How many people can join in a second, with the server alone on its core.

`python -m bench.joins` prints the figures as JSON. Rooms fill up to their size, one person after the
other, several rooms at a time; everybody publishes a microphone and a camera, has three slots of
each kind, and stays. A join is counted from its TCP connection until DTLS is done; without the load
client (`--load ""`) until the reply `joined`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import uvloop

from bench import alone
from bench.load import Load
from bench.own_server import CLIENT_CORE, OwnServer
from bench.visitors import LOAD, Visitor, enter, tokens


def measure(
    server: OwnServer,
    *,
    people: int = 500,
    size: int = 10,
    at_a_time: int = 10,
    load: Path | None = LOAD,
) -> dict[str, float]:
    """Let so many people join. Runs on the client's core."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(server, tokens(server.state, people, size), at_a_time, load))


async def _measure(
    server: OwnServer, rooms: list[list[str]], at_a_time: int, program: Path | None
) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        load = await Load.start(program) if program else None
        if load is not None:
            stack.push_async_callback(load.stop)
        ((warm_up,),) = tokens(server.state, 1, 1, room="first of all")
        (await enter(server.port, server.trust(), warm_up, load, "first of all")).close()
        return await _fill(server, rooms, at_a_time, load)


async def _fill(
    server: OwnServer, rooms: list[list[str]], at_a_time: int, load: Load | None
) -> dict[str, float]:
    visitors: list[Visitor] = []
    took: list[float] = []
    trust = server.trust()

    async def fill(waiting: Iterator[list[str]]) -> None:
        for room in waiting:
            for token in room:
                began = time.perf_counter()
                name = f"transport {len(visitors)} {began}"
                visitors.append(await enter(server.port, trust, token, load, name))
                took.append(time.perf_counter() - began)

    waiting = iter(rooms)
    began, server_s, own_s = time.perf_counter(), server.spent(), time.process_time()
    await asyncio.gather(*(fill(waiting) for _ in range(at_a_time)))
    seconds = time.perf_counter() - began
    spent = server.spent() - server_s
    figures: dict[str, float] = {
        "joins_per_s": len(took) / seconds,
        "server_ms_per_join": 1000 * spent / len(took),
        "joins_per_cpu_s": len(took) / spent,
        "server_share": spent / seconds,
        "client_share": (time.process_time() - own_s) / seconds,
        "median_ms": 1000 * median(took),
        "received_bytes_per_person": sum(v.received for v in visitors) / len(visitors),
    }
    for visitor in visitors:
        visitor.close()
    return figures


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--size", type=int, default=10, help="of a room")
    parser.add_argument("--at-a-time", type=int, default=10, help="joins under way")
    alone.run(parser, measure)


if __name__ == "__main__":
    main()
