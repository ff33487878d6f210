"""A WebSocket client that uses one thread.

The one of `websockets` reads in a second thread, and OpenSSL does not allow two threads in one
connection: about one handshake in 400 hung.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from types import TracebackType
from typing import Self

from websockets.client import ClientProtocol
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri


class ConnectionClosed(Exception):
    """The server has closed the connection, or it is being closed."""


class WebSocket:
    """A connection over a socket that is ready for HTTP."""

    def __init__(self, url: str, connection: socket.socket) -> None:
        self._socket = connection
        self._protocol = ClientProtocol(parse_uri(url), max_size=None)
        self._frames: deque[str | bytes] = deque()
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        deadline = time.monotonic() + 10
        while self._protocol.state is State.CONNECTING:
            self._read(deadline)
        if self._protocol.handshake_exc is not None:
            raise self._protocol.handshake_exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye if that is still possible, and close."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            self._flush()
        self._socket.close()

    def send(self, message: str | bytes) -> None:
        """Send a message in one frame. Raises ConnectionClosed."""
        self._check()
        if isinstance(message, str):
            self._protocol.send_text(message.encode("utf-8", "surrogatepass"))
        else:
            self._protocol.send_binary(message)
        self._flush()

    def send_fragment(self, piece: bytes, *, first: bool) -> None:
        """Send a part of a text message that never ends. Raises ConnectionClosed."""
        self._check()
        if first:
            self._protocol.send_text(piece, fin=False)
        else:
            self._protocol.send_continuation(piece, fin=False)
        self._flush()

    def recv(self, patience: float) -> str | bytes:
        """The next message. Raises ConnectionClosed, TimeoutError."""
        deadline = time.monotonic() + patience
        while not self._frames:
            self._check()
            self._read(deadline)
        return self._frames.popleft()

    def _check(self) -> None:
        if self._protocol.state is not State.OPEN:
            raise ConnectionClosed(self._protocol.close_rcvd)

    def _read(self, deadline: float) -> None:
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            data = b""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._flush()
        for event in self._protocol.events_received():
            if not isinstance(event, Response):
                self._take(event)

    def _take(self, event: object) -> None:
        """The server sends every message in one frame."""
        assert isinstance(event, Frame)
        if event.opcode in DATA_OPCODES:
            text = event.opcode is Opcode.TEXT
            self._frames.append(bytes(event.data).decode() if text else bytes(event.data))

    def _flush(self) -> None:
        self._socket.settimeout(10)
        try:
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)
                else:
                    self._socket.close()
        except OSError:
            self._protocol.receive_eof()
