"""What the harness may ask of a peer, and what a peer may ask of the load client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from netlab.namespaces import Namespace

Kind = Literal["audio", "video"]
Tier = Literal["turn-udp", "turn-tcp", "turn-tls"]
Profile = Literal["gcm", "cm"]


@dataclass(frozen=True)
class Track:
    """What a participant publishes."""

    kind: Kind
    simulcast: int = 0
    """Encodings of a video beyond none: 0, 2 or 3."""


@dataclass(frozen=True)
class Section:
    """One media section of an offer."""

    kind: Kind
    direction: Literal["sendonly", "recvonly"]
    simulcast: int = 0
    rids: tuple[str, ...] = ()
    """Names of the encodings from the smallest; without any, the first of `q`, `h` and `f`."""
    largest_first: bool = False
    """The order in which the description has them."""


@dataclass(frozen=True)
class Via:
    """The relay that a transport of the load client goes through."""

    tier: Tier
    server: str
    """`ADDRESS:PORT`."""
    name: str
    """What its certificate is for."""
    username: str
    password: str
    ca: Path | None = None
    """Who signed that certificate, PEM."""


class Load(Protocol):
    """The load client, as far as adapters use it. Transports are named by the adapter.

    Descriptions are SDP. Whatever the load client refuses is raised as BenchError.
    """

    async def offer(
        self,
        transport: str,
        sections: Sequence[Section],
        profiles: Sequence[Profile],
        via: Via | None = None,
    ) -> str:
        """Open a transport; its offer, with candidates if `via` says how to get them."""
        ...

    async def answer(self, transport: str, sdp: str, via: Via | None = None) -> None:
        """Take the remote's answer; `via`, where the relay is known only now."""
        ...

    async def accept(
        self, transport: str, sdp: str, profiles: Sequence[Profile], via: Via | None = None
    ) -> str:
        """Take a remote's offer, the first or a further one; the answer to it."""
        ...

    async def reoffer(self, transport: str, sections: Sequence[Section]) -> str:
        """Offer further sections on an open transport; the whole new offer."""
        ...

    async def candidate(self, transport: str, candidate: str) -> None:
        """Take a remote's candidate (`candidate:…`, RFC 8839) that came by itself."""
        ...

    async def close(self, transport: str) -> None:
        """Close a transport."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a server runs. Clients reach it from the network of the calling thread."""

    host: Namespace
    address: str
    """The IPv4 address that it binds and tells clients."""
    folder: Path
    """For its configuration, log and state; its own, empty."""
    cache: Path
    """Where `build` put things."""
    core: int = 0
    env: dict[str, str] = field(default_factory=dict)
    """Variables it gets on top of this program's."""


@dataclass(frozen=True)
class Sent:
    """One published track, by the load client's names."""

    transport: str
    section: int
    """Index of the media section in the transport's description."""
    track: Track


class Participant(Protocol):
    """Somebody in a room of a server."""

    sent: list[Sent]
    """What it publishes. Nothing is sent until the load client is told to."""

    @property
    def transports(self) -> list[str]:
        """Names of its transports at the load client."""
        ...

    async def receives(self, tracks: int, timeout_s: float) -> None:
        """Return once `tracks` tracks of others are negotiated. Raises BenchError in time.

        Some servers tell of a track only when its first packet has come: let all join, start
        sending, then wait.
        """
        ...

    async def close(self) -> None:
        """Leave the room, and close the transports."""
        ...


class Running(Protocol):
    """A server that is up."""

    @property
    def pids(self) -> list[int]:
        """Its processes, children included, for accounting."""
        ...

    async def publish(
        self,
        load: Load,
        room: str,
        name: str,
        tracks: Sequence[Track],
        profiles: Sequence[Profile],
        *,
        via: Via | Tier | None = None,
    ) -> Participant:
        """Join and publish; receives nothing.

        A tier for `via` is the server's own relay; only ours has one. A `Via` is a relay in front.
        """
        ...

    async def subscribe(
        self,
        load: Load,
        room: str,
        name: str,
        profiles: Sequence[Profile],
        *,
        via: Via | Tier | None = None,
    ) -> Participant:
        """Join and receive everything in the room, in its best layer."""
        ...

    async def meet(
        self,
        load: Load,
        room: str,
        name: str,
        tracks: Sequence[Track],
        profiles: Sequence[Profile],
        *,
        via: Via | Tier | None = None,
    ) -> Participant:
        """Join, publish, and receive everything of the others."""
        ...

    async def stop(self) -> None:
        """End it. Raises BenchError if it had ended by itself."""
        ...


class Sfu(Protocol):
    """A server to measure."""

    @property
    def name(self) -> str:
        """In results and on the command line."""
        ...

    @property
    def version(self) -> str:
        """The pinned one; for ours, that of the package."""
        ...

    def build(self, cache: Path) -> None:
        """Make it ready to start; does nothing if it is. Raises BenchError with what to do."""
        ...

    def start(self, place: Place) -> Running:
        """Start it; returns when it answers."""
        ...


class RunningRelay(Protocol):
    """A relay that is up."""

    @property
    def pids(self) -> list[int]:
        """Its processes, children included, for accounting."""
        ...

    def via(self, tier: Tier) -> Via:
        """How to go through it."""
        ...

    async def stop(self) -> None:
        """End it. Raises BenchError if it had ended by itself."""
        ...


class Relay(Protocol):
    """A TURN server to put in front of our own SFU."""

    @property
    def name(self) -> str:
        """In results and on the command line."""
        ...

    @property
    def version(self) -> str:
        """The pinned one."""
        ...

    def build(self, cache: Path) -> None:
        """Make it ready to start; does nothing if it is. Raises BenchError with what to do."""
        ...

    def start(self, place: Place, sfu: str) -> RunningRelay:
        """Start it; returns when it answers. It relays to the address `sfu` and no other."""
        ...
