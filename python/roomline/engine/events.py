"""What the engine tells Python. Mirrors `Event` of `_engine.pyi`, field by field and in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Tier = Literal["direct", "turn-udp", "turn-tcp", "turn-tls"]


@dataclass(frozen=True, slots=True)
class Section:
    """A media section of an answered offer, from the client's side."""

    mid: str
    kind: Literal["audio", "video", "data"]
    sends: bool
    receives: bool


@dataclass(frozen=True, slots=True)
class Path:
    """The pair that carries the media of a transport."""

    tier: Tier
    server_port: int
    client_ip: str
    client_port: int
    relayed_ip: str | None = None
    relayed_port: int | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """Totals of one transport since it was opened."""

    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_lost: int = 0
    retransmissions: int = 0
    rtt_ms: float | None = None
    fraction_lost: float = 0.0
    path_rtt_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to an offer."""

    request: int
    transport: int
    answer: str
    sections: list[Section] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Done:
    """A command was carried out."""

    request: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A command was refused and changed nothing."""

    request: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TransportConnected:
    """DTLS is done."""

    transport: int
    dtls_version: str
    srtp_profile: str


@dataclass(frozen=True, slots=True)
class PathChanged:
    """The pair that carries the media changed."""

    transport: int
    path: Path


@dataclass(frozen=True, slots=True)
class TransportSilent:
    """A transport whose client answers beats fell silent, or is heard again."""

    transport: int
    silent: bool
    silence_ms: int


@dataclass(frozen=True, slots=True)
class TransportClosed:
    """The transport is gone, by no command of ours."""

    transport: int
    reason: str


@dataclass(frozen=True, slots=True)
class DataChannelOpened:
    """The client opened a data channel."""

    transport: int
    participant: int
    channel: int
    label: str
    protocol: str
    ordered: bool
    max_retransmits: int | None
    max_packet_life_time: int | None


@dataclass(frozen=True, slots=True)
class DataChannelClosed:
    """A data channel that the client opened is closed."""

    channel: int


@dataclass(frozen=True, slots=True)
class PublicationStarted:
    """The first packet of a publication arrived."""

    publication: int
    codec: str


@dataclass(frozen=True, slots=True)
class SubscriptionPaused:
    """The bitrate cap paused a subscription or let it go on."""

    subscription: int
    paused: bool


@dataclass(frozen=True, slots=True)
class TransportStats:
    """What a transport did since it was opened."""

    transport: int
    stats: Stats


@dataclass(frozen=True, slots=True)
class HttpConnection:
    """Plain HTTP of a connection whose TLS the engine terminates; the receiver owns `fd`."""

    fd: int
    client_ip: str
    client_port: int
    server_ip: str
    server_port: int


Answer = Answered | Done | Failed
"""Events that answer a command."""

Event = (
    Answer
    | TransportConnected
    | PathChanged
    | TransportSilent
    | TransportClosed
    | DataChannelOpened
    | DataChannelClosed
    | PublicationStarted
    | SubscriptionPaused
    | TransportStats
    | HttpConnection
)
