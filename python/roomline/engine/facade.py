"""What the rest of the control plane needs of an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from roomline.engine.commands import Command
from roomline.engine.events import Event

Deliver = Callable[[Sequence[Event]], None]
"""Takes the events that waited, in their order, on the event loop."""

Sample = tuple[str, str, int]
"""`(name, label, value)` of a counter or gauge."""


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Where an engine listens and what it tells clients; see `EngineConfig` in `_engine.pyi`."""

    addresses: list[str]
    bind_addresses: list[str]
    media_port_min: int
    media_port_max: int
    https_port: int
    turn_port: int
    realm: str
    turn_secret: bytes
    certificate_pem: bytes
    private_key_pem: bytes
    max_allocations_per_participant: int = 12
    max_connections_per_address: int = 256
    stats_interval_ms: int = 2000


class MediaEngine(Protocol):
    """An engine in this process. All methods are called on the event loop's thread."""

    @property
    def https_port(self) -> int:
        """The port that carries HTTPS and TURN over TLS."""

    @property
    def turn_port(self) -> int:
        """The port of STUN and TURN over UDP and TCP."""

    def start(self, deliver: Deliver) -> None:
        """Begin to hand events to `deliver`; needs a running event loop."""

    def submit(self, commands: Sequence[Command]) -> None:
        """Hand commands down, in order; never blocks. Raises EngineClosed."""

    def counters(self) -> list[Sample]:
        """Totals since the start."""

    def gauges(self) -> list[Sample]:
        """Figures of this instant."""

    def reload_certificate(self, certificate_pem: bytes, private_key_pem: bytes) -> None:
        """Use another certificate for new connections. Raises EngineFailure if it does not fit."""

    def stop_accepting(self) -> None:
        """Close the listeners; what is connected goes on.

        Blocks, for up to a second. Raises EngineFailure if they may still be open.
        """

    def release_ports(self) -> int:
        """Free every port that another server would listen on; who is connected goes on.

        Returns how many clients there are on UDP ports that were freed. Blocks, for seconds if
        something is wrong. Raises EngineFailure.
        """

    def close(self) -> None:
        """Stop everything. Idempotent."""
