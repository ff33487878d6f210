"""Noise and dawdling on the TCP listeners: 443 (TLS) and 3478."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pytest
from hostile import stun
from hostile.server import CONNECTIONS_PER_ADDRESS, HOST, NAME, Call, Server, wait_until
from hostile.traffic import COUNT, mutated, random_datagrams, turn_messages

PER_CONNECTION = 200
PATIENCE_S = 60.0
DRIP_S = 0.1
"""Between two bytes of a slow client."""


def reframe(data: bytes) -> bytes:
    """The same message with a frame that fits, so that the stream goes on after it."""
    data = data.ljust(20, b"\x00")
    body = data[20:][: len(data[20:]) & ~3]
    if data[0] & 0xC0 == 0x40:
        return stun.channel_data(0x4000 | data[1] << 3, data[4:], padded=True)
    kind = struct.unpack("!H", data[:2])[0] & 0x3FFF
    return struct.pack("!HHI", kind & 0x03FF, len(body), stun.COOKIE) + data[8:20] + body


def receive(connection: socket.socket, size: int) -> bytes:
    """Exactly that many bytes, or fewer at the end of the stream."""
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            break
        data += piece
    return data


def answers(connection: socket.socket, last: bytes) -> int:
    """Count messages until the answer to the request with that transaction id."""
    count = 0
    while True:
        header = receive(connection, 20)
        assert len(header) == 20, "closed before it had answered"
        receive(connection, struct.unpack("!H", header[2:4])[0])
        if header[8:20] == last:
            return count
        count += 1


def is_closed(connection: socket.socket) -> bool:
    """Read to the end of the stream; true if the other side ended it in time."""
    connection.settimeout(10)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except (ConnectionError, ssl.SSLError):
        pass
    return True


@dataclass
class Listener:
    """One of the two ports, and how to connect to it."""

    server: Server
    tls: bool

    def connect(self, source: str = "127.0.8.1") -> socket.socket:
        """A connection ready for the first byte."""
        if self.tls:
            return self.server.tls(source)
        return self.server.tcp(self.server.turn_port, source)


@pytest.fixture(params=["443", "3478"])
def listener(request: pytest.FixtureRequest, server: Server) -> Listener:
    return Listener(server, tls=request.param == "443")


def converse(listener: Listener, messages: Iterator[bytes]) -> tuple[int, int]:
    """Send messages on connections of their own kind until none is left.

    Each connection begins as TURN, so that its messages reach the TURN server, and ends with bytes
    that no frame begins with. Returns how many were sent and how many were answered.
    """
    sent = answered = 0
    while batch := list(islice(messages, PER_CONNECTION)):
        with listener.connect() as connection:
            first = stun.build(stun.BINDING, [])
            connection.sendall(first)
            assert answers(connection, first[8:20]) == 0
            last = stun.build(stun.BINDING, [])
            connection.sendall(b"".join(batch) + last)
            answered += answers(connection, last[8:20])
            connection.sendall(b"\xff" * 64)
            assert is_closed(connection)
        sent += len(batch)
    return sent, answered


def test_a_stream_of_bad_messages(listener: Listener, server: Server) -> None:
    rng = random.Random(4)
    originals = turn_messages(rng, f"4102444800:{rng.randrange(2**64)}")
    before = server.drops()["turn"]
    sent = answered = 0

    def some(count: int) -> None:
        nonlocal sent, answered
        for traffic in (random_datagrams(rng, count), mutated(rng, originals, count)):
            more, replies = converse(listener, map(reframe, traffic))
            sent += more
            answered += replies

    some(COUNT // 2)
    with server.flat():
        some(COUNT // 2)
    assert sent == 2 * COUNT
    # Every one is answered with an error or counted; nothing else can happen without credentials.
    assert server.drops()["turn"] - before + answered == sent


def test_connections_that_speak_something_else(listener: Listener, server: Server) -> None:
    rng = random.Random(5)
    before = server.drops()
    first_bytes = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"get / http/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\x01\x00\x00\xde\xad\xbe\xef" + bytes(12),
        b"\x40\x00\x00\x04abcd",
        b"\x05\x01\x00",
        b"A" * 64,
        *(bytes([rng.randrange(128, 256)]) + rng.randbytes(200) for _ in range(43)),
    ]
    for data in first_bytes:
        with listener.connect() as connection:
            connection.sendall(data)
            assert is_closed(connection), data
    wait_until(
        lambda: (
            server.drops()["front-unknown-protocol"] - before["front-unknown-protocol"]
            == len(first_bytes)
        ),
        "each is counted",
    )


def test_noise_instead_of_tls(server: Server) -> None:
    rng = random.Random(6)
    hello = client_hello()
    before = server.drops()
    noise = [data for data in random_datagrams(rng, 300) if len(data) > 5]
    noise += [data for data in mutated(rng, [hello], 300) if len(data) > 5]

    def attack(messages: list[bytes]) -> None:
        for data in messages:
            with server.tcp(server.https_port, "127.0.8.2") as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                assert is_closed(connection), data

    attack(noise[::2])
    with server.flat():
        attack(noise[1::2])
    reasons = ("front-tls-handshake", "front-closed-early")
    wait_until(
        lambda: sum(server.drops()[r] - before[r] for r in reasons) == len(noise), "each is counted"
    )


def client_hello() -> bytes:
    """The first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


class Dawdler:
    """A client that is slow on purpose, and how its connection ended."""

    def __init__(self, server: Server, source: str, *, tls: bool, port: int | None = None) -> None:
        self._server = server
        self._where = {"host": HOST, "port": port or server.https_port, "local_addr": (source, 0)}
        if tls:
            self._where |= {"ssl": server.trust, "server_hostname": NAME}
        self.seconds = 0.0

    async def run(self, first: bytes, slow: bytes) -> float:
        """Send `first` at once and `slow` byte by byte; returns seconds until it was closed."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            reader, writer = await asyncio.open_connection(**self._where)
        except (ConnectionError, ssl.SSLError):
            return loop.time() - begin
        writer.write(first)
        drip = asyncio.create_task(self._drip(writer, slow))
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while await reader.read(4096):
                    pass
        drip.cancel()
        writer.transport.abort()
        return loop.time() - begin

    @staticmethod
    async def _drip(writer: asyncio.StreamWriter, slow: bytes) -> None:
        for byte in slow:
            writer.write(bytes([byte]))
            await asyncio.sleep(DRIP_S)


def test_slow_and_half_open_connections(server: Server, call: Call) -> None:
    """All kinds at once, since each takes as long as its deadline."""
    hello = client_hello()
    header = b"GET /healthz HTTP/1.1\r\nHost: roomline.test\r\nX-Slow: "
    many = CONNECTIONS_PER_ADDRESS + 40
    before = server.drops()

    def dawdle(
        source: str, first: bytes, slow: bytes = b"", **how: bool | int
    ) -> asyncio.Task[float]:
        return asyncio.create_task(Dawdler(server, source, **how).run(first, slow))

    async def attack() -> dict[str, list[float]]:
        groups = {
            "hello": [dawdle("127.0.6.1", b"", hello * 20, tls=False) for _ in range(many)],
            "nothing": [dawdle("127.0.6.2", b"", tls=False) for _ in range(20)],
            "tls": [dawdle("127.0.6.3", b"", tls=True) for _ in range(20)],
            "request": [dawdle("127.0.6.4", header, b"x" * 900, tls=True) for _ in range(20)],
            "body": [
                dawdle(
                    "127.0.6.4",
                    b"POST / HTTP/1.1\r\nContent-Length: 900\r\n\r\n",
                    b"x" * 900,
                    tls=True,
                )
                for _ in range(20)
            ],
            "half": [
                dawdle("127.0.6.5", b"\x00\x01\x00", tls=False, port=server.turn_port)
                for _ in range(20)
            ],
            "turn": [
                dawdle("127.0.6.6", stun.build(stun.BINDING, []), tls=False, port=server.turn_port)
                for _ in range(20)
            ],
        }
        return {name: list(await asyncio.gather(*tasks)) for name, tasks in groups.items()}

    with server.flat():
        seconds = asyncio.run(attack())
    at_once = sum(took < 5 for took in seconds.pop("hello"))
    assert at_once >= many - CONNECTIONS_PER_ADDRESS
    assert all(9 < took < 25 for name in ("nothing", "tls", "half") for took in seconds[name])
    assert all(took < 45 for group in seconds.values() for took in group), seconds
    now = server.drops()
    assert now["front-address-limit"] - before["front-address-limit"] >= at_once - 5
    assert now["front-too-slow"] - before["front-too-slow"] >= CONNECTIONS_PER_ADDRESS + 60
    call.assert_undisturbed()
    assert server.get("/healthz")[0] == 200


def test_an_address_at_its_limit_keeps_nobody_else_out(server: Server) -> None:
    held = [server.tcp(server.https_port, "127.0.6.9") for _ in range(CONNECTIONS_PER_ADDRESS + 20)]
    try:
        wait_until(lambda: server.drops()["front-address-limit"] >= 20, "the limit is reached")
        assert server.get("/healthz")[0] == 200
    finally:
        for connection in held:
            connection.close()
