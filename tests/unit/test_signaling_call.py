"""Joining, publishing, binding: the ordinary course of a call."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from support.fake_engine import LISTENER, PUBLISHER, offer
from support.world import START, Client, Grants, RoomLimits, World, c, e, token

CAMERA = {"1": "camera"}
BOTH = {"0": "microphone", "1": "camera"}


def test_join_answers_with_everything() -> None:
    world = World()
    alice = world.client("alice", publish=BOTH, name="Alice")
    joined = alice.joined
    assert joined["type"] == "joined"
    assert joined["answer"] == "answer"
    assert joined["participants"] == []
    assert joined["participant"]["identity"] == "alice"
    assert joined["participant"]["name"] == "Alice"
    assert joined["participant"]["grants"]["sources"][0] == "camera"
    assert [t["mid"] for t in joined["tracks"]] == ["0", "1"]
    assert joined["tracks"][1]["track"]["kind"] == "video"
    assert joined["participant"]["connection"] == {
        "state": "connecting",
        "tier": None,
        "protocol": None,
        "serverPort": None,
        "rttMs": None,
        "addedLatencyMs": None,
        "since": None,
    }
    assert joined["heartbeat"] == {"intervalMs": 5000, "timeoutMs": 15000}
    assert joined["seq"] == 0


def test_turn_credentials_are_bound_to_the_participant() -> None:
    world = World()
    alice = world.client("alice")
    (server,) = alice.joined["iceServers"]
    expiry, number = server["username"].split(":")
    (opened,) = world.sent(c.OpenTransport)
    assert int(number) == opened.participant
    assert int(expiry) * 1000 == alice.joined["iceServersExpireAt"] > START.unix * 1000
    digest = hmac.new(b"turn", server["username"].encode(), hashlib.sha1).digest()
    assert server["credential"] == base64.b64encode(digest).decode()
    assert server["urls"] == [
        "turn:192.0.2.1:3478?transport=udp",
        "turn:[2001:db8::1]:3478?transport=udp",
        "turns:call.example:443?transport=tcp",
    ]


def test_answers_carry_fresh_turn_credentials() -> None:
    world = World()
    alice = world.client("alice")
    alice.connect()
    world.wait(60, alice)
    transport = alice.joined["transport"]
    reply = alice.request("offer", transport=transport, offer=PUBLISHER, tracks=[])
    assert reply["iceServersExpireAt"] == alice.joined["iceServersExpireAt"] + 60_000
    assert reply["iceServers"][0]["username"] != alice.joined["iceServers"][0]["username"]


def test_a_typed_name_is_used_when_the_token_has_none() -> None:
    world = World()
    watcher = world.client("watcher")
    for token_name, typed, seen in (
        ("", " Ada ", "Ada"),
        ("Ada Lovelace", "Bob", "Ada Lovelace"),
        ("", "  ", "guest"),
        ("", None, "guest"),
    ):
        named = {} if typed is None else {"name": typed}
        guest = Client(world)
        guest.request(
            "join",
            version=1,
            token=token("guest", name=token_name),
            offer=PUBLISHER,
            tracks=[],
            **named,
        )
        assert watcher.events("participantJoined")[-1]["participant"]["name"] == seen
    long = Client(world)
    long.request("join", version=1, token=token("x"), offer=PUBLISHER, tracks=[], name="x" * 201)
    assert long.events("error")[0]["code"] == "bad-message"


def test_tracks_are_bound_both_ways() -> None:
    world = World()
    alice = world.client("alice", publish=BOTH)
    bob = world.client("bob", publish=CAMERA)
    assert [p["identity"] for p in bob.joined["participants"]] == ["alice"]
    bound = bob.events("bound")
    assert {b["mid"] for b in bound} == {"2", "3"}
    assert {b["transport"] for b in bound} == {bob.joined["transport"]}
    (came,) = alice.events("participantJoined")
    assert [t["source"] for t in came["participant"]["tracks"]] == ["camera"]
    (at_alice,) = alice.events("bound")
    assert at_alice["mid"] == "3"
    assert not alice.events("needSlots")


def test_events_are_numbered_without_gaps() -> None:
    world = World()
    alice = world.client("alice")
    world.client("bob", publish=BOTH)
    alice.receive()
    numbers = [m["seq"] for m in alice.inbox if "request" not in m]
    assert numbers == list(range(1, len(numbers) + 1))


def test_need_slots_then_an_offer_with_more() -> None:
    world = World()
    alice = world.client("alice", offer=LISTENER)
    world.client("bob", publish=BOTH)
    world.client("carol", publish=BOTH)
    (need,) = alice.events("needSlots")
    assert (need["audio"], need["video"]) == (1, 1)
    more = offer(LISTENER, "2 audio recvonly", "3 video recvonly")
    reply = alice.request("offer", transport=alice.joined["transport"], offer=more, tracks=[])
    assert reply["type"] == "answer"
    assert len(alice.events("bound")) == 4
    assert len(alice.events("needSlots")) == 1


def test_slots_are_used_again() -> None:
    world = World()
    alice = world.client("alice", offer=LISTENER)
    bob = world.client("bob", publish=CAMERA)
    world.client("carol", publish=CAMERA)
    assert alice.events("needSlots")[-1]["video"] == 1
    bob.request("leave")
    first, second = alice.events("bound")
    (freed,) = alice.events("unbound")
    assert freed["track"] == first["track"] != second["track"]
    assert freed["mid"] == second["mid"]


def test_publish_later_and_unpublish() -> None:
    world = World()
    alice = world.client("alice")
    bob = world.client("bob")
    reply = bob.request(
        "offer",
        transport=bob.joined["transport"],
        offer=PUBLISHER,
        tracks=[{"mid": "1", "source": "screen", "name": "slides", "muted": True}],
    )
    track = reply["tracks"][0]["track"]
    assert track["name"] == "slides"
    assert alice.events("trackPublished")[0]["track"] == track
    assert world.sent(c.PausePublication)[0].paused
    assert alice.events("bound")[0]["track"] == track["id"]
    assert bob.request("unpublish", track=track["id"])["type"] == "ok"
    assert alice.events("trackUnpublished")[0] | {"seq": 0} == {
        "type": "trackUnpublished",
        "seq": 0,
        "track": track["id"],
        "participant": bob.id,
    }
    assert alice.events("unbound")


def test_the_same_section_is_published_once() -> None:
    world = World()
    bob = world.client("bob", publish=CAMERA)
    again = bob.request(
        "offer",
        transport=bob.joined["transport"],
        offer=PUBLISHER,
        tracks=[{"mid": "1", "source": "camera"}],
    )
    assert again["tracks"] == bob.joined["tracks"]
    assert len(world.sent(c.Publish)) == 1


def test_a_section_that_stops_sending_is_unpublished() -> None:
    world = World()
    alice = world.client("alice")
    bob = world.client("bob", publish=CAMERA)
    stopped = PUBLISHER.replace("1 video sendonly", "1 video inactive")
    bob.request("offer", transport=bob.joined["transport"], offer=stopped, tracks=[])
    assert alice.events("trackUnpublished")


def test_mute_is_told_and_carried_out() -> None:
    world = World()
    alice = world.client("alice")
    bob = world.client("bob", publish=CAMERA)
    track = bob.joined["tracks"][0]["track"]["id"]
    bob.request("mute", track=track, muted=True)
    bob.request("mute", track=track, muted=True)
    assert len(world.sent(c.PausePublication)) == 1
    assert [m["muted"] for m in alice.events("trackMuted")] == [True]
    late = world.client("carol")
    tracks = [p["tracks"] for p in late.joined["participants"] if p["identity"] == "bob"]
    assert tracks[0][0]["muted"]


def test_manual_subscribe_unsubscribe_and_pause() -> None:
    world = World()
    alice = world.client("alice", subscribe="manual")
    bob = world.client("bob", publish=CAMERA)
    track = bob.joined["tracks"][0]["track"]["id"]
    assert not alice.events("bound")
    assert alice.request("pauseSubscription", track=track, paused=True)["type"] == "ok"
    assert alice.request("subscribe", track=track)["type"] == "ok"
    assert alice.events("bound")[0]["track"] == track
    assert world.sent(c.PauseSubscription)[0].paused
    alice.request("pauseSubscription", track=track, paused=False)
    assert [p["paused"] for p in alice.events("subscriptionPaused")] == [True, False]
    assert alice.request("unsubscribe", track=track)["type"] == "ok"
    assert alice.events("unbound")[0]["track"] == track
    assert world.sent(c.Unsubscribe)


def test_the_bitrate_cap_is_told() -> None:
    world = World()
    alice = world.client("alice")
    world.client("bob", publish=CAMERA)
    (subscribed,) = world.sent(c.Subscribe)
    world.tell(e.SubscriptionPaused(subscribed.subscription, paused=True))
    (paused,) = alice.events("subscriptionPaused")
    assert paused["reason"] == "bitrate"


def test_a_codec_without_match_is_not_asked_again_before_the_next_offer() -> None:
    world = World()
    alice = world.client("alice")
    world.holding = True
    world.client("bob", publish=CAMERA)
    world.holding = False
    world.settle()
    world.engine.refuse_subscriptions = set(world.engine.publications)
    assert len(world.sent(c.Subscribe)) == 1
    world.client("carol", publish=CAMERA)
    before = len(world.sent(c.Subscribe))
    world.client("dave")
    assert len([s for s in world.sent(c.Subscribe)[before:] if s.transport == alice.transport]) == 0


def test_data_reaches_everybody_else_or_those_named() -> None:
    world = World()
    alice, bob, carol = (world.client(name) for name in ("alice", "bob", "carol"))
    assert alice.request("data", payload="hi", topic="chat")["type"] == "ok"
    for other in (bob, carol):
        (data,) = other.events("data")
        assert (data["from"], data["topic"], data["payload"]) == (alice.id, "chat", "hi")
    alice.request("data", payload="psst", to=[bob.id])
    assert len(bob.events("data")) == 2
    assert len(carol.events("data")) == 1
    assert not alice.events("data")
    assert "topic" not in bob.events("data")[1]


def test_data_channels_are_relayed_to_all_and_to_late_comers() -> None:
    world = World()
    alice, bob = world.client("alice"), world.client("bob")
    for client in (alice, bob):
        client.connect()

    def opened(channel: int, label: str) -> e.DataChannelOpened:
        return e.DataChannelOpened(alice.transport, 0, channel, label, "", True, None, None)

    world.tell(opened(7, "chat"), opened(8, "roomline"))
    (relayed,) = world.sent(c.RelayData)
    assert (relayed.channel, relayed.transport) == (7, bob.transport)
    assert relayed.label == f"{alice.id}/chat"
    late = world.client("carol")
    assert len(world.sent(c.RelayData)) == 1
    late.connect()
    assert world.sent(c.RelayData)[1].transport == late.transport
    world.tell(e.DataChannelClosed(7))
    world.client("dave").connect()
    assert len(world.sent(c.RelayData)) == 2


def test_data_channels_of_somebody_gone_are_stopped() -> None:
    world = World()
    alice, bob = world.client("alice"), world.client("bob")
    for client in (alice, bob):
        client.connect()
    world.tell(e.DataChannelOpened(alice.transport, 0, 7, "chat", "", True, None, None))
    alice.request("leave")
    assert world.sent(c.StopRelayData) == [c.StopRelayData(7, bob.transport)]


def test_leave_frees_everything() -> None:
    world = World()
    alice = world.client("alice")
    bob = world.client("bob", publish=CAMERA)
    transport = bob.transport
    assert bob.request("leave")["type"] == "ok"
    assert bob.close == (1000, "left")
    assert alice.events("participantLeft")[0]["reason"] == "left"
    assert c.CloseTransport(transport) in world.engine.commands
    alice.request("leave")
    assert world.core.rooms.find("demo") is None
    assert {n: v for n, label, v in world.core.gauges() if not label} == {
        "rooms": 0,
        "participants": 0,
        "tracks": 0,
        "subscriptions": 0,
        "data_channels_relayed": 0,
        "signaling_connections": 2,
    }


def test_requests_wait_for_the_one_before() -> None:
    world = World()
    bob = world.client("bob")
    alice = world.client("alice")
    world.holding = True
    alice.request(
        "offer",
        transport=alice.joined["transport"],
        offer=PUBLISHER,
        tracks=[{"mid": "1", "source": "camera"}],
    )
    alice.request("data", payload="after")
    pong = alice.request("ping", sent=5.0)
    assert pong == {"type": "pong", "request": pong["request"], "sent": 5.0}
    assert not bob.events("data")
    world.holding = False
    world.settle()
    replies = [m["type"] for m in alice.receive() if "request" in m]
    assert replies == ["answer", "ok"]


def test_grants_bound_bitrates_and_room_limits_bound_transports() -> None:
    world = World()
    world.client(
        "alice",
        publish=BOTH,
        grants=Grants(max_bitrate=500_000),
        room_limits=RoomLimits(max_bitrate=900_000),
    )
    assert world.sent(c.OpenTransport)[0].max_send_bitrate == 900_000
    assert sorted(command.max_bitrate for command in world.sent(c.Publish)) == [64_000, 436_000]
    world.core.set_limits("demo", RoomLimits(max_bitrate=100_000), world.now)
    world.settle()
    assert world.sent(c.LimitTransport)[0].max_send_bitrate == 100_000
    assert sorted(command.max_bitrate for command in world.sent(c.LimitPublication)) == [36_000]


def test_what_a_participant_may_publish_is_shared_out_anew_at_every_change() -> None:
    world = World()
    sections = offer("0 audio sendonly", "1 video sendonly", "2 video sendonly")
    alice = world.client(
        "alice",
        offer=sections,
        publish={"0": "microphone", "1": "camera"},
        grants=Grants(max_bitrate=1_000_000),
    )
    microphone, camera = (assignment["track"]["id"] for assignment in alice.joined["tracks"])

    def bounds() -> list[int]:
        """Of the microphone, the camera and the screen."""
        session = alice.connection.session
        assert session
        told = {command.publication: command.max_bitrate for command in world.sent(c.Publish)}
        told |= {
            command.publication: command.max_bitrate for command in world.sent(c.LimitPublication)
        }
        return [told[track.number] for track in session.participant.tracks.values()]

    assert bounds() == [64_000, 936_000]
    reply = alice.request(
        "offer",
        transport=alice.joined["transport"],
        offer=sections,
        tracks=[{"mid": "2", "source": "screen"}],
    )
    screen = reply["tracks"][0]["track"]["id"]
    assert bounds() == [64_000, 468_000, 468_000]
    alice.request("mute", track=camera, muted=True)
    assert bounds() == [64_000, 1, 936_000]
    alice.request("mute", track=screen, muted=True)
    assert bounds() == [64_000, 468_000, 468_000]
    alice.request("unpublish", track=microphone)
    assert bounds() == [500_000, 500_000]
    assert len(world.sent(c.Publish)) == 3


def test_a_second_transport_takes_over_when_the_first_closes() -> None:
    world = World()
    alice = world.client("alice", offer=LISTENER)
    world.client("bob", publish=CAMERA)
    first = alice.transport
    alice.connect()
    reply = alice.request("offer", offer=LISTENER, tracks=[])
    assert reply["transport"] != alice.joined["transport"]
    alice.connect("turn-udp", 3478)
    assert alice.request("offer", offer=LISTENER, tracks=[])["code"] == "permission-denied"
    world.tell(e.TransportClosed(first, "closed-by-peer"))
    assert alice.events("unbound")[0]["transport"] == alice.joined["transport"]
    assert alice.events("bound")[-1]["transport"] == reply["transport"]
    assert alice.events("connection")[-1]["connection"]["tier"] == "turn-udp"


@pytest.mark.parametrize(
    ("tier", "protocol", "port"),
    [("direct", "udp", 10001), ("turn-udp", "udp", 3478), ("turn-tls", "tls", 443)],
)
def test_the_tier_is_told_to_everybody(tier: str, protocol: str, port: int) -> None:
    world = World()
    bob, alice = world.client("bob"), world.client("alice")
    alice.connect(tier, port)
    told = bob.events("connection")[-1]
    assert told["participant"] == alice.id
    assert told["connection"] == {
        "state": "connected",
        "tier": tier,
        "protocol": protocol,
        "serverPort": port,
        "rttMs": None,
        "addedLatencyMs": 0.0 if tier == "direct" else None,
        "since": world.now.unix_ms,
    }
    assert alice.events("connection")[-1]["connection"] == told["connection"]


def test_added_latency_is_against_the_best_unrelayed_round_trip() -> None:
    world = World()
    alice = world.client("alice")
    alice.connect("direct")
    report = {"candidateType": "host", "rttMs": 50.0}
    alice.request("ping", sent=1.0, connection=report)
    assert alice.events("connection")[-1]["connection"]["addedLatencyMs"] == 0.0
    alice.connect("turn-tls", 443)
    assert alice.events("connection")[-1]["connection"]["rttMs"] is None
    report = {"candidateType": "relay", "relayProtocol": "tls", "rttMs": 58.5}
    alice.request("ping", sent=1.0, connection=report)
    world.wait(3, alice)
    connection = alice.events("connection")[-1]["connection"]
    assert (connection["rttMs"], connection["addedLatencyMs"]) == (58.5, 8.5)


def test_added_latency_from_the_signaling_round_trip() -> None:
    world = World()
    alice = world.client("alice")
    alice.connect("turn-udp", 3478)
    report = {"candidateType": "relay", "relayProtocol": "udp", "rttMs": 51, "signalingRttMs": 50}
    alice.request("ping", sent=1.0, connection=report)
    world.wait(3, alice)
    assert alice.events("connection")[-1]["connection"]["addedLatencyMs"] == 1.0


def test_silence_interrupts_and_packets_reconnect() -> None:
    world = World()
    alice = world.client("alice")
    alice.connect()
    for received in (10, 10, 10, 10):
        world.tell(e.TransportStats(alice.transport, e.Stats(packets_received=received)))
    assert alice.events("connection")[-1]["connection"]["state"] == "interrupted"
    world.tell(e.TransportStats(alice.transport, e.Stats(packets_received=11)))
    assert alice.events("connection")[-1]["connection"]["state"] == "connected"
