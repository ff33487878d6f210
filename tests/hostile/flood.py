"""Sending many datagrams from many addresses, no faster than they are read."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from hostile import stun
from hostile.server import Barrier

SOURCES = 16
BATCH = 200


@dataclass
class Outcome:
    """What became of a flood, as its sender sees it."""

    sent: int = 0
    answered: int = 0
    media: int = 0
    """Datagrams that came back and are no STUN: nobody here has a right to any."""


class Strangers:
    """Sockets on several addresses of the loopback network, none of them the call's."""

    def __init__(self) -> None:
        self._sockets = []
        for number in range(SOURCES):
            one = socket.socket(type=socket.SOCK_DGRAM)
            one.bind((f"127.0.7.{number + 1}", 0))
            one.setblocking(False)
            self._sockets.append(one)

    def flood(self, target: stun.Address, datagrams: Iterable[bytes], barrier: Barrier) -> Outcome:
        """Send everything, waiting for the server after every batch."""
        outcome = Outcome()
        rest = iter(datagrams)
        while batch := list(islice(rest, BATCH)):
            for number, data in enumerate(batch):
                self._sockets[number % SOURCES].sendto(data, target)
            barrier.wait()
            outcome.sent += len(batch)
            self._collect(outcome)
        return outcome

    def _collect(self, outcome: Outcome) -> None:
        for one in self._sockets:
            try:
                while True:
                    data = one.recv(2048)
                    outcome.answered += 1
                    outcome.media += not data or data[0] > 3
            except BlockingIOError:
                pass

    def close(self) -> None:
        """Close the sockets."""
        for one in self._sockets:
            one.close()


def forge(source: stun.Address, target: stun.Address, payload: bytes) -> None:
    """Send a UDP datagram over IPv4 whose source is somebody else's. Needs root."""
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", source[1], target[1], length, 0) + payload
    header = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_UDP, 0),
        *(socket.inet_aton(source[0]), socket.inet_aton(target[0])),
    )
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + udp, (target[0], 0))
