"""A server with a fake engine, connections to it, and browsers at the other end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from roomline.config import Settings
from roomline.engine import EngineOptions
from roomline.engine import events as e
from roomline.engine.commands import Command
from roomline.server import Server
from roomline.tokens import AccessToken, admin_token

from support.fake_engine import PUBLISHER, FakeEngine

Work = Callable[["House"], Coroutine[Any, Any, None]]


class AsyncEngine(FakeEngine):
    """Answers on the loop's next turn, as the real engine does."""

    def submit(self, commands: Sequence[Command]) -> None:
        answers = [event for command in commands for event in self.answer(command)]
        if answers and self.deliver is not None:
            asyncio.get_running_loop().call_soon(self.deliver, answers)


class House:
    """A server with a fake engine."""

    def __init__(
        self,
        folder: Path,
        *,
        application: ASGIApp | None = None,
        mounted: bool = False,
        **settings: Any,
    ) -> None:
        self.engine = AsyncEngine()
        self.options: list[EngineOptions] = []
        self.sockets: list[socket.socket] = []
        self.server = Server(
            Settings(host="call.example", state_dir=folder, **settings),
            application=application,
            mounted=mounted,
            make_engine=self._make,
        )
        self.key = self.server.state.api_key()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.server.app), base_url="https://call.example"
        )

    def _make(self, options: EngineOptions) -> AsyncEngine:
        self.options.append(options)
        return self.engine

    def token(self, identity: str) -> str:
        made = AccessToken(self.key.key, self.key.secret)
        return made.with_identity(identity).with_room("demo").to_jwt()

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {admin_token(self.key.key, self.key.secret)}"}

    def hand_over(self) -> socket.socket:
        """A connection from the front door; returns the client's end."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.sockets.append(ours)
        assert self.engine.deliver is not None
        self.engine.deliver(
            [e.HttpConnection(theirs.detach(), "203.0.113.9", 4711, "192.0.2.1", 443)]
        )
        return ours

    async def close(self) -> None:
        await self.http.aclose()
        await self.server.close()
        for plain in self.sockets:
            plain.close()

    async def socket(self) -> Browser:
        browser = Browser(self.hand_over())
        await browser.open()
        return browser


class Browser:
    """A WebSocket client on a plain socket."""

    def __init__(self, plain: socket.socket, url: str = "wss://call.example/v1/signal") -> None:
        self.plain = plain
        self.events: list[Any] = []
        self.protocol = ClientProtocol(parse_uri(url))

    async def open(self) -> None:
        self.protocol.send_request(self.protocol.connect())
        await self.flush()
        await self.take(lambda event: True)
        assert self.protocol.handshake_exc is None

    async def send(self, **message: Any) -> None:
        self.protocol.send_text(json.dumps(message).encode())
        await self.flush()

    async def receive(self, kind: str) -> dict[str, Any]:
        while True:
            event = await self.take(
                lambda event: isinstance(event, Frame) and event.opcode is Opcode.TEXT
            )
            message: dict[str, Any] = json.loads(event.data)
            if message["type"] == kind:
                return message

    async def closed(self) -> int | None:
        while await self._read():
            pass
        return self.protocol.close_code

    async def take(self, wanted: Callable[[Any], bool]) -> Any:
        while True:
            for event in self.events:
                if wanted(event):
                    self.events.remove(event)
                    return event
            if not await self._read():
                raise EOFError

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            data = await asyncio.wait_for(loop.sock_recv(self.plain, 65536), 5)
        except ConnectionResetError:
            # The other end closed before it had read everything; what it sent is still there.
            data = await asyncio.wait_for(loop.sock_recv(self.plain, 65536), 5)
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        self.events += self.protocol.events_received()
        await self.flush()
        return data

    async def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    await asyncio.get_running_loop().sock_sendall(self.plain, data)


def run(folder: Path, work: Work, **settings: Any) -> House:
    """Run `work` in a server that has started."""
    house = House(folder, **settings)

    async def whole() -> None:
        await house.server.start()
        try:
            await work(house)
        finally:
            await house.close()

    asyncio.run(whole())
    return house


async def exchange(plain: socket.socket, request: str) -> str:
    """Send a request that asks to close, and read to the end."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(plain, request.replace("\n", "\r\n").encode())
    answer = b""
    while chunk := await asyncio.wait_for(loop.sock_recv(plain, 65536), 5):
        answer += chunk
    plain.close()
    return answer.decode()


async def join(house: House, browser: Browser, identity: str, **more: Any) -> None:
    await browser.send(
        type="join",
        request=1,
        version=1,
        token=more.get("token") or house.token(identity),
        offer=PUBLISHER,
        tracks=more.get("tracks", []),
    )


async def joined(house: House, identity: str) -> Browser:
    browser = await house.socket()
    await join(house, browser, identity, tracks=[{"mid": "1", "source": "camera"}])
    await browser.receive("joined")
    return browser
