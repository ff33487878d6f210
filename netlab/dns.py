"""A small DNS server: fixed names, one process in a namespace.

Browsers resolve TURN host names through a DNS server alone, not through a hosts file.
Run as `python -m netlab.dns ADDRESS NAME=IP…`.
"""

from __future__ import annotations

import socket
import struct
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address

TYPE_A, TYPE_AAAA, CLASS_IN = 1, 28, 1
HEADER = struct.Struct("!HHHHHH")
TTL_S = 60


def answer(query: bytes, records: dict[str, list[IPv4Address | IPv6Address]]) -> bytes | None:
    """The reply to a query (RFC 1035 section 4), or None if it is none."""
    if len(query) < HEADER.size:
        return None
    identity, flags, questions, *_ = HEADER.unpack_from(query)
    if flags & 0x8000 or questions != 1:
        return None
    labels, at = [], HEADER.size
    while at < len(query) and query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    if at + 5 > len(query):
        return None
    kind, kind_class = struct.unpack_from("!HH", query, at + 1)
    known = records.get(".".join(labels))
    wanted = {TYPE_A: 4, TYPE_AAAA: 6}.get(kind) if kind_class == CLASS_IN else None
    found = [a for a in known or [] if a.version == wanted]
    reply_flags = 0x8580 if known is not None else 0x8583
    reply = HEADER.pack(identity, reply_flags | (flags & 0x0100), 1, len(found), 0, 0)
    reply += query[HEADER.size : at + 5]
    for address in found:
        data = address.packed
        reply += struct.pack("!HHHIH", 0xC00C, kind, CLASS_IN, TTL_S, len(data)) + data
    return reply


def serve(address: str, records: dict[str, list[IPv4Address | IPv6Address]]) -> None:
    """Answer until the process ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as listener:
        listener.bind((address, 53))
        print("ready", flush=True)
        while True:
            query, client = listener.recvfrom(4096)
            reply = answer(query, records)
            if reply is not None:
                listener.sendto(reply, client)


def main(arguments: list[str]) -> None:
    """Parse `ADDRESS NAME=IP…` and serve."""
    records: dict[str, list[IPv4Address | IPv6Address]] = {}
    for word in arguments[1:]:
        name, _, value = word.partition("=")
        records.setdefault(name.lower(), []).append(ip_address(value))
    serve(arguments[0], records)


if __name__ == "__main__":
    main(sys.argv[1:])
