"""The signaling of one participant: requests, replies and events over one WebSocket after another."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ANSWER_WITHIN_S = 30.0


class Refused(Exception):
    """The server answered with an error."""


class Session:
    """Joined once, resumed as often as wanted."""

    def __init__(
        self, url: str, trust: ssl.SSLContext, event: Callable[[dict[str, Any]], None]
    ) -> None:
        self._url = url
        self._trust = trust
        self._event = event
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._resume_token = ""
        self._last_seq = 0
        self._interval_s = 10.0

    async def join(self, **body: Any) -> dict[str, Any]:
        """Send `join` and return `joined`."""
        await self._open()
        joined = await self.request("join", version=1, **body)
        self._resume_token = joined["resumeToken"]
        self._interval_s = joined["heartbeat"]["intervalMs"] / 1000
        self._tasks.append(asyncio.create_task(self._beat()))
        return joined

    async def resume(self) -> None:
        """Lose the WebSocket as a network does, and come back over another."""
        await self.lose()
        await self._open()
        resumed = await self.request(
            "resume", version=1, resumeToken=self._resume_token, lastSeq=self._last_seq
        )
        self._resume_token = resumed["resumeToken"]
        self._tasks.append(asyncio.create_task(self._beat()))

    async def request(self, kind: str, **body: Any) -> dict[str, Any]:
        """Send a request and return its reply. Raises Refused, or OSError when the WebSocket is lost."""
        number = next(self._numbers)
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        assert self._socket is not None
        try:
            await self._socket.send(json.dumps({"type": kind, "request": number, **body}))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await reply
        finally:
            self._waiting.pop(number, None)

    async def lose(self) -> None:
        """End the WebSocket without a word."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._socket is not None:
            self._socket.transport.abort()
            self._socket = None

    async def leave(self) -> None:
        """Say goodbye."""
        with suppress(ConnectionClosed, Refused):
            await self.request("leave")
        await self.lose()

    async def _open(self) -> None:
        self._socket = await connect(self._url, ssl=self._trust, proxy=None, compression=None)
        self._tasks.append(asyncio.create_task(self._read(self._socket)))

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self._take(json.loads(text))
        except ConnectionClosed as closed:
            reason = str(closed)
        else:
            reason = "closed"
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(ConnectionError(f"the WebSocket is gone: {reason}"))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "joined":
            self._last_seq = message["seq"]
        reply = self._waiting.get(message.get("request", -1))
        if reply is not None and not reply.done():
            if message["type"] == "error":
                reply.set_exception(Refused(f"{message['code']}: {message['message']}"))
            else:
                reply.set_result(message)
        elif "request" not in message and message.get("seq") == self._last_seq + 1:
            self._last_seq = message["seq"]
            self._event(message)
        elif "seq" in message:
            self._event({"type": "disorder", "message": f"{message['seq']} after {self._last_seq}"})

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            with suppress(ConnectionError, ConnectionClosed):  # the reader tells of that
                await self.request("ping", sent=0, lastSeq=self._last_seq)
