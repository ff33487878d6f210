"""Administration over REST. Every request carries a bearer token that grants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from roomline.api.hub import Hub
from roomline.errors import NotFound, TokenInvalid
from roomline.protocol import ConnectionChange, ParticipantInfo, RoomLimitsInfo, Tier
from roomline.rooms import Room, Transport
from roomline.signaling.describe import participant_info, room_info
from roomline.signaling.path_report import LegInfo
from roomline.signaling.session import Session
from roomline.tokens import RoomLimits, verify_admin

RoomName = Annotated[str, Path(min_length=1, max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid"
    )


class RoomBody(_Body):
    """A room."""

    name: str
    created_at: int
    limits: RoomLimitsInfo
    participants: int
    tracks: int


class RoomsBody(_Body):
    """Every room that somebody is in."""

    rooms: list[RoomBody]


class LimitsBody(RoomLimits):
    """Limits of a room. A token may carry more than we know; whoever sets limits must not err."""

    model_config = ConfigDict(extra="forbid")


class TransportBody(_Body):
    """One transport of a participant. Everything about the path is null until there is one."""

    id: str
    connected: bool
    silent: bool
    tier: Tier | None
    server_port: int | None
    rtt_ms: float | None
    tracks: list[str]


class ParticipantBody(ParticipantInfo):
    """A participant, with what only who runs the server sees."""

    transports: list[TransportBody]
    last_change: ConnectionChange | None


class ParticipantsBody(_Body):
    """Who is in a room."""

    participants: list[ParticipantBody]


def router(hub: Hub, keys: Mapping[str, str]) -> APIRouter:
    """The routes under `/v1/rooms`."""

    def authorize(request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenInvalid("send an Authorization header with a bearer token")
        verify_admin(token.strip(), keys, hub.now().unix)

    routes = APIRouter(prefix="/v1/rooms", dependencies=[Depends(authorize)], tags=["rooms"])

    @routes.get("")
    async def list_rooms() -> RoomsBody:
        """Every room that somebody is in."""
        return RoomsBody(rooms=[_room(room) for room in hub.core.rooms])

    @routes.get("/{room}")
    async def get_room(room: RoomName) -> RoomBody:
        """One room."""
        return _room(_find(hub, room))

    @routes.get("/{room}/participants")
    async def list_participants(room: RoomName) -> ParticipantsBody:
        """Who is in a room, with the tier of each."""
        name = _find(hub, room).name
        return ParticipantsBody(
            participants=[_participant(session) for session in hub.core.sessions(name)]
        )

    @routes.delete("/{room}/participants/{participant}", status_code=204)
    async def remove_participant(room: RoomName, participant: str) -> Response:
        """Take somebody out, by id or identity."""
        hub.core.remove(room, participant, hub.now())
        hub.settle()
        return Response(status_code=204)

    @routes.put("/{room}/limits")
    async def set_limits(room: RoomName, limits: LimitsBody) -> LimitsBody:
        """Set a room's limits, also of one that nobody is in yet. Those who are in stay in."""
        hub.core.set_limits(room, limits, hub.now())
        hub.settle()
        return limits

    return routes


def _find(hub: Hub, name: str) -> Room:
    room = hub.core.rooms.find(name)
    if room is None:
        raise NotFound("nobody is in a room of that name")
    return room


def _participant(session: Session) -> ParticipantBody:
    seen = participant_info(session)
    legs = dict(session.path.legs())
    return ParticipantBody(
        **{name: getattr(seen, name) for name in ParticipantInfo.model_fields},
        transports=[
            _transport(session, transport, legs.get(transport.number))
            for transport in session.participant.transports.values()
        ],
        last_change=session.path.last_change,
    )


def _transport(session: Session, transport: Transport, leg: LegInfo | None) -> TransportBody:
    path = leg.path if leg else None
    return TransportBody(
        id=transport.name,
        connected=transport.connected,
        silent=leg.silent if leg else False,
        tier=path.tier if path else None,
        server_port=path.server_port if path else None,
        rtt_ms=leg.rtt_ms if leg else None,
        tracks=[
            track.id
            for track in session.participant.tracks.values()
            if track.transport == transport.name
        ],
    )


def _room(room: Room) -> RoomBody:
    return RoomBody(
        name=room.name,
        created_at=room.created_at,
        limits=room_info(room).limits,
        participants=sum(1 for _ in room.present()),
        tracks=len(room.tracks),
    )
