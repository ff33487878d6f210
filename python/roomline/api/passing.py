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
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from roomline.api.hub import Hub
from roomline.log import get as get_logger

PREFIX = "draining-"
MAX_LINE = 4 * 1024 * 1024
"""In bytes; a frame of the largest size is shorter, also with every character escaped."""

ANSWER_WITHIN = 10.0
"""Seconds another process may take to say whether a session is its own."""

log = get_logger("passing")


class Link:
    """A connection between two processes: one JSON object a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> dict[str, Any] | None:
        """The next object; None at the end."""
        line = await self._reader.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    async def send(self, **message: Any) -> None:
        """Send an object. Raises ConnectionError."""
        self._writer.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
        await self._writer.drain()

    def close(self) -> None:
        """End it."""
        self._writer.close()


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
                link.close()

        name = f"{PREFIX}{os.getpid()}"
        with _reachable(self._folder) as folder:
            server = await asyncio.start_unix_server(serve, f"{folder}/{name}", limit=MAX_LINE)
            (self._folder / name).chmod(0o600)
        try:
            yield
        finally:
            server.close()
            (self._folder / name).unlink(missing_ok=True)

    async def find(self, frame: str, hub: Hub) -> Link | None:
        """A link to the process that has the session which a first frame wants to resume.

        None when it is no such frame, when the session is ours, or nobody has it.
        """
        participant = _resumed(frame)
        if participant is None or hub.core.knows(participant):
            return None
        for path in self._folder.glob(f"{PREFIX}*"):
            link = await self._ask(path.name, participant)
            if link is not None:
                await link.send(text=frame)
                return link
        return None

    async def _ask(self, name: str, participant: str) -> Link | None:
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
        link = Link(*both)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await link.send(participant=participant)
                answer = await link.receive()
        except (TimeoutError, ConnectionError, ValueError) as error:
            log.warning("a process that drains does not answer", error=str(error))
            answer = None
        if answer is None or not answer.get("mine"):
            link.close()
            return None
        return link


async def relay(websocket: WebSocket, link: Link) -> None:
    """Carry frames both ways until either side closes."""
    up = asyncio.create_task(_up(websocket, link))
    down = asyncio.create_task(_down(websocket, link))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        link.close()
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _up(websocket: WebSocket, link: Link) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        await (link.send(binary=True) if text is None else link.send(text=text))


async def _down(websocket: WebSocket, link: Link) -> None:
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
    connection, wake = hub.connect()

    async def read() -> None:
        while message := await link.receive():
            if "text" in message:
                connection.receive_text(message["text"], hub.now())
            else:
                connection.receive_binary(hub.now())
            hub.settle()

    async def write() -> None:
        while True:
            await wake.wait()
            wake.clear()
            frames, close = connection.take_output()
            for frame in frames:
                await link.send(text=frame)
            if close is not None:
                await link.send(close=list(close))
                return

    tasks = {asyncio.create_task(read()), asyncio.create_task(write())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.disconnect(connection)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _resumed(frame: str) -> str | None:
    """The participant whose session a frame wants to resume; the core judges the frame itself."""
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
