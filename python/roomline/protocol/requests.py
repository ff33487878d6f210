"""What a client sends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from roomline.protocol.values import (
    ClientReport,
    Id,
    SdkInfo,
    SubscribeMode,
    TrackIntent,
    TrackMove,
    Wire,
    absent,
)

MAX_DATA_BYTES = 15_000
"""Longest payload of a data message, in UTF-8 bytes."""

_Sdp = Annotated[str, Field(max_length=256 * 1024)]
_Intents = Annotated[list[TrackIntent], Field(max_length=100)]


class Request(Wire):
    """`request` is unique on the connection; the reply carries the same number."""

    request: Annotated[int, Field(ge=0, le=2**53 - 1)]


class JoinRequest(Request):
    """The first frame: who I am and what I offer. Answered with `joined`."""

    type: Literal["join"] = "join"
    version: int
    token: Annotated[str, Field(max_length=16 * 1024)]
    offer: _Sdp
    tracks: _Intents
    subscribe: SubscribeMode = "auto"
    name: str | None = absent("Shown to others when the token names nobody.", max_length=200)
    sdk: SdkInfo | None = absent()


class ResumeRequest(Request):
    """The first frame after a lost WebSocket. Answered with `resumed`, then the missed events."""

    type: Literal["resume"] = "resume"
    version: int
    resume_token: Annotated[str, Field(max_length=256)]
    last_seq: Annotated[int, Field(ge=0)]


class OfferRequest(Request):
    """A further offer: more sections, other directions or an ICE restart. Answered with `answer`.

    Without `transport` it opens a further transport for the same participant.
    """

    type: Literal["offer"] = "offer"
    transport: Id | None = absent("Left out: open a further transport.", max_length=64)
    offer: _Sdp
    tracks: _Intents


class MoveRequest(Request):
    """These tracks of mine go to sections of an open transport. Answered with `ok`."""

    type: Literal["move"] = "move"
    transport: Id
    tracks: Annotated[list[TrackMove], Field(max_length=100)]


class CloseTransportRequest(Request):
    """Close one of my transports, with the tracks still on it; not the last one."""

    type: Literal["closeTransport"] = "closeTransport"
    transport: Id


class UnpublishRequest(Request):
    """End one of my tracks."""

    type: Literal["unpublish"] = "unpublish"
    track: Id


class MuteRequest(Request):
    """Mute or unmute one of my tracks for everybody."""

    type: Literal["mute"] = "mute"
    track: Id
    muted: bool


class SubscribeRequest(Request):
    """I want somebody's track."""

    type: Literal["subscribe"] = "subscribe"
    track: Id


class UnsubscribeRequest(Request):
    """I do not want somebody's track any more."""

    type: Literal["unsubscribe"] = "unsubscribe"
    track: Id


class PauseSubscriptionRequest(Request):
    """Stop or resume what I get of a track, keeping its slot."""

    type: Literal["pauseSubscription"] = "pauseSubscription"
    track: Id
    paused: bool


class DataRequest(Request):
    """A message for everybody else, or for the participants named."""

    type: Literal["data"] = "data"
    payload: str
    topic: str | None = absent(max_length=200)
    to: list[Id] | None = absent("Participant ids; left out: everybody else.", max_length=1000)

    @field_validator("payload")
    @classmethod
    def _fits(cls, payload: str) -> str:
        if len(payload.encode("utf-8", "surrogatepass")) > MAX_DATA_BYTES:
            raise ValueError(f"longer than {MAX_DATA_BYTES} bytes of UTF-8")
        return payload


class PingRequest(Request):
    """A heartbeat, with the client's clock in ms. Answered with `pong`."""

    type: Literal["ping"] = "ping"
    sent: Annotated[float, Field(allow_inf_nan=False)]
    connection: ClientReport | None = absent()
    last_seq: int | None = absent(
        "The newest event that came: the server need not keep those up to it for a resume.", ge=0
    )


class LeaveRequest(Request):
    """I leave. Answered with `ok`, then the server closes."""

    type: Literal["leave"] = "leave"


REQUESTS: tuple[type[Request], ...] = (
    JoinRequest,
    ResumeRequest,
    OfferRequest,
    MoveRequest,
    CloseTransportRequest,
    UnpublishRequest,
    MuteRequest,
    SubscribeRequest,
    UnsubscribeRequest,
    PauseSubscriptionRequest,
    DataRequest,
    PingRequest,
    LeaveRequest,
)
"""Every request, in the order of the documentation."""

ClientRequest = Annotated[
    JoinRequest
    | ResumeRequest
    | OfferRequest
    | MoveRequest
    | CloseTransportRequest
    | UnpublishRequest
    | MuteRequest
    | SubscribeRequest
    | UnsubscribeRequest
    | PauseSubscriptionRequest
    | DataRequest
    | PingRequest
    | LeaveRequest,
    Field(discriminator="type"),
]
