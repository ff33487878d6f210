"""Whether a join and a participant cost the same when many are there already.

`python -m bench.crowd` prints a row for each size as JSON. Rooms of ten fill up one after the other;
at every size the server is left alone for a while. What grows with all that are there, per event or
per second, shows as a row that is dearer than those before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvloop

from bench.load import Load
from bench.own_server import CLIENT_CORE, OwnServer, own_server
from bench.visitors import LOAD, PING_S, Visitor, enter, tokens

SIZES = (10, 100, 250, 500, 1000)
ROOM = 10


def measure(
    server: OwnServer, *, sizes: Sequence[int] = SIZES, load: Path | None = LOAD
) -> list[dict[str, float]]:
    """A row for each number of participants. Runs on the client's core."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(server, sizes, load))


async def _measure(
    server: OwnServer, sizes: Sequence[int], program: Path | None
) -> list[dict[str, float]]:
    waiting = [token for room in tokens(server.state, sizes[-1], ROOM) for token in room]
    there: list[Visitor] = []
    rows = []
    async with AsyncExitStack() as stack:
        load = await Load.start(program) if program else None
        if load is not None:
            stack.push_async_callback(load.stop)
        trust, resident, idle_before = server.trust(), 0, 0.0
        for size in sizes:
            fresh, began, spent = size - len(there), time.perf_counter(), server.spent()
            for number in range(len(there), size):
                name = f"transport {number}"
                visitor = await enter(server.port, trust, waiting[number], load, name)
                there.append(visitor)
            seconds, joined = time.perf_counter() - began, server.spent() - spent
            idle = await _idle(server, there)
            # Those who were there had their share meanwhile.
            joined -= seconds * (idle_before + idle) / 2
            grown, resident = server.resident() - resident, server.resident()
            idle_before = idle
            rows.append(
                {
                    "participants": size,
                    "server_ms_per_join": 1000 * joined / fresh,
                    "idle_us_per_participant_s": 1e6 * idle / size,
                    "kb_per_participant": grown / fresh / 1000,
                }
            )
        for visitor in there:
            visitor.close()
    return rows


async def _idle(server: OwnServer, there: list[Visitor]) -> float:
    """The share of a core that the server takes while everybody is only there."""
    await asyncio.sleep(PING_S / 2)
    began, spent = time.perf_counter(), server.spent()
    for _ in range(2):
        for visitor in there:
            visitor.ping()
        await asyncio.sleep(PING_S)
    return (server.spent() - spent) / (time.perf_counter() - began)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--load", default=str(LOAD), help="the load client; empty for no media")
    chosen = parser.parse_args(arguments)
    with own_server() as server:
        rows = measure(server, sizes=chosen.sizes, load=Path(chosen.load) if chosen.load else None)
    for row in rows:
        print(json.dumps(row))
    return rows


if __name__ == "__main__":
    main()
