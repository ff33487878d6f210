"""What goes wrong in a call: every error code, limits, lost connections, noise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomline.protocol import MAX_FRAME_BYTES, REQUESTS

from support.fake_engine import LISTENER, PUBLISHER
from support.world import START, Client, Grants, RoomLimits, World, c, e, token

CAMERA = {"1": "camera"}


def refused(client: Client, code: str, *, fatal: bool) -> None:
    (error,) = [m for m in client.inbox if m["type"] == "error"]
    assert (error["code"], error["fatal"]) == (code, fatal)
    assert (client.close is not None) == fatal
    assert len(client.world.core.take_commands()) == 0


@pytest.mark.parametrize(
    ("join", "code", "fatal"),
    [
        ({"token": "nonsense"}, "token-invalid", True),
        ({"token": token("a").rpartition(".")[0] + ".AAAA"}, "token-invalid", True),
        ({"version": 2}, "unsupported-version", True),
        ({"grants": Grants(join=False)}, "permission-denied", True),
        ({"grants": Grants(publish=False), "publish": CAMERA}, "permission-denied", True),
        ({"grants": Grants(sources=("screen",)), "publish": CAMERA}, "permission-denied", True),
        ({"offer": "bad"}, "bad-offer", True),
        ({"publish": {"9": "camera"}}, "bad-offer", True),
        ({"publish": {"2": "microphone"}}, "bad-offer", True),
        ({"not_before": START.unix + 60}, "token-not-yet-valid", True),
    ],
)
def test_joins_that_fail(join: dict[str, Any], code: str, fatal: bool) -> None:
    world = World()
    alice = world.client("alice", **join)
    refused(alice, code, fatal=fatal)
    assert world.core.rooms.find("demo") is None
    assert world.engine.transports == {}


def test_an_expired_token() -> None:
    world = World()
    old = token("alice")
    world.now = world.now._replace(unix=world.now.unix + 7 * 3600)
    refused(world.client("alice", token=old), "token-expired", fatal=True)


def test_full_rooms() -> None:
    world = World()
    limits = RoomLimits(max_participants=2, max_publishers=1)
    alice = world.client("alice", publish=CAMERA, room_limits=limits)
    assert alice.joined["room"]["limits"]["maxPublishers"] == 1
    bob = world.client("bob", publish=CAMERA)
    refused(bob, "publishers-full", fatal=False)
    assert bob.join("bob")["type"] == "joined"
    refused(world.client("carol"), "room-full", fatal=True)
    offer = bob.request(
        "offer",
        transport=bob.joined["transport"],
        offer=PUBLISHER,
        tracks=[{"mid": "1", "source": "camera"}],
    )
    assert (offer["code"], offer["fatal"]) == ("publishers-full", False)
    alice.request("unpublish", track=alice.joined["tracks"][0]["track"]["id"])
    offer = bob.request(
        "offer",
        transport=bob.joined["transport"],
        offer=PUBLISHER,
        tracks=[{"mid": "1", "source": "camera"}],
    )
    assert offer["type"] == "answer"


def test_the_api_sets_limits_before_a_room_exists() -> None:
    world = World()
    world.core.set_limits("demo", RoomLimits(max_participants=1), world.now)
    world.client("alice", room_limits=RoomLimits(max_participants=9))
    refused(world.client("bob"), "room-full", fatal=True)


def test_the_same_identity_replaces_even_in_a_full_room() -> None:
    world = World()
    bob = world.client("bob")
    first = world.client("alice", publish=CAMERA, room_limits=RoomLimits())
    world.core.set_limits("demo", RoomLimits(max_participants=2, max_publishers=1), world.now)
    second = world.client("alice", publish=CAMERA)
    assert second.joined["type"] == "joined"
    assert [p["identity"] for p in second.joined["participants"]] == ["bob"]
    assert first.events("closed")[0]["code"] == "replaced"
    assert first.close == (4000, "replaced")
    assert bob.events("participantLeft")[0]["reason"] == "replaced"
    assert len(list(world.core.sessions("demo"))) == 2


def test_of_two_joins_at_once_the_later_wins() -> None:
    world = World()
    world.holding = True
    first, second = world.client("alice"), world.client("alice")
    commands = world.core.take_commands()
    world.holding = False
    for command in reversed(commands):
        world.tell(*world.engine.answer(command))
    first.receive()
    refused(first, "replaced", fatal=True)
    assert [m["type"] for m in second.receive()] == ["joined"]
    assert world.sent(c.CloseTransport) == [
        c.CloseTransport(world.sent(c.OpenTransport)[1].transport)
    ]


def test_requests_that_fail_without_ending_the_session() -> None:
    world = World()
    bob = world.client("bob", publish=CAMERA)
    track = bob.joined["tracks"][0]["track"]["id"]
    alice = world.client("alice", grants=Grants(data=False, subscribe=False))
    assert alice.request("mute", track=track, muted=True)["code"] == "not-found"
    assert alice.request("unpublish", track="TR_none")["code"] == "not-found"
    assert alice.request("subscribe", track=track)["code"] == "permission-denied"
    assert alice.request("data", payload="x")["code"] == "permission-denied"
    assert bob.request("subscribe", track=track)["code"] == "not-found"
    assert bob.request("data", payload="x", to=["PA_none"])["code"] == "not-found"
    again = {"transport": alice.joined["transport"], "tracks": []}
    assert alice.request("offer", offer="bad", **again)["code"] == "bad-offer"
    again["transport"] = "TP_none"
    assert alice.request("offer", offer=LISTENER, **again)["code"] == "not-found"
    assert alice.close is None
    assert not alice.events("bound")


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        '"join"',
        '{"type":"dance","request":1}',
        '{"type":"leave"}',
        '{"type":"leave","request":"1"}',
        '{"type":"leave","request":1,"extra":true}',
        '{"type":"mute","request":1,"track":"x","muted":"yes"}',
        '{"type":"data","request":1,"payload":"' + "ü" * 7501 + '"}',
        '{"type":"leave","request":1' + " " * MAX_FRAME_BYTES + "}",
        "[" * 100_000,
        '{"type":"leave","request":1,"type":"\ud800"}',
    ],
    ids=range(14),
)
@pytest.mark.parametrize("joined", [True, False])
def test_frames_that_are_no_messages(frame: str, joined: bool) -> None:
    world = World()
    bob = world.client("bob")
    alice = world.client("alice" if joined else "")
    alice.send_text(frame)
    alice.receive()
    (error,) = [m for m in alice.inbox if m["type"] == "error"]
    assert (error["code"], error["fatal"]) == ("bad-message", True)
    assert len(error["message"]) < 300
    assert alice.close
    assert len(bob.events("participantLeft")) == int(joined)


def test_the_first_frame_must_join() -> None:
    world = World()
    early = world.client()
    early.request("ping", sent=1.0)
    refused(early, "bad-message", fatal=True)
    late = world.client()
    world.wait(11)
    late.receive()
    refused(late, "bad-message", fatal=True)
    twice = world.client("alice")
    assert twice.join("alice")["code"] == "bad-message"
    binary = world.client()
    binary.connection.receive_binary(world.now)
    binary.receive()
    refused(binary, "bad-message", fatal=True)


def test_rate_limits() -> None:
    world = World()
    alice = world.client("alice")
    replies = [alice.request("ping", sent=1.0) for _ in range(60)]
    assert replies[40]["type"] == "pong"
    assert (replies[-1]["code"], replies[-1]["fatal"]) == ("rate-limited", False)
    world.wait(2)
    assert alice.request("ping", sent=1.0)["type"] == "pong"
    replies = [alice.request("data", payload="x") for _ in range(210)]
    assert replies[190]["type"] == "ok"
    assert replies[-1]["code"] == "rate-limited"


def test_a_flood_ends() -> None:
    world = World()
    alice = world.client("alice")
    for _ in range(1500):
        alice.request("ping", sent=1.0)
    assert alice.close == (4000, "rate-limited")


def test_a_client_that_does_not_read_is_cut_off() -> None:
    world = World(data_per_second=10_000)
    bob = world.client("bob")
    alice = world.client("alice")
    for _ in range(700):
        alice.request("data", payload="x" * 15_000)
    assert bob.close == (4002, "the client reads too slowly")


def test_resume_without_loss_or_doubling() -> None:
    world = World()
    alice, bob = world.client("alice"), world.client("bob")
    alice.connect()
    bob.connect()
    alice.receive()
    seen = alice.seq
    bob.request("data", payload="lost on the way")
    alice.connection.take_output()
    alice.drop()
    bob.request("data", payload="while away")
    world.wait(29, bob)
    assert not bob.events("participantLeft")
    back = alice.resume(alice.joined["resumeToken"], seen)
    assert back.inbox[0]["type"] == "resumed"
    assert back.inbox[0]["seq"] == seen
    assert [d["payload"] for d in back.events("data")] == ["lost on the way", "while away"]
    numbers = [m["seq"] for m in back.inbox[1:]]
    assert numbers == list(range(seen + 1, seen + 1 + len(numbers)))
    bob.request("data", payload="after")
    assert back.events("data")[-1]["seq"] == numbers[-1] + 1
    assert len(world.sent(c.OpenTransport)) == 2


def test_resume_takes_over_from_a_connection_that_looks_alive() -> None:
    world = World()
    alice = world.client("alice")
    back = alice.resume(alice.joined["resumeToken"], 0)
    assert back.joined["type"] == "resumed"
    assert alice.close == (1000, "resumed on another connection")
    alice.drop()
    assert back.request("ping", sent=1.0)["type"] == "pong"


def test_resume_tokens_are_good_until_the_next_is_confirmed() -> None:
    world = World()
    alice = world.client("alice")
    first = alice.joined["resumeToken"]
    again = alice
    for _ in range(40):
        # The answer is lost, again and again.
        again = again.resume(first, 0)
        assert again.joined["type"] == "resumed"
    again.request("ping", sent=1.0)
    refused(again.resume(first, 0), "resume-expired", fatal=True)
    assert again.resume(again.joined["resumeToken"], 0).joined["type"] == "resumed"


def test_resumes_that_are_too_late_or_wrong() -> None:
    world = World()
    alice, bob = world.client("alice", publish=CAMERA), world.client("bob")
    resume = alice.joined["resumeToken"]
    for wrong, seq in (("", 0), ("PA_x.y", 0), (resume + "x", 0), (resume, 99)):
        refused(alice.resume(wrong, seq), "resume-expired", fatal=True)
    bob.connect()
    alice.drop()
    world.wait(31, bob)
    assert bob.events("participantLeft")[0]["reason"] == "disconnected"
    assert bob.events("trackUnpublished")
    refused(alice.resume(resume, 0), "resume-expired", fatal=True)


def test_events_are_kept_for_as_long_as_somebody_may_miss_them() -> None:
    world = World()
    alice, bob = world.client("alice", publish=CAMERA), world.client("bob")
    alice.connect()
    bob.connect()
    session = next(s for s in world.core.sessions() if s.participant.id == bob.id)
    kept = []
    for muted in [True, False] * 10:
        alice.request("mute", track=alice.joined["tracks"][0]["track"]["id"], muted=muted)
        before = session.log.seq - 1
        world.wait(30, alice, bob)
        assert len(session.log.since(before) or []) >= 1
        kept.append(next(n for n in range(session.log.seq) if session.log.since(n) is not None))
    # Nothing of the first minutes is left.
    assert kept[-1] > kept[5] > 0
    assert session.log.since(0) is None


def test_events_that_the_client_has_are_forgotten() -> None:
    world = World()
    alice, bob = world.client("alice", publish=CAMERA), world.client("bob")
    track = alice.joined["tracks"][0]["track"]["id"]
    for muted in (True, False, True):
        alice.request("mute", track=track, muted=muted)
    newest = max(event["seq"] for event in bob.events("trackMuted"))
    assert bob.request("ping", sent=1.0, lastSeq=newest - 1)["type"] == "pong"
    resume = bob.joined["resumeToken"]
    refused(bob.resume(resume, newest - 2), "resume-expired", fatal=True)
    back = bob.resume(resume, newest - 1)
    assert [event["seq"] for event in back.events("trackMuted")] == [newest]
    # Nobody can make the server forget what is still to come.
    back.request("ping", sent=1.0, lastSeq=newest + 100)
    alice.request("mute", track=track, muted=False)
    assert back.events("trackMuted")[-1]["seq"] == newest + 1


def test_a_silent_client_is_given_up_but_may_resume() -> None:
    world = World()
    alice = world.client("alice")
    alice.connect()
    alice.receive()
    world.wait(16)
    assert alice.close == (4001, "nothing heard from the client")
    assert alice.resume(alice.joined["resumeToken"], alice.seq).joined["type"] == "resumed"


def test_no_connection_within_thirty_seconds() -> None:
    world = World()
    alice, bob = world.client("alice"), world.client("bob")
    bob.connect()
    world.wait(31, alice, bob)
    assert alice.events("closed")[0]["code"] == "connection-failed"
    assert alice.close == (4000, "connection-failed")
    assert bob.events("participantLeft")[0]["reason"] == "connection-failed"


def test_media_that_stops() -> None:
    world = World()
    alice = world.client("alice")
    alice.connect()
    world.tell(e.TransportClosed(alice.transport, "timeout"))
    world.wait(29, alice)
    assert not alice.events("closed")
    assert alice.request("offer", offer=LISTENER, tracks=[])["type"] == "answer"
    world.wait(2, alice)
    assert alice.events("closed")[0]["code"] == "connection-failed"


def test_media_that_stops_and_comes_back_on_another_transport() -> None:
    world = World()
    alice = world.client("alice")
    alice.connect()
    world.tell(e.TransportClosed(alice.transport, "timeout"))
    alice.receive()
    alice.drop()
    world.wait(20)
    back = alice.resume(alice.joined["resumeToken"], alice.seq)
    assert back.request("offer", offer=LISTENER, tracks=[])["type"] == "answer"
    back.connect()
    world.wait(31, back)
    assert back.close is None


def test_neither_media_nor_signaling_is_gone_at_once() -> None:
    world = World()
    alice, bob = world.client("alice"), world.client("bob")
    alice.connect()
    number = alice.transport
    alice.drop()
    assert not bob.events("participantLeft")
    world.tell(e.TransportClosed(number, "closed-by-peer"))
    assert bob.events("participantLeft")[0]["reason"] == "disconnected"


def test_a_connection_lost_while_joining_leaves_nothing() -> None:
    world = World()
    world.holding = True
    alice = world.client("alice")
    alice.drop()
    world.holding = False
    world.settle()
    assert world.engine.transports == {}
    assert world.core.rooms.find("demo") is None


def test_an_engine_that_does_not_answer() -> None:
    world = World()
    world.holding = True
    alice = world.client("alice")
    world.wait(11)
    alice.receive()
    refused_code = [m["code"] for m in alice.inbox]
    assert refused_code == ["internal"]


def test_a_fault_of_ours_is_told_with_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    bob = world.client("bob")
    alice = world.client("alice")

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.core._negotiation, "_share", broken)
    alice.request("offer", transport=alice.joined["transport"], offer=LISTENER, tracks=[])
    error = alice.events("error")[-1]
    assert (error["code"], error["fatal"]) == ("internal", True)
    assert "log" in error["message"]
    assert bob.events("participantLeft")
    assert ("internal_errors", "", 1) in world.core.counters()


def test_removed_by_the_api() -> None:
    world = World()
    alice, bob = world.client("alice"), world.client("bob")
    world.core.remove("demo", "alice", world.now)
    assert alice.events("closed")[0]["code"] == "removed"
    assert bob.events("participantLeft")[0]["reason"] == "removed"


def test_draining() -> None:
    world = World()
    alice = world.client("alice")
    world.core.drain(world.now.unix_ms + 60_000, world.now)
    assert alice.events("draining")[0]["deadline"] == world.now.unix_ms + 60_000
    refused(world.client("bob"), "draining", fatal=True)
    assert alice.request("ping", sent=1.0)["type"] == "pong"
    world.core.stop(world.now)
    assert alice.events("closed")[0]["code"] == "draining"


def test_while_draining_media_outlives_a_lost_connection() -> None:
    world = World()
    alice, bob = world.client("alice", publish=CAMERA), world.client("bob")
    alice.connect()
    bob.connect()
    world.core.drain(world.now.unix_ms + 600_000, world.now)
    alice.drop()
    world.wait(120, bob)
    assert world.core.lingering() == 2
    assert not bob.events("participantLeft")
    world.tell(e.TransportClosed(alice.transport, "timeout"))
    world.wait(1, bob)
    assert bob.events("participantLeft")[0]["reason"] == "disconnected"
    assert world.core.lingering() == 1
    bob.request("leave")
    assert world.core.lingering() == 0


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
TYPES = st.sampled_from([model.model_fields["type"].default for model in REQUESTS])
NAMES = sorted({f.alias or n for m in REQUESTS for n, f in m.model_fields.items()} - {"type"})
MESSAGES = st.builds(
    lambda type_, fields: json.dumps({"type": type_, **fields}),
    TYPES,
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=60) | MESSAGES, max_size=8), st.booleans())
def test_random_frames_never_break_the_core(frames: list[str], joined: bool) -> None:
    world = World()
    bob = world.client("bob", publish=CAMERA)
    bob.connect()
    alice = world.client("alice" if joined else "")
    for frame in frames:
        alice.send_text(frame)
    alice.drop()
    world.wait(31, bob)
    assert "internal_errors" not in {name for name, _, _ in world.core.counters()}
    assert bob.request("ping", sent=1.0)["type"] == "pong"


ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["join", "leave", "drop", "offer", "mute", "wait", "connect"]),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTIONS)
def test_random_courses_end_clean(actions: list[tuple[int, str]]) -> None:
    """Whatever three people do, everybody sees numbered events and nothing is left behind."""
    world = World()
    people: list[Client | None] = [None, None, None]
    for who, action in actions:
        client = people[who]
        if action == "join":
            people[who] = world.client(f"p{who}", publish=CAMERA)
        elif client is not None and client.connection.session and client.close is None:
            _act(client, action)
    for client in people:
        if client is not None:
            client.receive()
            numbers = [m["seq"] for m in client.inbox if "seq" in m and m["type"] != "joined"]
            assert numbers == sorted(set(numbers))
            client.drop()
    world.wait(31)
    assert world.engine.transports == {}
    assert not any(v for n, _, v in world.core.gauges() if n != "signaling_connections")
    assert "internal_errors" not in {name for name, _, _ in world.core.counters()}


def _act(client: Client, action: str) -> None:
    match action:
        case "leave":
            client.request("leave")
        case "drop":
            client.drop()
        case "offer":
            client.request(
                "offer", transport=client.joined.get("transport"), offer=LISTENER, tracks=[]
            )
        case "mute":
            for entry in client.joined.get("tracks", []):
                client.request("mute", track=entry["track"]["id"], muted=True)
        case "wait":
            client.world.wait(3)
        case "connect":
            if client.connection.session and client.connection.session.participant.transports:
                client.connect()
