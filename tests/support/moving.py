"""People who keep moving between transports, in virtual time, on an engine that keeps book.

Commands and events wait in queues, and a random source says which goes on: so every answer may come
before or after everything else that happens.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from roomline.clock import Moment
from roomline.engine import commands as c
from roomline.engine import events as e
from roomline.rooms import Participant, Transport
from roomline.signaling.session import Session

from support.fake_engine import offer
from support.model_engine import ModelEngine
from support.world import Client, World, token

SECTIONS = offer(
    "0 audio sendonly",
    "1 video sendonly",
    *(
        f"{mid} {kind} recvonly"
        for mid, kind in zip(range(2, 30), ["audio", "video"] * 14, strict=True)
    ),
)
TIERS = (("direct", 10000), ("turn-udp", 3478), ("turn-tls", 443))
EXPECTED = {"not-found", "permission-denied", "bad-offer", "resume-expired"}
"""Errors that a client gets whose transport has just died, or who did not hear that it has left."""


class Street(World):
    """A world whose engine answers when it likes."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.model = self.engine = ModelEngine()
        self.down: deque[c.Command] = deque()
        self.up: deque[e.Event] = deque()
        self.calm = True

    def settle(self) -> None:
        self.down.extend(self.core.take_commands())
        left = -1 if self.calm else self.random.randrange(6)
        while left and (self.down or self.up):
            self._step()
            left -= 1

    def tell(self, *events: e.Event) -> None:
        self.up.extend(events)
        self.settle()

    def tick(self, seconds: float) -> None:
        """Time passes."""
        self.now = Moment(self.now.monotonic + seconds, self.now.unix + seconds)
        self.core.handle_timeout(self.now)
        self.settle()

    def rest(self) -> None:
        """Let everything that waits be done."""
        before, self.calm = self.calm, True
        self.settle()
        self.calm = before

    def _step(self) -> None:
        if self.down and (not self.up or self.random.random() < 0.5):
            self.up.extend(self.model.answer(self.down.popleft()))
        else:
            self.core.handle_events([self.up.popleft()], self.now)
            self.down.extend(self.core.take_commands())


class Person:
    """Somebody with a browser, who knows only what the server has told."""

    def __init__(self, street: Street, name: str) -> None:
        self.street = street
        self.name = name
        self.client: Client | None = None
        self.moves = 0
        self._forget()

    def _forget(self) -> None:
        self.known: list[str] = []
        """Transports that it was told of, the oldest first."""
        self.own: dict[str, str] = {}
        """Own tracks and their sections, which are the same on every transport."""
        self.seen: set[str] = set()
        """Tracks of others."""
        self.view: dict[tuple[str, str], str] = {}
        """What is bound where."""
        self.asked: dict[int, Callable[[dict[str, Any]], None]] = {}
        self.unsure = False
        """Whether a reply was lost: what it would have said shows when it asks again."""
        self.id = self.resume_token = ""
        self.seq = -1

    @property
    def session(self) -> Session | None:
        """The server's side of it."""
        session = self.client.connection.session if self.client else None
        return session if session and not session.ended else None

    @property
    def main(self) -> str:
        """A client finds out by errors which of its transports are gone."""
        return next((name for name in self.known if self._is_open(name)), "")

    @property
    def bridge(self) -> str:
        open_ones = [name for name in self.known if self._is_open(name)]
        return open_ones[1] if len(open_ones) > 1 else ""

    def _is_open(self, name: str) -> bool:
        return any(transport.name == name for transport in self.transports)

    @property
    def transports(self) -> list[Transport]:
        """What the server has of this person."""
        return list(self.session.participant.transports.values()) if self.session else []

    # What a browser does.

    def join(self) -> None:
        if self.client is None:
            self._forget()
            self.client = Client(self.street)
            tracks = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]
            self._send("join", version=1, token=token(self.name), offer=SECTIONS, tracks=tracks)

    def leave(self) -> None:
        self._ask("leave")

    def open_bridge(self) -> None:
        moved = [{"mid": m, "source": "other", "track": t} for t, m in self.own.items()]
        self._ask("offer", self._bridged, offer=SECTIONS, tracks=[*moved, *self._fresh()])

    def publish_anew(self) -> None:
        more = {"transport": self.main or "TP_gone", "offer": SECTIONS, "tracks": self._fresh()}
        self._ask("offer", self._published, **more)

    def _fresh(self) -> list[dict[str, str]]:
        free = {"0", "1"} - set(self.own.values())
        return [{"mid": mid, "source": "camera"} for mid in sorted(free)]

    def go_back(self) -> None:
        moves = [{"mid": mid, "track": track} for track, mid in self.own.items()]
        self._ask("move", self._moved, transport=self.main or "TP_gone", tracks=moves)

    def close_bridge(self) -> None:
        self._close(self.bridge)

    def close_main(self) -> None:
        if self.bridge:
            self._close(self.main)

    def restart(self) -> None:
        self._ask(
            "offer", self._published, transport=self.main or "TP_gone", offer=SECTIONS, tracks=[]
        )

    def unpublish(self) -> None:
        if self.own:
            track = next(iter(self.own))
            self._ask("unpublish", lambda _: self.own.pop(track, None), track=track)

    def choose(self) -> None:
        if self.seen:
            track = self.street.random.choice(sorted(self.seen))
            self._ask(self.street.random.choice(["subscribe", "unsubscribe"]), track=track)

    def drop(self) -> None:
        """The WebSocket is lost with all that was on its way, and the client comes back."""
        if self.client is None or not self.resume_token:
            return
        if self.street.random.random() < 0.5:
            self.hear()
        self.unsure = self.unsure or bool(self.asked)
        old, self.asked = self.client, {}
        if self.client is None:
            return
        old.drop()
        self.client = Client(self.street)
        self._send("resume", version=1, resumeToken=self.resume_token, lastSeq=self.seq)

    def ping(self) -> None:
        self._ask("ping", sent=1.0)

    # What networks do.

    def connect(self) -> None:
        """ICE and DTLS are done on a transport, or another pair carries it."""
        answered = [transport for transport in self.transports if transport.told]
        if answered:
            transport = self.street.random.choice(answered)
            tier, port = self.street.random.choice(TIERS)
            path = e.Path(tier, port, "198.51.100.7", 5000)  # type: ignore[arg-type]
            self.street.tell(
                e.PathChanged(transport.number, path),
                *[e.TransportConnected(transport.number, "DTLS 1.3", "GCM")][transport.connected :],
            )

    def die(self) -> None:
        """A transport ends by itself."""
        if self.transports:
            number = self.street.random.choice(self.transports).number
            reason = self.street.random.choice(["timeout", "dtls-failed"])
            if number in self.street.model.transports:
                self.street.tell(self.street.model.kill(number, reason))

    def fall_silent(self) -> None:
        if self.transports:
            number = self.street.random.choice(self.transports).number
            self.street.tell(e.TransportSilent(number, self.street.random.random() < 0.5, 600))

    def open_channel(self) -> None:
        if self.transports and self.transports[0].connected:
            number = self.transports[0].number
            if number in self.street.model.transports:
                channel = (
                    len(self.street.model.numbers) + 10**6 + self.street.random.randrange(10**9)
                )
                self.street.tell(self.street.model.open_channel(number, channel, "chat"))

    # What the server says.

    def hear(self) -> None:
        """Take in what has come."""
        if self.client is None:
            return
        for message in self.client.receive():
            self._hear(message)
        if self.client is not None and self.client.close is not None:
            self.client.drop()
            self.client = None

    def _hear(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "error":
            assert message["code"] in EXPECTED, message
            self.asked.pop(message.get("request", -1), None)
            if not self.resume_token and self.client is not None:
                self.client.drop()  # Its first transport died before the join was answered.
                self.client = None
            return
        if kind == "joined":
            self._joined(message)
        elif kind == "resumed":
            self.resume_token = message["resumeToken"]
        elif "request" in message:
            self.asked.pop(message["request"], lambda _: None)(message)
        else:
            assert message["seq"] == self.seq + 1, "an event is missing or came twice"
            self.seq = message["seq"]
            self._take(message)

    def _joined(self, message: dict[str, Any]) -> None:
        self.known, self.resume_token = [message["transport"]], message["resumeToken"]
        self.seq, self.id = message["seq"], message["participant"]["id"]
        self.own = {entry["track"]["id"]: entry["mid"] for entry in message["tracks"]}
        self.seen = {track["id"] for p in message["participants"] for track in p["tracks"]}

    def _take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "participantJoined":
                fresh = {track["id"] for track in event["participant"]["tracks"]}
                assert not fresh & self.seen
                self.seen |= fresh
            case "trackPublished":
                assert event["track"]["id"] not in self.seen
                self.seen.add(event["track"]["id"])
            case "trackUnpublished":
                if event["participant"] == self.id:
                    self.own.pop(event["track"], None)
                else:
                    self.seen.remove(event["track"])
            case "bound":
                place = (event["transport"], event["mid"])
                assert place not in self.view
                self.view[place] = event["track"]
            case "unbound":
                assert self.view.pop((event["transport"], event["mid"])) == event["track"]
            case "connection":
                if "change" in event:
                    assert event["change"].get("from") != event["change"]["to"]

    def _ask(
        self, type_: str, then: Callable[[dict[str, Any]], None] | None = None, **fields: Any
    ) -> None:
        if self.client is not None and self.resume_token:
            self._send(type_, then, **fields)

    def _send(
        self, type_: str, then: Callable[[dict[str, Any]], None] | None = None, **fields: Any
    ) -> None:
        if self.client is None:
            return
        number = next(self.client.numbers)
        if then is not None:
            self.asked[number] = then
        self.client.send_text(json.dumps({"type": type_, "request": number, **fields}))
        self.hear()

    def _bridged(self, answer: dict[str, Any]) -> None:
        self.moves += 1
        self.known.append(answer["transport"])
        self._published(answer)

    def _published(self, answer: dict[str, Any]) -> None:
        self.own |= {entry["track"]["id"]: entry["mid"] for entry in answer["tracks"]}

    def _moved(self, _: dict[str, Any]) -> None:
        self.moves += 1

    def _close(self, name: str) -> None:
        if name:
            self._ask("closeTransport", lambda _: self.known.remove(name), transport=name)


def check(street: Street, people: list[Person]) -> None:
    """Everything at rest: what core, engine and clients believe is the same."""
    core, model = street.core, street.model
    assert not core._context.tasks
    assert set(core._context.by_transport) == set(model.transports)
    assert len(core._subscriptions) == len(model.subscriptions)
    assert len(core._publications) == len(model.published)
    participants = [p for room in core.rooms for p in room.participants.values()]
    _check_tracks(street, participants)
    for participant in participants:
        for transport in participant.transports.values():
            _check_bindings(street, participant, transport)
    _check_relays(street, participants)
    for person in people:
        _check_view(street, person)


def _check_tracks(street: Street, participants: list[Participant]) -> None:
    found = {}
    for participant in participants:
        for track in participant.tracks.values():
            found[track.number] = (participant.transports[track.transport].number, track.mid)
    assert found == {number: p.place for number, p in street.model.published.items()}


def _check_bindings(street: Street, participant: Participant, transport: Transport) -> None:
    (room,) = street.core.rooms
    bound = {
        binding.subscription: (binding.track.number, (transport.number, binding.mid))
        for binding in transport.bindings.values()
    }
    in_engine = {
        number: known
        for number, known in street.model.subscriptions.items()
        if known[1][0] == transport.number
    }
    assert bound == in_engine
    assert {slot.mid for slot in transport.slots.values() if not slot.free} == {
        binding.mid for binding in transport.bindings.values()
    }
    assert all(binding.told for binding in transport.bindings.values())
    for kind in ("audio", "video"):
        slots = sum(slot.kind == kind for slot in transport.slots.values())
        wanted = {t.id for t in room.tracks.values() if t.kind == kind and participant.wants(t)}
        have = {b.track.id for b in transport.bindings.values() if b.track.kind == kind}
        assert have <= wanted
        assert len(have | (transport.refused & wanted)) >= min(slots, len(wanted))


def _check_relays(street: Street, participants: list[Participant]) -> None:
    owners = {t.number: p for p in participants for t in p.transports.values()}
    wanted = {
        (channel, other.main.number)
        for channel, number in street.model.channels.items()
        for other in participants
        if other is not owners[number] and other.main is not None and other.main.connected
    }
    assert street.model.relays == wanted


def _check_view(street: Street, person: Person) -> None:
    session = person.session
    if session is None or not person.resume_token:
        return
    room = session.room
    mine = {str(track.id): track.mid for track in session.participant.tracks.values()}
    if person.unsure:
        person.own, person.unsure = mine, False
    assert person.own == mine
    others = {str(t.id) for t in room.tracks.values() if t.participant != session.participant.id}
    assert person.seen == others
    for transport in session.participant.transports.values():
        seen = {mid: track for (name, mid), track in person.view.items() if name == transport.name}
        assert seen == {b.mid: str(b.track.id) for b in transport.bindings.values()}
