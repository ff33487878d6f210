"""Clients of a process that drains, who come back to the process that took its ports.

The draining process listens on a Unix socket in the state folder. The next one asks there for a
session that it does not know itself, and from then on carries frames between that socket and the
client's WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from fastapi import WebSocketDisconnect

from roomline.api.hub import Hub
from roomline.log import get as get_logger
from roomline.signaling import JsonConnection
from roomline.signaling.json_dialect import MAX_PENDING_BYTES

PREFIX = "draining-"
MAX_LINE = 6 * MAX_PENDING_BYTES + 1024
"""In bytes: the longest frame that either side sends, with every character escaped as `\\u0001`."""

ANSWER_WITHIN = 10.0
"""Seconds another process may take to say whether a session is its own."""

FLUSH_WITHIN = 1.0
"""Seconds it may take to read what was sent before the end."""

ServeLink = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

log = get_logger("passing")


class Link:
    """A connection between two processes: one JSON object a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> dict[str, Any] | None:
        """The next object; None at the end, however it came."""
        try:
            line = await self._reader.readline()
            message = json.loads(line) if line.endswith(b"\n") else None
        except ConnectionError:
            return None
        except ValueError as error:
            log.warning("the other process says what nobody understands", error=str(error))
            return None
        return message if isinstance(message, dict) else None

    async def send(self, **message: Any) -> None:
        """Send an object. Raises ConnectionError."""
        self._writer.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
        await self._writer.drain()

    async def close(self) -> None:
        """End it, once what was sent has been read or time is up."""
        self._writer.close()
        try:
            async with asyncio.timeout(FLUSH_WITHIN):
                await self._writer.wait_closed()
        except (TimeoutError, ConnectionError):
            log.debug("the other process did not read to the end")
        finally:
            self._writer.transport.abort()


class Passing:
    """Finds the process that has a session. `folder` is the state folder they share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def listen(self, hub: Hub) -> AsyncIterator[None]:
        """Take what others pass on to us, while we drain."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            link = Link(reader, writer)
            try:
                # The other process may end at any time.
                with contextlib.suppress(ConnectionError):
                    await _serve(link, hub)
            finally:
                await link.close()

        # A process number names no process for long, and in a container it is often 1.
        name = f"{PREFIX}{secrets.token_hex(8)}"
        server = await self._bind(name, serve)
        try:
            yield
        finally:
            server.close()
            (self._folder / name).unlink(missing_ok=True)

    async def _bind(self, name: str, serve: ServeLink) -> asyncio.Server:
        """Others see the socket only once it listens: who is refused takes it for a dead one."""
        hidden = self._folder / f".{name}"
        try:
            with _reachable(self._folder) as folder:
                path = f"{folder}/{hidden.name}"
                server = await asyncio.start_unix_server(serve, path, limit=MAX_LINE)
            try:
                hidden.chmod(0o600)
                hidden.rename(self._folder / name)
            except OSError:
                server.close()
                raise
        except OSError:
            hidden.unlink(missing_ok=True)
            raise
        return server

    @staticmethod
    def may_have(frame: str, hub: Hub) -> bool:
        """Whether a first frame is one that `find` would look for."""
        participant = _resumed(frame)
        return participant is not None and not hub.core.knows(participant)

    async def find(self, frame: str, hub: Hub) -> Link | None:
        """A link to the process that has the session which a first frame wants to resume.

        None when it is no such frame, when the session is ours, or nobody has it.
        """
        participant = _resumed(frame)
        if participant is None or hub.core.knows(participant):
            return None
        for path in self._folder.glob(f"{PREFIX}*"):
            link = await self._reach(path.name)
            if link is not None and await _hand_over(link, participant, frame):
                return link
        return None

    async def _reach(self, name: str) -> Link | None:
        try:
            with _reachable(self._folder) as folder:
                both = await asyncio.open_unix_connection(f"{folder}/{name}", limit=MAX_LINE)
        except ConnectionRefusedError:
            # It was killed and could not clean up.
            (self._folder / name).unlink(missing_ok=True)
            return None
        except OSError as error:
            log.debug("a process that drained is gone", error=str(error))
            return None
        return Link(*both)


async def _hand_over(link: Link, participant: str, frame: str) -> bool:
    """Give a process a client's first frame if the session is its own; else close the link."""
    mine = False
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            await link.send(participant=participant)
            answer = await link.receive()
            if answer is not None and answer.get("mine"):
                await link.send(text=frame)
                mine = True
    except (TimeoutError, ConnectionError) as error:
        log.warning("a process that drains does not answer", error=str(error))
    finally:
        if not mine:
            await link.close()
    return mine


class Client(Protocol):
    """What `relay` needs of a WebSocket."""

    async def receive(self) -> MutableMapping[str, Any]:
        """The next message, as ASGI has it."""

    async def send_text(self, data: str, /) -> None:
        """Send a frame."""

    async def close(self, code: int, reason: str, /) -> None:
        """Close it."""


async def relay(websocket: Client, link: Link) -> None:
    """Carry frames both ways until either side closes."""
    up = asyncio.create_task(_up(websocket, link))
    down = asyncio.create_task(_down(websocket, link))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        await link.close()


async def _up(websocket: Client, link: Link) -> None:
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        text = message.get("text")
        # A process that has ended makes sending fail; the other direction tells the client.
        with contextlib.suppress(ConnectionError):
            await (link.send(binary=True) if text is None else link.send(text=text))


async def _down(websocket: Client, link: Link) -> None:
    # A client that went away makes sending fail; the other direction ends with it.
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        while message := await link.receive():
            if "close" in message:
                await websocket.close(*message["close"])
                return
            await websocket.send_text(message["text"])
        await websocket.close(1001, "the server stops")


async def _serve(link: Link, hub: Hub) -> None:
    """One client, as if its WebSocket were ours."""
    asked = await link.receive()
    mine = asked is not None and hub.core.knows(str(asked.get("participant")))
    await link.send(mine=mine)
    if not mine:
        return
    wake = asyncio.Event()
    connection = hub.connect(wake.set)

    reader = asyncio.create_task(_read(link, connection, hub))
    writer = asyncio.create_task(_write(link, connection, wake))
    try:
        done, _ = await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        hub.disconnect(connection)
        for task in (reader, writer):
            task.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)


async def _read(link: Link, connection: JsonConnection, hub: Hub) -> None:
    while message := await link.receive():
        if "text" in message:
            connection.receive_text(message["text"], hub.now())
        else:
            connection.receive_binary(hub.now())
        hub.settle()


async def _write(link: Link, connection: JsonConnection, wake: asyncio.Event) -> None:
    while True:
        await wake.wait()
        wake.clear()
        frames, close = connection.take_output()
        for frame in frames:
            await link.send(text=frame)
        if close is not None:
            await link.send(close=list(close))
            return


def _resumed(frame: str) -> str | None:
    """The participant whose session a frame wants to resume; the core judges the frame itself."""
    if '"resume"' not in frame:
        # Most are a `join` with a long offer, which is read once.
        return None
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") != "resume":
        return None
    token = message.get("resumeToken")
    return token.partition(".")[0] if isinstance(token, str) else None


@contextmanager
def _reachable(folder: Path) -> Iterator[str]:
    """A short name of a folder: the address of a Unix socket has 108 bytes at most."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
