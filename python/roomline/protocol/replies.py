"""What the server answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from roomline.protocol.values import (
    ErrorCode,
    Heartbeat,
    IceServer,
    Millis,
    ParticipantInfo,
    RoomInfo,
    SelfInfo,
    TrackAssignment,
    Wire,
    absent,
)


class Reply(Wire):
    """Carries the number of the request it answers."""

    request: int


class JoinedReply(Reply):
    """You are in: the SDP answer, the room as it is, and the ICE servers."""

    type: Literal["joined"] = "joined"
    version: int
    room: RoomInfo
    participant: SelfInfo
    participants: list[ParticipantInfo]
    transport: str
    answer: str
    tracks: list[TrackAssignment]
    ice_servers: list[IceServer]
    ice_servers_expire_at: Millis
    resume_token: str
    heartbeat: Heartbeat
    seq: int


class WaitingReply(Reply):
    """Your `join` waits for the application, perhaps for minutes; its reply follows. Send pings."""

    type: Literal["waiting"] = "waiting"
    message: str
    timeout_ms: Annotated[int, Field(ge=0)]
    heartbeat: Heartbeat


class ResumedReply(Reply):
    """You are back; the missed events follow. `seq` is the last event before those."""

    type: Literal["resumed"] = "resumed"
    ice_servers: list[IceServer]
    ice_servers_expire_at: Millis
    resume_token: str
    seq: int


class AnswerReply(Reply):
    """The SDP answer to an `offer`, and fresh ICE servers for its gathering."""

    type: Literal["answer"] = "answer"
    transport: str
    answer: str
    tracks: list[TrackAssignment]
    ice_servers: list[IceServer]
    ice_servers_expire_at: Millis


class OkReply(Reply):
    """Done."""

    type: Literal["ok"] = "ok"


class PongReply(Reply):
    """The heartbeat's echo: `sent` as it came."""

    type: Literal["pong"] = "pong"
    sent: float


class ErrorReply(Wire):
    """It did not work. After a `fatal` one the server closes."""

    type: Literal["error"] = "error"
    request: int | None = absent("Left out when it answers no request.")
    code: ErrorCode
    message: str
    fatal: bool


ServerReply = Annotated[
    JoinedReply | WaitingReply | ResumedReply | AnswerReply | OkReply | PongReply | ErrorReply,
    Field(discriminator="type"),
]

REPLIES: tuple[type[Wire], ...] = (
    JoinedReply,
    WaitingReply,
    ResumedReply,
    AnswerReply,
    OkReply,
    PongReply,
    ErrorReply,
)
"""Every reply, in the order of the documentation."""
