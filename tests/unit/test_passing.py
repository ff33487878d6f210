"""Clients who come back to the next process, passed on to the one that has their session."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from roomline.api.hub import Hub
from roomline.api.passing import PREFIX, Link, Passing
from roomline.clock import Moment

from support.world import World


class Frozen:
    """A clock that stands."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> Moment:
        return self._world.now


def hub_of(world: World) -> Hub:
    return Hub(world.core, world.engine, Frozen(world))


def resume(token: str) -> str:
    frame = {"type": "resume", "request": 1, "version": 1, "resumeToken": token, "lastSeq": 0}
    return json.dumps(frame)


async def message(link: Link) -> dict[str, Any]:
    carried = await link.receive()
    assert carried is not None
    decoded: dict[str, Any] = json.loads(carried["text"])
    return decoded


def between(
    folder: Path, work: Callable[[str, Passing, Hub], Awaitable[None]], present: bool = True
) -> None:
    """One process drains with Alice in it; `work` gets her token and what the next one has."""

    async def both() -> None:
        old, new = World(), World()
        token = old.client("alice").joined["resumeToken"] if present else "nobody.secret"
        hub = hub_of(old)
        async with asyncio.timeout(20), Passing(folder).listen(hub):
            await work(token, Passing(folder), hub_of(new))
        hub.close()

    asyncio.run(both())
    assert not list(folder.iterdir())


def test_a_session_is_found_and_goes_on(tmp_path: Path) -> None:
    async def work(token: str, passing: Passing, hub: Hub) -> None:
        link = await passing.find(resume(token), hub)
        assert link is not None
        assert (await message(link))["type"] == "resumed"
        await link.send(text=json.dumps({"type": "ping", "request": 2, "sent": 1.0}))
        assert (await message(link))["type"] == "pong"
        await link.send(text=json.dumps({"type": "leave", "request": 3}))
        assert (await message(link))["type"] == "ok"
        assert await link.receive() == {"close": [1000, "left"]}
        assert await link.receive() is None
        link.close()

    between(tmp_path, work)


def test_what_nobody_has_is_not_passed_on(tmp_path: Path) -> None:
    async def work(token: str, passing: Passing, hub: Hub) -> None:
        for frame in (resume(token), '{"type": "join"}', "no JSON", "[]", '{"type": "resume"}'):
            assert await passing.find(frame, hub) is None

    between(tmp_path, work, present=False)


def test_a_process_that_was_killed_is_forgotten(tmp_path: Path) -> None:
    async def work(token: str, passing: Passing, hub: Hub) -> None:
        left = tmp_path / f"{PREFIX}0"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(left))
        link = await passing.find(resume(token), hub)
        assert link is not None
        link.close()
        assert await passing.find(resume("nobody.secret"), hub) is None
        assert not left.exists()

    between(tmp_path, work)
