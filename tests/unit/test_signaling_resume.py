"""The signaling connection dies at every point of a move, and the client goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roomline.protocol import ParticipantJoinedEvent

from support.fake_engine import PUBLISHER, offer
from support.model_engine import ModelEngine
from support.world import Client, World

MORE = offer(PUBLISHER, "4 audio recvonly", "5 video recvonly")
BOTH = {"0": "microphone", "1": "camera"}


class Mover:
    """Moves to a bridge, back, and closes it; asks again for what it got no reply to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = world.client("alice", publish=BOTH)
        self.client.connect()
        self.joined = self.client.joined
        self.home = self.client.joined["transport"]
        self.bridge = ""
        self.heard: list[dict[str, Any]] = []
        self.hear()

    def steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        entries = self.joined["tracks"]
        moves = [{"mid": entry["mid"], "track": entry["track"]["id"]} for entry in entries]
        yield "offer", {"offer": MORE, "tracks": [{"source": "other", **move} for move in moves]}
        yield "move", {"transport": self.home, "tracks": moves}
        yield "closeTransport", {"transport": self.bridge}

    def hear(self) -> None:
        fresh = [*self.client.inbox, *self.client.receive()]
        self.client.inbox.clear()
        self.heard += fresh
        for message in fresh:
            if message["type"] == "answer":
                self.bridge = message["transport"]

    def ask(self, type_: str, fields: dict[str, Any], engine_steps: int, drop: bool) -> bool:
        """One request, of which the engine carries out so many commands before the WebSocket dies.

        Returns whether there was less to do than that.
        """
        self.world.holding = True
        self.client.request(type_, **fields)
        left = engine_steps
        pending = self.world.core.take_commands()
        while pending and left:
            left -= 1
            command = pending.pop(0)
            self.world.core.handle_events(self.world.engine.answer(command), self.world.now)
            pending += self.world.core.take_commands()
        if drop:
            self._lose()
        self.world.core._context.commands[:0] = pending
        self.world.holding = False
        self.world.settle()
        if drop:
            self._come_back()
        self.hear()
        return left > 0

    def _lose(self) -> None:
        """What is on its way is lost, too."""
        self.client.connection.take_output()
        self.client.drop()

    def _come_back(self) -> None:
        seen = max((m["seq"] for m in self.heard if "seq" in m), default=0)
        tokens = [m["resumeToken"] for m in self.heard if "resumeToken" in m]
        self.client = self.client.resume([self.joined["resumeToken"], *tokens][-1], seen)


def carry_out(cut_at: int, engine_steps: int) -> tuple[World, Mover, Client, bool]:
    world = World()
    world.engine = engine = ModelEngine()
    bob = world.client("bob", publish=BOTH)
    bob.connect()
    mover = Mover(world)
    bob.receive()
    exhausted = False
    for number, (type_, fields) in enumerate(mover.steps()):
        before = len(mover.heard)
        if number == cut_at:
            exhausted = mover.ask(type_, fields, engine_steps, drop=True)
        else:
            mover.ask(type_, fields, -1, drop=False)
        if not any("request" in m and m["type"] != "resumed" for m in mover.heard[before:]):
            mover.ask(type_, fields, -1, drop=False)
        engine.flow()
    return world, mover, bob, exhausted


def test_at_every_point() -> None:
    points = 0
    for cut_at in range(3):
        for engine_steps in range(40):
            world, mover, bob, exhausted = carry_out(cut_at, engine_steps)
            check(world, mover, bob)
            points += 1
            if exhausted:
                break
    assert points > 12


def check(world: World, mover: Mover, bob: Client) -> None:
    engine = world.engine
    assert isinstance(engine, ModelEngine)
    numbers = [m["seq"] for m in mover.heard if "seq" in m and "request" not in m]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert not bob.events("trackUnpublished")
    assert not bob.events("unbound")
    assert len(engine.transports) == 2
    assert len(engine.published) == 4
    assert len(engine.subscriptions) == 4
    session = mover.client.connection.session
    assert session
    assert [str(name) for name in session.participant.transports] == [mover.home]
    at_home = [m for m in mover.heard if m.get("transport") == mover.home]
    assert [m["type"] for m in at_home if m["type"] in {"bound", "unbound"}] == ["bound"] * 2
    tracks = session.participant.tracks.values()
    assert {(track.transport, track.mid) for track in tracks} == {
        (mover.home, "0"),
        (mover.home, "1"),
    }


def test_what_is_replayed_and_lost_again_is_still_there() -> None:
    """The log forgets what is old; what a resume brought may be lost once more, and is not."""
    world = World()
    alice = world.client("alice", publish=BOTH)
    bob = world.client("bob")
    alice.connect()
    bob.connect()
    # The log forgets every 45 seconds; the second time comes right after her connection dies.
    world.wait(45, alice, bob)
    alice.receive()
    seq = alice.seq
    bob.request("leave")
    world.wait(14)
    assert alice.connection.session is not None
    alice.drop()
    world.wait(29)
    back = alice.resume(alice.joined["resumeToken"], seq)
    token = back.joined["resumeToken"]
    assert [each["seq"] for each in back.events("participantLeft")] == [seq + 1]
    world.wait(8)
    back.drop()
    again = alice.resume(token, seq)
    assert [each["seq"] for each in again.events("participantLeft")] == [seq + 1]


def test_an_event_is_kept_once_for_all_who_get_it() -> None:
    world = World()
    people = [world.client(name) for name in ("alice", "bob", "carol")]
    world.client("dora", publish={"1": "camera"})
    kept = [
        event
        for session in world.core.sessions()
        for _, event in session.log.since(session.log.seq - 2) or []
        if isinstance(event, ParticipantJoinedEvent)
    ]
    assert [event.participant.identity for event in kept] == ["dora"] * 3
    assert len({id(event) for event in kept}) == 1
    for person in people:
        person.receive()
        told = [message["seq"] for message in person.inbox if "seq" in message]
        assert told == list(range(told[0], told[0] + len(told)))
        assert person.events("participantJoined")[-1]["participant"]["identity"] == "dora"
