"""Datagrams and messages to attack with: random ones, and real ones that were damaged.

Everything comes from a seeded generator, so that a failure can be run again.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

from hostile import stun

COUNT = 10_000
"""Of each kind, at each listener."""

FOREIGN = ("192.0.2.7", 9)


def random_datagrams(rng: random.Random, count: int = COUNT) -> Iterator[bytes]:
    """Noise of any length; a third begins as something that RFC 7983 knows."""
    for _ in range(count):
        size = rng.choice((0, 1, 3, 4, 19, 20, rng.randrange(64), rng.randrange(1500)))
        data = rng.randbytes(size)
        if data and rng.random() < 0.33:
            data = bytes([rng.choice((0, 1, 2, 20, 22, 23, 64, 79, 128, 143, 191))]) + data[1:]
        yield data


def mutated(rng: random.Random, originals: list[bytes], count: int = COUNT) -> Iterator[bytes]:
    """Real messages with one to four faults each."""
    for _ in range(count):
        data = bytearray(rng.choice(originals))
        for _ in range(rng.randint(1, 4)):
            rng.choice(_FAULTS)(rng, data)
        yield bytes(data[:2000])


def _flip(rng: random.Random, data: bytearray) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _truncate(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _extend(rng: random.Random, data: bytearray) -> None:
    data += rng.randbytes(rng.randrange(1, 200))


def _extreme(rng: random.Random, data: bytearray) -> None:
    """Two bytes that may be a length become an extreme one."""
    if len(data) >= 4:
        at = rng.randrange(len(data) - 1)
        data[at : at + 2] = rng.choice((b"\x00\x00", b"\xff\xff", b"\x7f\xff", b"\x00\x01"))


def _repeat(rng: random.Random, data: bytearray) -> None:
    if len(data) > 8:
        start = rng.randrange(len(data) - 4)
        piece = data[start : start + rng.randrange(4, 64)]
        data[start:start] = piece * rng.randint(1, 4)


def _remove(rng: random.Random, data: bytearray) -> None:
    if len(data) > 4:
        start = rng.randrange(len(data))
        del data[start : start + rng.randint(1, 16)]


_FAULTS = (_flip, _flip, _truncate, _extend, _extreme, _repeat, _remove)


def turn_messages(rng: random.Random, username: str) -> list[bytes]:
    """What TURN clients send, with integrity attributes that no key of ours made."""
    key = rng.randbytes(16)
    transaction = rng.randbytes(12)
    login = [
        (stun.USERNAME, username.encode()),
        (stun.REALM, b"roomline"),
        (stun.NONCE, b"obMatJos2AAAB65a1b2c3AAAAAAAAAAA"),
    ]
    peer = (stun.XOR_PEER_ADDRESS, stun.xor_address(FOREIGN, transaction))
    transport = (stun.REQUESTED_TRANSPORT, stun.UDP)
    channel = (stun.CHANNEL_NUMBER, b"\x40\x00\x00\x00")
    lifetime = (stun.LIFETIME, struct.pack("!I", 600))
    payload = (stun.DATA_ATTRIBUTE, rng.randbytes(120))

    def build(kind: int, *attributes: stun.Attribute, signed: bool = True) -> bytes:
        return stun.build(
            kind,
            [*attributes, *(login if signed else [])],
            transaction=transaction,
            key=key if signed else None,
            fingerprint=rng.random() < 0.5,
        )

    return [
        build(stun.BINDING, signed=False),
        build(stun.BINDING),
        build(stun.BINDING | stun.INDICATION, signed=False),
        build(stun.BINDING | stun.SUCCESS, signed=False),
        build(stun.ALLOCATE, transport, signed=False),
        build(stun.ALLOCATE, transport, lifetime),
        build(stun.ALLOCATE, transport, (stun.REQUESTED_ADDRESS_FAMILY, b"\x02\x00\x00\x00")),
        build(stun.REFRESH, lifetime),
        build(stun.CREATE_PERMISSION, peer),
        build(stun.CHANNEL_BIND, channel, peer),
        build(stun.SEND | stun.INDICATION, peer, payload, signed=False),
        stun.channel_data(0x4000, rng.randbytes(172)),
        stun.channel_data(0x4FFF, rng.randbytes(8)),
    ]


def checks(username: str) -> list[bytes]:
    """Connectivity checks for a transport that exists, by somebody who lacks its password."""
    return [
        stun.connectivity_check(username, "not the password of that agent"),
        stun.connectivity_check(username, "not the password of that agent", nominate=True),
        stun.connectivity_check(username, "not the password of that agent", controlled=True),
        stun.connectivity_check(username.split(":", maxsplit=1)[0] + ":", "x" * 24, nominate=True),
        stun.connectivity_check("nobody:here", "x" * 24),
    ]


def dtls_noise(rng: random.Random, captured: list[bytes]) -> list[bytes]:
    """Records nobody asked for: alerts, application data, fragments, other versions."""

    def record(kind: int, body: bytes, version: int = 0xFEFD) -> bytes:
        epoch_and_number = rng.randbytes(8)
        return (
            struct.pack("!BH", kind, version)
            + epoch_and_number
            + struct.pack("!H", len(body))
            + body
        )

    return [
        *captured,
        record(21, b"\x02\x28"),
        record(21, b"\x01\x00"),
        record(20, b"\x01"),
        record(22, b"\x01" + rng.randbytes(200)),
        record(22, b"\x01\x00\xff\xff\x00\x00\x00\x00\x00\x00\xff\xff"),
        record(23, rng.randbytes(64)),
        record(22, rng.randbytes(40), version=0x0303),
        bytes([0x2E]) + rng.randbytes(60),
    ]
