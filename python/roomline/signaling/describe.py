"""Rooms and participants as messages show them."""

from __future__ import annotations

from roomline.protocol import (
    GrantsInfo,
    Heartbeat,
    ParticipantInfo,
    RoomInfo,
    RoomLimitsInfo,
    SelfInfo,
    TrackInfo,
)
from roomline.rooms import Room, Track
from roomline.signaling.config import SignalingConfig
from roomline.signaling.session import Session


def heartbeat(config: SignalingConfig) -> Heartbeat:
    """How often a client is to be heard."""
    return Heartbeat(
        interval_ms=int(config.heartbeat_interval * 1000),
        timeout_ms=int(config.heartbeat_timeout * 1000),
    )


def track_info(track: Track) -> TrackInfo:
    """A track as everybody sees it."""
    return TrackInfo(
        id=track.id,
        participant=track.participant,
        kind=track.kind,
        source=track.source,
        name=track.name,
        muted=track.muted,
    )


def participant_info(session: Session) -> ParticipantInfo:
    """A participant as the others see it."""
    participant = session.participant
    return ParticipantInfo(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        joined_at=participant.joined_at,
        tracks=[track_info(track) for track in participant.tracks.values()],
        connection=session.path.info(),
    )


def self_info(session: Session) -> SelfInfo:
    """A participant as it sees itself."""
    seen = participant_info(session)
    grants = session.participant.grants
    return SelfInfo(
        **{name: getattr(seen, name) for name in ParticipantInfo.model_fields},
        grants=GrantsInfo(
            join=grants.join,
            publish=grants.publish,
            subscribe=grants.subscribe,
            data=grants.data,
            sources=list(grants.sources),
            max_bitrate=grants.max_bitrate,
        ),
    )


def room_info(room: Room) -> RoomInfo:
    """The room."""
    limits = room.limits
    return RoomInfo(
        name=room.name,
        limits=RoomLimitsInfo(
            max_participants=limits.max_participants,
            max_publishers=limits.max_publishers,
            max_bitrate=limits.max_bitrate,
        ),
    )
