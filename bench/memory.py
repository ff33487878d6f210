"""How much memory one more participant with its WebSocket takes, once everything is quiet.

`python -m bench.memory` prints the figures as JSON. People join rooms of ten, publish a microphone
and a camera, have three slots of each kind, and then only let themselves be heard. What the first
ones cost is not counted: they load and compile, and fill what grows in steps.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from bench import alone
from bench.load import Load
from bench.own_server import CLIENT_CORE, OwnServer
from bench.visitors import LOAD, PING_S, Visitor, enter, tokens

SETTLE_S = 2 * PING_S
"""How long it may take until what a join needs is freed."""


def measure(
    server: OwnServer, *, first: int = 100, people: int = 500, load: Path | None = LOAD
) -> dict[str, float]:
    """Compare the server with `people` in it to itself with `first`. Runs on the client's core."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(server, first, people, load))


async def _measure(
    server: OwnServer, first: int, people: int, program: Path | None
) -> dict[str, float]:
    waiting = [token for room in tokens(server.state, people, 10) for token in room]
    async with AsyncExitStack() as stack:
        load = await Load.start(program) if program else None
        if load is not None:
            stack.push_async_callback(load.stop)
        there: list[Visitor] = []
        found = []
        for goal in (first, people):
            for number in range(len(there), goal):
                name = f"transport {number}"
                there.append(await enter(server.port, server.trust(), waiting[number], load, name))
            found.append(await _quiet(server, there))
        for visitor in there:
            visitor.close()
    each = (found[1] - found[0]) / (people - first)
    return {"kb_per_participant": each / 1000, "server_mb": found[1] / 1e6}


async def _quiet(server: OwnServer, there: list[Visitor]) -> int:
    """Resident bytes once nobody has done anything but be there."""
    for _ in range(round(SETTLE_S / PING_S)):
        for visitor in there:
            visitor.ping()
        await asyncio.sleep(PING_S)
    return server.resident()


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--people", type=int, default=500)
    alone.run(parser, measure)


if __name__ == "__main__":
    main()
