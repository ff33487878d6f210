"""An engine without media: it answers every command at once, from a tiny notion of SDP.

An "offer" is lines of `MID KIND DIRECTION`, for example `0 audio sendonly`. An offer that holds
`bad` is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from roomline.engine import commands as c
from roomline.engine import events as e
from roomline.engine.facade import Deliver, Sample


def offer(*sections: str) -> str:
    return "\n".join(sections)


PUBLISHER = offer("0 audio sendonly", "1 video sendonly", "2 audio recvonly", "3 video recvonly")
LISTENER = offer("0 audio recvonly", "1 video recvonly")


class FakeEngine:
    """Records commands; `answer` turns one into the event a real engine would send."""

    https_port = 443
    turn_port = 3478

    def __init__(self) -> None:
        self.commands: list[c.Command] = []
        self.transports: dict[int, list[e.Section]] = {}
        self.publications: dict[int, str] = {}
        self.refuse_subscriptions: set[int] = set()
        self.closed = False
        self.accepting = True
        self.released = False
        self.certificates: list[bytes] = []
        self.renewed = asyncio.Event()
        self.deliver: Deliver | None = None

    def start(self, deliver: Deliver) -> None:
        self.deliver = deliver

    def submit(self, commands: Sequence[c.Command]) -> None:
        for event in (event for command in commands for event in self.answer(command)):
            if self.deliver is not None:
                self.deliver([event])

    def counters(self) -> list[Sample]:
        return [
            ("drops", "bad-stun", 3),
            ("datagrams_received", "", 7),
            ("rtp_dropped", "duplicate", 2),
            ("rtp_dropped", "probe", 5),
        ]

    def gauges(self) -> list[Sample]:
        return [("transports", "", len(self.transports))]

    def reload_certificate(self, certificate_pem: bytes, private_key_pem: bytes) -> None:
        self.certificates.append(certificate_pem)
        self.renewed.set()

    def stop_accepting(self) -> None:
        self.accepting = False

    def release_ports(self) -> int:
        self.released = True
        return 0

    def close(self) -> None:
        self.closed = True

    def answer(self, command: c.Command) -> Sequence[e.Event]:  # noqa: PLR0911
        self.commands.append(command)
        match command:
            case c.OpenTransport() | c.Renegotiate():
                if "bad" in command.offer:
                    return [e.Failed(command.request, "bad-offer", "no ICE credentials")]
                sections = _sections(command.offer)
                self.transports[command.transport] = sections
                return [e.Answered(command.request, command.transport, "answer", sections)]
            case c.Publish():
                self.publications[command.publication] = command.mid
                return [e.Done(command.request)]
            case c.Subscribe():
                if command.publication in self.refuse_subscriptions:
                    return [e.Failed(command.request, "codec-mismatch", "no common codec")]
                return [e.Done(command.request)]
            case c.MovePublication() | c.RelayData():
                return [e.Done(command.request)]
            case c.CloseTransport():
                self.transports.pop(command.transport, None)
            case _:
                pass
        return []


def _sections(text: str) -> list[e.Section]:
    found = []
    for line in text.splitlines():
        mid, kind, direction = line.split()
        sends, receives = "send" in direction, "recv" in direction
        found.append(e.Section(mid, kind, sends, receives))  # type: ignore[arg-type]
    return found
