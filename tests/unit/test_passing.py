"""Clients who come back to the next process, passed on to the one that has their session."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import WebSocket

from roomline.api.hub import Hub
from roomline.api.passing import PREFIX, Link, Passing, relay
from roomline.clock import Moment
from roomline.server.handover import MAX_FRAME_BYTES

from support.turns import until
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
        await link.close()

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
        await link.close()
        assert await passing.find(resume("nobody.secret"), hub) is None
        assert not left.exists()

    between(tmp_path, work)


def test_every_process_that_drains_has_a_socket_of_its_own(tmp_path: Path) -> None:
    async def three() -> None:
        """In containers their process numbers are often the same."""
        ada, bob = World(), World()
        tokens = [world.client("alice").joined["resumeToken"] for world in (ada, bob)]
        hubs = [hub_of(world) for world in (ada, bob, World())]
        passing = Passing(tmp_path)
        async with asyncio.timeout(20), passing.listen(hubs[0]), passing.listen(hubs[1]):
            for token in tokens:
                link = await passing.find(resume(token), hubs[2])
                assert link is not None
                assert (await message(link))["type"] == "resumed"
                await link.close()
        for hub in hubs:
            hub.close()

    asyncio.run(three())
    assert not list(tmp_path.iterdir())


def visible(folder: Path) -> list[Path]:
    """The sockets that another process would ask."""
    return list(folder.glob(f"{PREFIX}*"))


def test_nobody_sees_a_socket_that_does_not_listen_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = asyncio.start_unix_server

    async def look(*given: Any, **more: Any) -> asyncio.Server:
        server = await begin(*given, **more)
        assert visible(tmp_path) == []
        return server

    async def work(token: str, passing: Passing, hub: Hub) -> None:
        (found,) = visible(tmp_path)
        assert found.stat().st_mode & 0o777 == 0o600

    monkeypatch.setattr(asyncio, "start_unix_server", look)
    between(tmp_path, work)


def test_a_frame_of_the_largest_size_gets_through_however_it_is_escaped(tmp_path: Path) -> None:
    async def work(token: str, passing: Passing, hub: Hub) -> None:
        link = await passing.find(resume(token), hub)
        assert link is not None
        await message(link)
        await link.send(text="\x01" * MAX_FRAME_BYTES)
        assert (await message(link))["code"] == "bad-message"
        await link.close()

    between(tmp_path, work)


@asynccontextmanager
async def other(folder: Path, *says: bytes) -> AsyncIterator[None]:
    """A process that drains and says this, whatever it is told; it never ends by itself."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in says:
            await reader.readline()
            writer.write(line)
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(serve, folder / f"{PREFIX}1")
    try:
        yield
    finally:
        server.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("answer", [b"no JSON\n", b"[]\n", b'{"mine": false}\n', b'{"mine":'])
def test_an_answer_that_is_none_leaves_nothing_open(tmp_path: Path, answer: bytes) -> None:
    async def work() -> None:
        hub = hub_of(World())
        before = descriptors()
        async with asyncio.timeout(20), other(tmp_path, answer):
            listening = descriptors()
            finding = asyncio.create_task(Passing(tmp_path).find(resume("alice.secret"), hub))
            if not answer.endswith(b"\n"):
                await until(lambda: descriptors() == listening + 2)
                # Its client has gone meanwhile.
                finding.cancel()
            (found,) = await asyncio.gather(finding, return_exceptions=True)
            assert not isinstance(found, Link)
            await until(lambda: descriptors() == listening)
        hub.close()
        assert before < listening

    asyncio.run(work())


def test_a_process_that_dies_as_it_is_given_the_client_does_not_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends = Link.send

    async def send(link: Link, **message: Any) -> None:
        if "text" in message:
            raise ConnectionResetError
        await sends(link, **message)

    async def work() -> None:
        hub = hub_of(World())
        async with asyncio.timeout(20), other(tmp_path, b'{"mine": true}\n'):
            before = descriptors()
            assert await Passing(tmp_path).find(resume("alice.secret"), hub) is None
            await until(lambda: descriptors() == before)
        hub.close()

    monkeypatch.setattr(Link, "send", send)
    asyncio.run(work())


class Client:
    """A WebSocket of which only what `relay` uses is there."""

    def __init__(self, *frames: str) -> None:
        self._frames = list(frames)
        self.heard: list[Any] = []
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._frames:
            return {"type": "websocket.receive", "text": self._frames.pop(0)}
        await self.left.wait()
        return {"type": "websocket.disconnect"}

    async def send_text(self, text: str) -> None:
        self.heard.append(text)

    async def close(self, code: int, reason: str) -> None:
        self.heard.append((code, reason))


def test_a_client_is_told_of_the_end_although_its_frames_go_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(link: Link, **message: Any) -> None:
        raise BrokenPipeError

    async def work() -> None:
        ours, theirs = socket.socketpair()
        link = Link(*await asyncio.open_unix_connection(sock=ours))
        client = Client('{"type": "ping"}')
        carrying = asyncio.create_task(relay(cast("WebSocket", client), link))
        theirs.sendall(b'{"text": "the last"}\n')
        await until(lambda: client.heard)
        theirs.close()
        await asyncio.wait_for(carrying, 20)
        assert client.heard == ["the last", (1001, "the server stops")]

    monkeypatch.setattr(Link, "send", broken)
    asyncio.run(work())


def test_a_process_that_reads_nothing_keeps_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            link = Link(*await asyncio.open_unix_connection(sock=ours))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await link.send(text="x" * 10_000_000)
            await link.close()
            await until(lambda: ours.fileno() == -1)

    monkeypatch.setattr("roomline.api.passing.FLUSH_WITHIN", 0.01)
    asyncio.run(work())
