"""STUN and TURN messages from scratch (RFC 8489, RFC 8656), right or wrong on purpose.

Not the product's codec: what attacks a parser should not come from it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import struct
import zlib
from dataclasses import dataclass, field

COOKIE = 0x2112A442
_COOKIE_BYTES = struct.pack("!I", COOKIE)

BINDING, ALLOCATE, REFRESH, SEND, DATA, CREATE_PERMISSION, CHANNEL_BIND = 1, 3, 4, 6, 7, 8, 9
REQUEST, INDICATION, SUCCESS, ERROR = 0x000, 0x010, 0x100, 0x110

USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, CHANNEL_NUMBER = 0x0006, 0x0008, 0x0009, 0x000C
LIFETIME, XOR_PEER_ADDRESS, DATA_ATTRIBUTE, REALM, NONCE = 0x000D, 0x0012, 0x0013, 0x0014, 0x0015
XOR_RELAYED_ADDRESS, REQUESTED_TRANSPORT, XOR_MAPPED_ADDRESS = 0x0016, 0x0019, 0x0020
REQUESTED_ADDRESS_FAMILY, PRIORITY, USE_CANDIDATE = 0x0017, 0x0024, 0x0025
FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING = 0x8028, 0x8029, 0x802A

UDP = b"\x11\x00\x00\x00"
"""Value of REQUESTED-TRANSPORT."""

Address = tuple[str, int]
Attribute = tuple[int, bytes]


def build(
    kind: int,
    attributes: list[Attribute],
    *,
    transaction: bytes | None = None,
    key: bytes | None = None,
    fingerprint: bool = False,
) -> bytes:
    """A message. `key` signs it with MESSAGE-INTEGRITY."""
    transaction = os.urandom(12) if transaction is None else transaction
    body = b"".join(_attribute(number, value) for number, value in attributes)
    if key is not None:
        digest = hmac.digest(key, _header(kind, len(body) + 24, transaction) + body, "sha1")
        body += _attribute(MESSAGE_INTEGRITY, digest)
    if fingerprint:
        checksum = zlib.crc32(_header(kind, len(body) + 8, transaction) + body) ^ 0x5354554E
        body += _attribute(FINGERPRINT, struct.pack("!I", checksum))
    return _header(kind, len(body), transaction) + body


def _header(kind: int, length: int, transaction: bytes) -> bytes:
    return struct.pack("!HHI", kind, length, COOKIE) + transaction


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)


def channel_data(channel: int, payload: bytes, *, padded: bool = False) -> bytes:
    """A ChannelData message; streams need the padding."""
    padding = bytes(-len(payload) % 4) if padded else b""
    return struct.pack("!HH", channel, len(payload)) + payload + padding


def xor_address(address: Address, transaction: bytes) -> bytes:
    """Value of the XOR-…-ADDRESS attributes."""
    ip = ipaddress.ip_address(address[0])
    mask = _COOKIE_BYTES + transaction
    packed = bytes(a ^ b for a, b in zip(ip.packed, mask, strict=False))
    return struct.pack("!BBH", 0, 1 if ip.version == 4 else 2, address[1] ^ COOKIE >> 16) + packed


def _plain_address(value: bytes, transaction: bytes) -> Address:
    mask = _COOKIE_BYTES + transaction
    packed = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    port: int = struct.unpack("!H", value[2:4])[0]
    return str(ipaddress.ip_address(packed)), port ^ COOKIE >> 16


@dataclass(frozen=True)
class Message:
    """A message that was received."""

    kind: int
    transaction: bytes
    attributes: list[Attribute] = field(default_factory=list)

    @classmethod
    def parse(cls, data: bytes) -> Message:
        """Trusting: only what our server sends comes here."""
        kind, length = struct.unpack("!HH", data[:4])
        attributes, at = [], 20
        while at < 20 + length:
            number, size = struct.unpack("!HH", data[at : at + 4])
            attributes.append((number, data[at + 4 : at + 4 + size]))
            at += 4 + size + -size % 4
        return cls(kind, data[8:20], attributes)

    def get(self, number: int) -> bytes | None:
        """Value of the first attribute of that kind."""
        return next((value for found, value in self.attributes if found == number), None)

    @property
    def succeeded(self) -> bool:
        """Whether it is a success response."""
        return self.kind & 0x110 == SUCCESS

    @property
    def error(self) -> int | None:
        """Code of an error response."""
        value = self.get(ERROR_CODE)
        return None if value is None else value[2] * 100 + value[3]

    def address(self, number: int) -> Address:
        """Value of an XOR-…-ADDRESS attribute."""
        value = self.get(number)
        assert value is not None, f"no attribute {number:#06x} in {self}"
        return _plain_address(value, self.transaction)


def long_term_key(username: str, realm: str, password: str) -> bytes:
    """RFC 8489 §9.2.2, with MD5."""
    return hashlib.md5(f"{username}:{realm}:{password}".encode()).digest()


def connectivity_check(
    username: str,
    password: str,
    *,
    nominate: bool = False,
    controlled: bool = False,
    transaction: bytes | None = None,
) -> bytes:
    """A check as a full ICE agent sends it (RFC 8445 §7.2.2)."""
    role = ICE_CONTROLLED if controlled else ICE_CONTROLLING
    attributes = [
        (USERNAME, username.encode()),
        (PRIORITY, struct.pack("!I", 0x6E7F00FF)),
        (role, os.urandom(8)),
    ]
    if nominate:
        attributes.append((USE_CANDIDATE, b""))
    return build(
        BINDING, attributes, transaction=transaction, key=password.encode(), fingerprint=True
    )
