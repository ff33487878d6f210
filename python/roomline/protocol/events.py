"""What the server tells without being asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from roomline.protocol.values import (
    ConnectionChange,
    ConnectionInfo,
    ErrorCode,
    LeaveReason,
    Millis,
    ParticipantInfo,
    TrackInfo,
    Wire,
    absent,
)


class Event(Wire):
    """`seq` is one more than that of the event before; the session stamps it when it is sent."""

    seq: int = 0


class ParticipantJoinedEvent(Event):
    """Somebody came."""

    type: Literal["participantJoined"] = "participantJoined"
    participant: ParticipantInfo


class ParticipantLeftEvent(Event):
    """Somebody is gone, with all tracks."""

    type: Literal["participantLeft"] = "participantLeft"
    participant: str
    reason: LeaveReason


class TrackPublishedEvent(Event):
    """There is a new track."""

    type: Literal["trackPublished"] = "trackPublished"
    track: TrackInfo


class TrackUnpublishedEvent(Event):
    """A track has ended."""

    type: Literal["trackUnpublished"] = "trackUnpublished"
    track: str
    participant: str


class TrackMutedEvent(Event):
    """A track was muted or unmuted by its sender."""

    type: Literal["trackMuted"] = "trackMuted"
    track: str
    muted: bool


class BoundEvent(Event):
    """From now on this slot carries this track."""

    type: Literal["bound"] = "bound"
    track: str
    transport: str
    mid: str


class UnboundEvent(Event):
    """This slot is free again."""

    type: Literal["unbound"] = "unbound"
    track: str
    transport: str
    mid: str


class NeedSlotsEvent(Event):
    """How many more slots a transport needs: add `recvonly` transceivers and send `offer`."""

    type: Literal["needSlots"] = "needSlots"
    transport: str
    audio: int
    video: int


class SubscriptionPausedEvent(Event):
    """The server stopped sending a track, or goes on."""

    type: Literal["subscriptionPaused"] = "subscriptionPaused"
    track: str
    paused: bool
    reason: Literal["bitrate", "requested"]


class ConnectionEvent(Event):
    """A participant's connection changed."""

    type: Literal["connection"] = "connection"
    participant: str
    connection: ConnectionInfo
    change: ConnectionChange | None = absent("Left out when the tier is the same.")


class PathSilentEvent(Event):
    """Nothing authentic comes on a transport of yours any more, or again. Told to its owner only."""

    type: Literal["pathSilent"] = "pathSilent"
    transport: str
    silent: bool


class DataEvent(Event):
    """A message from a participant."""

    type: Literal["data"] = "data"
    sender: Annotated[str, Field(alias="from")]
    topic: str | None = absent()
    payload: str


class DrainingEvent(Event):
    """The server takes no new joins; this call goes on until `deadline`."""

    type: Literal["draining"] = "draining"
    deadline: Millis


class ClosedEvent(Event):
    """The session has ended; the server closes."""

    type: Literal["closed"] = "closed"
    code: ErrorCode
    message: str


ServerEvent = Annotated[
    ParticipantJoinedEvent
    | ParticipantLeftEvent
    | TrackPublishedEvent
    | TrackUnpublishedEvent
    | TrackMutedEvent
    | BoundEvent
    | UnboundEvent
    | NeedSlotsEvent
    | SubscriptionPausedEvent
    | ConnectionEvent
    | PathSilentEvent
    | DataEvent
    | DrainingEvent
    | ClosedEvent,
    Field(discriminator="type"),
]

EVENTS: tuple[type[Event], ...] = (
    ParticipantJoinedEvent,
    ParticipantLeftEvent,
    TrackPublishedEvent,
    TrackUnpublishedEvent,
    TrackMutedEvent,
    BoundEvent,
    UnboundEvent,
    NeedSlotsEvent,
    SubscriptionPausedEvent,
    ConnectionEvent,
    PathSilentEvent,
    DataEvent,
    DrainingEvent,
    ClosedEvent,
)
"""Every event, in the order of the documentation."""
