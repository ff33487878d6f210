"""What the messages are made of: participants, tracks, connections, limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

VERSION = 1
"""The version of the protocol that this server speaks."""

ErrorCode = Literal[
    "token-invalid",
    "token-expired",
    "token-not-yet-valid",
    "refused",
    "permission-denied",
    "room-full",
    "publishers-full",
    "unsupported-version",
    "bad-message",
    "bad-offer",
    "not-found",
    "rate-limited",
    "draining",
    "resume-expired",
    "replaced",
    "removed",
    "connection-failed",
    "internal",
]
TrackKind = Literal["audio", "video"]
TrackSource = Literal["camera", "microphone", "screen", "screenAudio", "other"]
SubscribeMode = Literal["auto", "manual"]
ConnectionState = Literal["connecting", "connected", "interrupted"]
Tier = Literal["direct", "turn-udp", "turn-tcp", "turn-tls"]
ChangeReason = Literal["path-lost", "better-path", "address-changed", "other"]
LeaveReason = Literal["left", "disconnected", "removed", "replaced", "drained", "connection-failed"]

ALL_SOURCES: tuple[TrackSource, ...] = get_args(TrackSource)
"""Every source, in the order of the documentation."""


class Wire(BaseModel):
    """A JSON object of the protocol: camelCase names, nothing unknown, no conversions."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_serialization_defaults_required=True,
    )


def is_none(value: object) -> bool:
    """Whether an optional field is left out of the JSON."""
    return value is None


def not_null(schema: dict[str, Any]) -> None:
    """Describe a field as absent rather than null in the JSON Schema."""
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    schema.pop("default", None)
    if len(choices) == 1:
        schema.update(choices[0])
    elif choices:
        schema["anyOf"] = choices


def absent(description: str | None = None, **constraints: Any) -> Any:
    """A field that is left out of the JSON when it is `None`."""
    return Field(
        default=None,
        exclude_if=is_none,
        json_schema_extra=not_null,
        description=description,
        **constraints,
    )


Millis = Annotated[int, Field(ge=0)]
"""Milliseconds since 1970-01-01 UTC."""

Mid = Annotated[str, Field(min_length=1, max_length=64)]
"""A media section's `a=mid` (RFC 5888)."""

Rtt = Annotated[float, Field(ge=0, le=600_000, allow_inf_nan=False)]

Id = Annotated[str, Field(min_length=1, max_length=64)]


class TrackIntent(Wire):
    """What a client means to publish in one media section of its offer."""

    mid: Mid
    source: TrackSource
    name: str | None = absent("Shown to others; the source's name when left out.", max_length=200)
    muted: bool = False
    track: Id | None = absent(
        "In `offer`: this own track of the same kind moves here; nothing new is published."
    )


class TrackMove(Wire):
    """Which media section of an open transport one of the client's own tracks goes to."""

    mid: Mid
    track: Id


class SdkInfo(Wire):
    """Which client library speaks, for logs and metrics."""

    name: Annotated[str, Field(max_length=100)]
    version: Annotated[str, Field(max_length=100)]


class ClientReport(Wire):
    """What `getStats()` says of the selected pair. The server uses only the RTT from it."""

    candidate_type: Literal["host", "srflx", "prflx", "relay"]
    relay_protocol: Literal["udp", "tcp", "tls"] | None = absent()
    rtt_ms: Rtt
    signaling_rtt_ms: Rtt | None = absent(
        "Best round trip of `ping` and `pong` so far: a bound for the path without a relay."
    )


class ConnectionInfo(Wire):
    """How a participant's media travels. Everything but `state` is null until a pair works."""

    state: ConnectionState
    tier: Tier | None = None
    protocol: Literal["udp", "tcp", "tls"] | None = None
    server_port: int | None = None
    rtt_ms: float | None = Field(
        default=None, description="Round trip of beats, or else of ICE checks by the client."
    )
    added_latency_ms: float | None = Field(
        default=None,
        description="RTT less the best one known for this client without the relay.",
    )
    since: Millis | None = None


class ConnectionChange(Wire):
    """A change of tier. Left out of a `connection` event that tells of none."""

    origin: Tier | None = Field(
        default=None,
        alias="from",
        exclude_if=is_none,
        json_schema_extra=not_null,
        description="Left out at the first tier.",
    )
    to: Tier
    why: ChangeReason
    gap_ms: float = Field(
        description="Time without anything authentic before the new path carried; 0: none."
    )
    at: Millis


class TrackInfo(Wire):
    """A publication as everybody in the room sees it."""

    id: str
    participant: str
    kind: TrackKind
    source: TrackSource
    name: str
    muted: bool


class ParticipantInfo(Wire):
    """A participant as the others see it."""

    id: str
    identity: str
    name: str
    joined_at: Millis
    tracks: list[TrackInfo]
    connection: ConnectionInfo


class GrantsInfo(Wire):
    """What a participant may do; `maxBitrate` is in bit/s, of all it publishes; 0 is no limit."""

    join: bool
    publish: bool
    subscribe: bool
    data: bool
    sources: list[TrackSource]
    max_bitrate: int


class SelfInfo(ParticipantInfo):
    """A participant as it sees itself."""

    grants: GrantsInfo


class RoomLimitsInfo(Wire):
    """Limits of a room; 0 is no limit.

    `maxBitrate` is in bit/s: of all that one participant publishes, and of all that it is sent.
    """

    max_participants: int
    max_publishers: int
    max_bitrate: int


class RoomInfo(Wire):
    """The room itself."""

    name: str
    limits: RoomLimitsInfo


class IceServer(Wire):
    """An `RTCIceServer`, ready for `setConfiguration`."""

    urls: list[str]
    username: str
    credential: str


class Heartbeat(Wire):
    """How often the client pings, and when either side gives the other up."""

    interval_ms: int
    timeout_ms: int


class TrackAssignment(Wire):
    """The track that an intent became."""

    mid: str
    track: TrackInfo
