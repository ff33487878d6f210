"""Figures the core works with. All times are in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from roomline.tokens import RoomLimits


@dataclass(frozen=True)
class TurnAddress:
    """Where clients reach the TURN server."""

    name: str
    """A DNS name: what `turns:` needs."""
    hosts: tuple[str, ...]
    """For `turn:`, best first: addresses save clients a DNS lookup. IPv6 without brackets."""
    port: int = 3478
    tls_port: int = 443


@dataclass(frozen=True)
class SignalingConfig:
    """Who may come in, where TURN is, and how patient the server is."""

    api_keys: Mapping[str, str]
    turn_secret: bytes = field(repr=False)
    turn: TurnAddress
    room_limits: RoomLimits = field(default_factory=RoomLimits)
    heartbeat_interval: float = 5.0
    heartbeat_timeout: float = 15.0
    first_frame_timeout: float = 10.0
    resume_window: float = 30.0
    connect_timeout: float = 30.0
    """Without any connected transport for this long, a session has failed."""
    engine_timeout: float = 10.0
    ice_server_lifetime: float = 6 * 3600.0
    requests_per_second: int = 50
    data_per_second: int = 200
    max_transports: int = 2
    """Transports of one participant at a time: the second is for moving."""
