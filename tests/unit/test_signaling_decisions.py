"""What the application decides: asked as an effect, answered later, in virtual time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from roomline.errors import ConfigError
from roomline.hooks import (
    Admission,
    AdmitRequest,
    Decision,
    Hooks,
    ParticipantLeft,
    Permission,
    PublishRequest,
    SubscribeRequest,
    TierChanged,
)
from roomline.tokens import Grants, RoomLimits

from support.fake_engine import LISTENER, offer
from support.world import Client, World, c, e


def asking(*kinds: type[Any], **config: Any) -> World:
    world = World(**config)
    world.core.ask(kinds, (ParticipantLeft, TierChanged))
    return world


def asked(world: World, *identities: str) -> list[Any]:
    """The questions that came up since the last call."""
    asks = world.core.take_asks()
    assert [ask.question.person.identity for ask in asks] == list(identities)
    return asks


def decide(world: World, ask: Any, decision: Decision) -> None:
    world.core.handle_decision(ask.request, decision, world.now)
    world.settle()


def error(client: Client) -> dict[str, Any]:
    (found,) = client.events("error")
    return found


def test_nobody_is_asked_who_does_not_want_to_be() -> None:
    world = World()
    world.client("alice")
    assert world.core.take_asks() == []
    assert world.core.take_notices() == []


def test_a_join_waits_for_the_application() -> None:
    world = asking(AdmitRequest)
    alice = Client(world)
    assert alice.join("alice", name="Alice") == {}
    assert world.engine.commands == []
    (ask,) = asked(world, "alice")
    person = ask.question.person
    assert (person.name, person.room, person.grants) == ("Alice", "demo", Grants())
    assert list(world.core.rooms) == []
    watcher = Grants(publish=False)
    decide(world, ask, Admission.allow(name="Dr. Alice", grants=watcher))
    (joined,) = alice.events("joined")
    assert joined["participant"]["name"] == "Dr. Alice"
    assert joined["participant"]["grants"]["publish"] is False
    assert joined["participant"]["id"] == person.id


def test_who_is_refused_is_told_why() -> None:
    world = asking(AdmitRequest)
    alice = Client(world)
    alice.join("alice")
    decide(world, asked(world, "alice")[0], Admission.refuse("the lecture is over"))
    told = error(alice)
    assert (told["code"], told["message"]) == ("refused", "the lecture is over")
    assert told["fatal"]
    assert world.engine.commands == []
    assert list(world.core.rooms) == []


def test_a_waiting_client_is_told_and_stays_for_minutes() -> None:
    world = asking(AdmitRequest)
    alice = Client(world)
    alice.join("alice")
    (ask,) = asked(world, "alice")
    world.core.postpone(ask.request, "The host will let you in.", 600, world.now)
    (waiting,) = alice.events("waiting")
    assert waiting["request"] == 1
    assert waiting["message"] == "The host will let you in."
    assert waiting["timeoutMs"] == 600_000
    assert waiting["heartbeat"] == {"intervalMs": 5000, "timeoutMs": 15000}
    world.wait(300, alice)
    assert alice.events("pong")
    decide(world, ask, Admission.allow())
    assert alice.events("joined")
    world.core.postpone(ask.request, "too late", 600, world.now)
    assert len(alice.events("waiting")) == 1


def test_a_waiting_client_that_falls_silent_is_forgotten() -> None:
    world = asking(AdmitRequest)
    alice = Client(world)
    alice.join("alice")
    (ask,) = asked(world, "alice")
    world.wait(16)
    assert world.core.take_withdrawn() == [ask.request]
    decide(world, ask, Admission.allow())
    assert alice.events("joined") == []
    assert list(world.core.rooms) == []


def test_who_goes_while_waiting_is_withdrawn() -> None:
    world = asking(AdmitRequest)
    alice, bob = Client(world), Client(world)
    alice.join("alice")
    bob.join("bob")
    first, second = asked(world, "alice", "bob")
    alice.drop()
    bob.request("leave")
    assert world.core.take_withdrawn() == [first.request]
    # A request waits behind the join.
    decide(world, second, Admission.allow())
    assert bob.close == (1000, "left")


def test_whoever_waits_holds_no_place() -> None:
    world = asking(AdmitRequest, room_limits=RoomLimits(max_participants=1))
    alice, bob = Client(world), Client(world)
    alice.join("alice")
    bob.join("bob")
    first, second = asked(world, "alice", "bob")
    decide(world, second, Admission.allow())
    assert bob.events("joined")
    decide(world, first, Admission.allow())
    assert error(alice)["code"] == "room-full"


def test_both_come_into_the_same_room_whenever_it_was_made() -> None:
    world = asking(AdmitRequest)
    alice, bob = Client(world), Client(world)
    alice.join("alice")
    (first,) = asked(world, "alice")
    bob.join("bob")
    decide(world, asked(world, "bob")[0], Admission.allow())
    decide(world, first, Admission.allow())
    (joined,) = alice.events("joined")
    assert [p["identity"] for p in joined["participants"]] == ["bob"]
    assert len(list(world.core.rooms)) == 1


def test_nobody_is_admitted_to_a_server_that_drains() -> None:
    world = asking(AdmitRequest)
    alice = Client(world)
    alice.join("alice")
    (ask,) = asked(world, "alice")
    world.core.drain(world.now.unix_ms + 60_000, world.now)
    decide(world, ask, Admission.allow())
    assert error(alice)["code"] == "draining"


def test_a_failed_join_may_be_tried_again_after_a_long_wait() -> None:
    world = asking(AdmitRequest, room_limits=RoomLimits(max_publishers=1))
    bob = Client(world)
    bob.join("bob", publish={"0": "microphone"})
    decide(world, asked(world, "bob")[0], Admission.allow())
    bob.connect()
    alice = Client(world)
    alice.join("alice", publish={"0": "microphone"})
    (ask,) = asked(world, "alice")
    world.wait(60, alice, bob)
    decide(world, ask, Admission.allow())
    assert error(alice)["code"] == "publishers-full"
    world.wait(1, bob)
    alice.join("alice")
    decide(world, asked(world, "alice")[0], Admission.allow())
    assert alice.events("joined")


def test_the_application_decides_about_tracks_at_the_join() -> None:
    world = asking(PublishRequest)
    alice = Client(world)
    alice.join("alice", publish={"0": "microphone", "1": "camera"})
    asks = asked(world, "alice", "alice")
    assert [ask.question.source for ask in asks] == ["microphone", "camera"]
    decide(world, asks[0], Permission.allow())
    assert alice.events("joined") == []
    decide(world, asks[1], Permission.allow())
    assert alice.events("joined")


def test_a_refused_track_refuses_the_join_or_the_offer() -> None:
    world = asking(PublishRequest)
    alice = Client(world)
    alice.join("alice", publish={"1": "camera"})
    decide(world, asked(world, "alice")[0], Permission.refuse("no cameras today"))
    assert (error(alice)["message"], error(alice)["fatal"]) == ("no cameras today", True)
    bob = world.client("bob")
    first = offer("0 audio recvonly", "1 video sendonly")
    tracks = [{"mid": "1", "source": "screen"}]
    transport = bob.joined["transport"]
    assert bob.request("offer", transport=transport, offer=first, tracks=tracks) == {}
    decide(world, asked(world, "bob")[0], Permission.refuse())
    assert (error(bob)["code"], error(bob)["fatal"]) == ("permission-denied", False)
    assert world.sent(c.Renegotiate) == []


def publishing(world: World) -> tuple[Client, Client]:
    alice = world.client("alice", publish={"1": "camera"})
    return alice, world.client("bob", offer=LISTENER)


def test_the_application_decides_who_gets_what() -> None:
    world = asking(SubscribeRequest)
    alice, bob = publishing(world)
    (ask,) = asked(world, "bob")
    question = ask.question
    assert (question.publisher.identity, question.kind, question.source) == (
        "alice",
        "video",
        "camera",
    )
    assert bob.events("bound") == []
    carol = world.client("carol", offer=LISTENER)
    (other,) = asked(world, "carol")
    decide(world, ask, Permission.allow())
    decide(world, other, Permission.refuse())
    assert len(bob.events("bound")) == 1
    assert carol.events("bound") == []
    assert alice.events("bound") == []
    assert ("subscriptions_refused", "permission-denied", 1) in world.core.counters()


def test_asking_for_a_track_asks_the_application_again() -> None:
    world = asking(SubscribeRequest)
    _, bob = publishing(world)
    (ask,) = asked(world, "bob")
    decide(world, ask, Permission.refuse())
    track = ask.question.track
    assert bob.request("subscribe", track=track) == {}
    decide(world, asked(world, "bob")[0], Permission.refuse("not yet"))
    assert error(bob)["message"] == "not yet"
    bob.request("subscribe", track=track)
    decide(world, asked(world, "bob")[0], Permission.allow())
    assert bob.events("ok")
    assert len(bob.events("bound")) == 1


def test_what_is_bound_stays_while_the_application_is_asked_again() -> None:
    world = asking(SubscribeRequest)
    alice, bob = publishing(world)
    (ask,) = asked(world, "bob")
    decide(world, ask, Permission.allow())
    track = ask.question.track
    assert bob.request("subscribe", track=track) == {}
    world.client("carol", publish={"1": "camera"})  # everybody's subscriptions are looked at
    again, *_ = world.core.take_asks()
    assert bob.events("unbound") == []
    decide(world, again, Permission.refuse("no more"))
    assert error(bob)["message"] == "no more"
    assert [gone["track"] for gone in bob.events("unbound")] == [track]
    assert len(bob.events("bound")) == 1
    assert not alice.events("bound")


def test_a_newer_question_about_a_track_takes_the_place_of_the_older() -> None:
    world = asking(SubscribeRequest)
    _, bob = publishing(world)
    (first,) = asked(world, "bob")
    bob.request("subscribe", track=first.question.track)
    (second,) = asked(world, "bob")
    assert world.core.take_withdrawn() == [first.request]
    decide(world, second, Permission.refuse())
    decide(world, first, Permission.allow())
    assert bob.events("bound") == []


def test_a_track_that_ends_while_the_client_asks_for_it_is_not_found() -> None:
    world = asking(SubscribeRequest)
    alice, bob = publishing(world)
    (ask,) = asked(world, "bob")
    track = ask.question.track
    for answer in (Permission.allow(), Permission.refuse()):
        decide(world, ask, Permission.allow())
        bob.request("subscribe", track=track)
        (ask,) = asked(world, "bob")
        alice.request("unpublish", track=track)
        decide(world, ask, answer)
        session = bob.connection.session
        assert session
        assert not session.participant.permitted
        assert not session.participant.chosen
        (*_, told) = bob.events("error")
        assert told["code"] == ("not-found" if answer.allowed else "permission-denied")
        alice.request("leave")
        alice = world.client("alice", publish={"1": "camera"})
        (ask,) = asked(world, "bob")
        track = ask.question.track


def test_questions_about_tracks_are_withdrawn_when_the_client_goes() -> None:
    world = asking(SubscribeRequest)
    _, bob = publishing(world)
    (ask,) = asked(world, "bob")
    bob.request("leave")
    assert world.core.take_withdrawn() == [ask.request]
    decide(world, ask, Permission.allow())
    assert not world.core._context.tasks


def test_a_track_that_ends_while_asked_about_is_not_bound() -> None:
    world = asking(SubscribeRequest)
    alice, bob = publishing(world)
    (ask,) = asked(world, "bob")
    alice.request("unpublish", track=ask.question.track)
    assert world.core.take_withdrawn() == [ask.request]
    decide(world, ask, Permission.allow())
    assert bob.events("bound") == []


def test_nobody_decides_about_a_track_that_the_client_does_not_want() -> None:
    world = asking(SubscribeRequest)
    alice, bob = publishing(world)
    (first,) = asked(world, "bob")
    assert bob.request("unsubscribe", track=first.question.track)["type"] == "ok"
    assert world.core.take_withdrawn() == [first.request]
    bob.request("subscribe", track=first.question.track)
    (again,) = asked(world, "bob")
    decide(world, again, Permission.allow())
    assert len(bob.events("bound")) == 1
    assert not alice.events("bound")


def test_the_application_is_told_of_tiers_and_of_the_end() -> None:
    world = asking()
    alice = world.client("alice")
    alice.connect("turn-udp", 3478)
    world.wait(3, alice)
    world.tell(e.PathChanged(alice.transport, e.Path("direct", 10000, "198.51.100.7", 5000)))
    world.wait(3, alice)
    alice.request("leave")
    first, second, left = world.core.take_notices()
    assert (first.before, first.after, first.why, first.gap) == (None, "turn-udp", None, None)
    assert (second.before, second.after) == ("turn-udp", "direct")
    assert second.why is not None
    assert second.gap == timedelta(0)
    assert (left.person.identity, left.reason) == ("alice", "left")


def test_a_hook_answers_with_its_type_or_a_bool() -> None:
    hooks = Hooks()

    @hooks.on_admit
    def admit(_: AdmitRequest) -> bool:
        return True

    assert list(hooks.questions) == [AdmitRequest]
    world = World()
    world.core.ask(hooks.questions, hooks.notices)
    Client(world).join("alice")
    (ask,) = world.core.take_asks()
    decider = hooks.decider(ask.question)
    assert decider.decision(admit(ask.question)) == Admission.allow()
    assert decider.decision(answer=False) == Admission.refuse()
    assert decider.decision(Admission.refuse("no")) == Admission.refuse("no")
    for wrong in (None, 1, Permission.allow()):
        with pytest.raises(TypeError, match="on_admit must return Admission or a bool"):
            decider.decision(wrong)
    with pytest.raises(ConfigError, match="on_admit already"):
        hooks.on_admit(admit)
    with pytest.raises(ValueError, match="characters"):
        Admission.allow(name="x" * 201)
    ask.question.wait("nobody is there to hear it")
