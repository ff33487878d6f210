"""People who cost the client's core little: a WebSocket each, and only what the server must hear.

Frames after `joined` are counted and not read.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import struct
from pathlib import Path
from typing import Any, cast

from bench.load import Load
from bench.peers.contract import Kind, Section
from roomline import AccessToken, load_credentials

LOAD = Path("target/release/roomline-load")
"""The load client, as `cargo build --release -p roomline-load` leaves it."""

KINDS: tuple[Kind, ...] = ("audio", "video")
OFFER = Path(__file__).parents[1] / "crates/pure/sdp/tests/vectors/chromium-join.sdp"
RECORDED = OFFER.read_text(encoding="utf-8").partition("m=application")[0].replace(" 7 8", " 7")
"""A browser's offer: microphone, camera, three slots of each kind."""

SECTIONS = [
    *(Section(kind, "sendonly") for kind in KINDS),
    *(Section(kind, "recvonly") for kind in KINDS for _ in range(3)),
]
"""The same, as the load client has it."""

INTENTS = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]
UPGRADE = (
    b"GET /v1/signal HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm9vbWxpbmUtYmVuY2gtMQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    b"Origin: https://localhost\r\nUser-Agent: bench\r\n\r\n"
)
TEXT, PING_S = 0x81, 5.0


class Visitor(asyncio.Protocol):
    """One WebSocket (RFC 6455). `joined` is the reply to `join`, or what was said instead."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.open: asyncio.Future[None] = loop.create_future()
        self.joined: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.received = 0
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is done."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(UPGRADE)

    def data_received(self, data: bytes) -> None:
        """Read up to the reply to `join`, and only count afterwards."""
        self.received += len(data)
        if self.joined.done():
            return
        self._data += data
        if not self.open.done() and (end := self._data.find(b"\r\n\r\n")) >= 0:
            if not self._data.startswith(b"HTTP/1.1 101"):
                raise ConnectionError(bytes(self._data[:end]).decode())
            del self._data[: end + 4]
            self.open.set_result(None)
        frame = _payload(self._data) if self.open.done() else None
        if frame is not None:
            self.joined.set_result(json.loads(frame))
            self._data.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server has hung up, or we have."""
        for future in (self.open, self.joined):
            if not future.done():
                future.set_exception(exc or ConnectionError("the server hung up"))
                future.exception()

    def send(self, **message: Any) -> None:
        """Send a text frame, masked as clients must."""
        if self._transport is not None:
            self._transport.write(_masked(json.dumps(message).encode()))

    def ping(self) -> None:
        """Be heard."""
        self.send(type="ping", request=9, sent=1)

    def close(self) -> None:
        """Hang up without a word."""
        if self._transport is not None:
            self._transport.abort()


def tokens(state: Path, people: int, size: int, room: str = "room") -> list[list[str]]:
    """Access tokens for so many people, by room; signed with the key in a state folder."""
    key, secret = load_credentials(state)

    def sign(person: int) -> str:
        return AccessToken(
            key, secret, identity=f"{person}", room=f"{room} {person // size}"
        ).to_jwt()

    rooms = [range(first, min(first + size, people)) for first in range(0, people, size)]
    return [[sign(person) for person in each] for each in rooms]


async def enter(
    port: int, trust: ssl.SSLContext, token: str, load: Load | None = None, transport: str = ""
) -> Visitor:
    """Open a WebSocket and join; with a load client, until DTLS of that transport is done.

    Raises ConnectionError when the server does not let one in.
    """
    loop = asyncio.get_running_loop()
    own = await load.offer(transport, SECTIONS) if load is not None else ""
    _, visitor = await loop.create_connection(
        Visitor, "127.0.0.1", port, ssl=trust, server_hostname="localhost"
    )
    await visitor.open
    join = {"type": "join", "request": 1, "version": 1, "token": token}
    visitor.send(**join, offer=_offer(own), tracks=INTENTS)
    reply = await visitor.joined
    if reply["type"] != "joined":
        raise ConnectionError(str(reply))
    if load is not None:
        await load.answer(transport, reply["answer"])
        await load.connected(transport)
    return visitor


def _offer(own: str) -> str:
    """What a browser would offer, with the credentials of a transport that there is."""
    offer = RECORDED
    for attribute in ("ice-ufrag", "ice-pwd", "fingerprint"):
        found = re.search(rf"^a={attribute}:.*$", own, re.MULTILINE)
        if found:
            offer = re.sub(rf"^a={attribute}:.*$", found[0].strip(), offer, flags=re.MULTILINE)
    return offer


def _masked(payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", TEXT, 0x80 | length)
    elif length < 65536:
        head = struct.pack("!BBH", TEXT, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", TEXT, 0x80 | 127, length)
    mask = os.urandom(4)
    key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big")


def _payload(data: bytearray) -> bytes | None:
    """The first frame's, once it is whole."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length == 126:
        length, start = int.from_bytes(data[2:4], "big"), 4
    elif length == 127:
        length, start = int.from_bytes(data[2:10], "big"), 10
    whole = len(data) >= start + length and len(data) >= start
    return bytes(data[start : start + length]) if whole else None
