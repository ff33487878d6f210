"""Signaling's WebSocket on our own front door: the frames of a connection, straight to the core.

An application that the rooms are mounted in has them by way of ASGI (`roomline.api.websocket`). That
takes tasks, queues and a dozen of frames on the stack for every connection, most of the time only
to wait: here it is one object, and nothing runs until bytes come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from roomline.api import Hub, Passing
from roomline.api.passing import relay

CLOSE_WITHIN = 10.0
"""Seconds a client may take to answer our close frame."""

MAX_WAITING = 16
"""Messages to another process that wait; beyond, nothing is read of the client."""

NOT_UTF8 = 1007
REFUSED = {NOT_UTF8, 1009}
"""Close codes for frames that were not UTF-8 or too large (RFC 6455 §7.4.1)."""

SWITCHING_PROTOCOLS = 101

# It tells of every connection.
_quiet = logging.getLogger("roomline.websocket")
_quiet.setLevel(logging.WARNING)


class SignalSockets:
    """Takes connections over. `max_size` is the largest message, in bytes."""

    def __init__(self, hub: Hub, passing: Passing | None, max_size: int) -> None:
        self.hub = hub
        self.passing = passing
        self.max_size = max_size
        self.tasks: set[asyncio.Task[None]] = set()
        """Of clients that are passed on."""

    def take(
        self, transport: asyncio.Transport, path: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Answer a request for a WebSocket, and serve it if it is one."""
        fields = Headers(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
        )
        frames = ServerProtocol(state=State.OPEN, max_size=self.max_size, logger=_quiet)
        response = frames.accept(Request(path, fields))
        transport.write(response.serialize())
        if response.status_code == SWITCHING_PROTOCOLS:
            transport.set_protocol(SignalSocket(self, transport, frames))
        else:
            transport.close()

    async def stop(self) -> None:
        """Pass nobody on any more."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class SignalSocket(asyncio.Protocol):
    """One client's WebSocket (RFC 6455), after the handshake."""

    def __init__(
        self, sockets: SignalSockets, transport: asyncio.Transport, frames: ServerProtocol
    ) -> None:
        self._sockets = sockets
        self._transport = transport
        self._frames = frames
        self._parts: list[bytes] = []
        """Of a message that is not whole yet."""
        self._is_text = False
        self._writable = True
        self._closing: asyncio.TimerHandle | None = None
        self._elsewhere: Elsewhere | None = None
        self._connection = sockets.hub.connect(self._flush)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            if isinstance(event, Frame):
                self._take(event)
        self._sockets.hub.settle()
        failed = self._frames.close_sent
        if self._frames.parser_exc is not None and failed and failed.code in REFUSED:
            self._sockets.hub.core.count("frames_refused", str(int(failed.code)))
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The connection is gone."""
        if self._closing is not None:
            self._closing.cancel()
        if self._elsewhere is not None:
            self._elsewhere.put({"type": "websocket.disconnect"})
        self._sockets.hub.disconnect(self._connection)

    def pause_writing(self) -> None:
        """The client reads slower than we write: what then waits is the core's to bound.

        Nothing more is read of it either: every ping of its would leave a pong here.
        """
        self._writable = False
        self.regulate()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable = True
        self.regulate()
        self._flush()

    def regulate(self) -> None:
        """Read only while there is room for what comes of it."""
        if self._writable and (self._elsewhere is None or not self._elsewhere.is_full):
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def send(self, text: str) -> None:
        """Send a text frame, unless the connection is being closed."""
        if self._frames.state is State.OPEN:
            self._frames.send_text(text.encode())
            self._write()

    def close(self, code: int, reason: str) -> None:
        """Begin to close (RFC 6455 §7.1.2)."""
        if self._frames.state is State.OPEN:
            self._frames.send_close(code, reason)
            self._write()
        self._give_up_later()

    def keep(self, messages: Iterable[dict[str, Any]]) -> None:
        """It is ours after all: what came meanwhile is for the core."""
        self._elsewhere = None
        self.regulate()
        for message in messages:
            if message["type"] == "websocket.receive":
                self._hear(message["text"])
        self._sockets.hub.settle()

    def let_go(self) -> None:
        """Another process has its session."""
        self._sockets.hub.disconnect(self._connection)

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            return
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        message, self._parts = b"".join(self._parts), []
        try:
            text = message.decode() if self._is_text else None
        except UnicodeDecodeError:
            self._sockets.hub.core.count("frames_refused", str(NOT_UTF8))
            self._frames.fail(NOT_UTF8, "not UTF-8")
        else:
            self._receive(text)

    def _receive(self, text: str | None) -> None:
        """A message came: text, or None for a binary one, which the protocol has not."""
        if self._elsewhere is not None:
            self._elsewhere.put({"type": "websocket.receive", "text": text})
            self.regulate()
        elif text is not None and self._is_elsewhere(text):
            self._elsewhere = Elsewhere(self, self._sockets, text)
        else:
            self._hear(text)

    def _is_elsewhere(self, text: str) -> bool:
        passing, new = self._sockets.passing, self._connection.session is None
        return new and passing is not None and passing.may_have(text, self._sockets.hub)

    def _hear(self, text: str | None) -> None:
        now = self._sockets.hub.now()
        if text is None:
            self._connection.receive_binary(now)
        else:
            self._connection.receive_text(text, now)

    def _flush(self) -> None:
        """Send what the core has for this client."""
        if not self._writable:
            if self._connection.is_closing:
                self._give_up_later()
            return
        frames, close = self._connection.take_output()
        if self._frames.state is State.OPEN:
            for frame in frames:
                self._frames.send_text(frame.encode())
        if close is not None:
            self.close(close.code, close.reason)
        self._write()

    def _write(self) -> None:
        data = self._frames.data_to_send()
        if not data or self._transport.is_closing():
            return
        self._transport.write(b"".join(data))
        # An empty piece says that the connection is at its end.
        if not data[-1]:
            self._transport.close()

    def _give_up_later(self) -> None:
        if self._closing is None:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(CLOSE_WITHIN, self._transport.abort)


class Elsewhere:
    """A client whose session another process may have: as `relay` wants it, if that is so."""

    def __init__(self, socket: SignalSocket, sockets: SignalSockets, first: str) -> None:
        self._socket = socket
        self._sockets = sockets
        self._first = first
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        task = asyncio.get_running_loop().create_task(self._pass_on())
        sockets.tasks.add(task)
        task.add_done_callback(sockets.tasks.discard)

    def put(self, message: dict[str, Any]) -> None:
        """It has said something, or is gone."""
        self._messages.put_nowait(message)

    @property
    def is_full(self) -> bool:
        """Whether it says more than the other process takes."""
        return self._messages.qsize() >= MAX_WAITING

    async def receive(self) -> dict[str, Any]:
        """What it says, as ASGI has it."""
        message = await self._messages.get()
        self._socket.regulate()
        return message

    async def send_text(self, text: str) -> None:
        """Send it a frame."""
        self._socket.send(text)

    async def close(self, code: int, reason: str) -> None:
        """Close its WebSocket."""
        self._socket.close(code, reason)

    async def _pass_on(self) -> None:
        passing = self._sockets.passing
        link = await passing.find(self._first, self._sockets.hub) if passing else None
        if link is not None:
            self._socket.let_go()
            await relay(self, link)
            return
        waiting = [{"type": "websocket.receive", "text": self._first}]
        while not self._messages.empty():
            waiting.append(self._messages.get_nowait())
        self._socket.keep(waiting)
