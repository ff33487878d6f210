"""A participant changes its path in mid-call: bridges, moved tracks, silence, what others see."""

from __future__ import annotations

from typing import Any

import pytest

from support.fake_engine import PUBLISHER, offer
from support.model_engine import ModelEngine, Place, Publication
from support.world import Client, Grants, RoomLimits, World, c, e, token

BOTH = {"0": "microphone", "1": "camera"}
MORE = offer(
    "0 audio sendonly",
    "1 video sendonly",
    "2 audio recvonly",
    "3 video recvonly",
    "4 audio recvonly",
    "5 video recvonly",
)


def house() -> World:
    world = World()
    world.engine = ModelEngine()
    return world


def model(world: World) -> ModelEngine:
    assert isinstance(world.engine, ModelEngine)
    return world.engine


def places(world: World) -> dict[int, Place]:
    return {number: p.place for number, p in model(world).published.items()}


def tracks_of(client: Client) -> list[str]:
    return [entry["track"]["id"] for entry in client.joined["tracks"]]


def number_of(world: World, track: str) -> int:
    room = world.core.rooms.find("demo")
    assert room
    return room.track(track).number


def intents(client: Client) -> list[dict[str, Any]]:
    return [
        {"mid": entry["mid"], "source": entry["track"]["source"], "track": entry["track"]["id"]}
        for entry in client.joined["tracks"]
    ]


def bridge(client: Client, sections: str = MORE) -> dict[str, Any]:
    return client.request("offer", offer=sections, tracks=intents(client))


def back(client: Client) -> dict[str, Any]:
    moves = [
        {"mid": entry["mid"], "track": entry["track"]["id"]} for entry in client.joined["tracks"]
    ]
    return client.request("move", transport=client.joined["transport"], tracks=moves)


def call() -> tuple[World, Client, Client]:
    """Alice and Bob, each with a microphone and a camera, on direct paths."""
    world = house()
    alice = world.client("alice", publish=BOTH)
    bob = world.client("bob", publish=BOTH)
    for client in (alice, bob):
        client.connect()
        client.receive()
    return world, alice, bob


def state(client: Client, of: Client) -> Any:
    return [m for m in client.events("connection") if m["participant"] == of.id][-1]


def test_a_bridge_takes_the_tracks_over_and_others_see_nothing_of_it() -> None:
    world, alice, bob = call()
    reply = bridge(alice)
    assert reply["tracks"] == alice.joined["tracks"]
    moved = [(m.transport, m.mid) for m in world.sent(c.MovePublication)]
    assert moved == [(alice.transport, "0"), (alice.transport, "1")]
    assert not bob.receive()


def test_every_track_is_bound_on_each_transport() -> None:
    world, alice, bob = call()
    first = alice.joined["transport"]
    reply = bridge(alice)
    bound = alice.events("bound")
    assert {(b["track"], b["transport"]) for b in bound} == {
        (track, transport) for track in tracks_of(bob) for transport in (first, reply["transport"])
    }
    carol = world.client("carol", publish=BOTH)
    fresh = [b for b in alice.events("bound") if b["track"] in tracks_of(carol)]
    assert {b["transport"] for b in fresh} == {reply["transport"]}
    (need,) = alice.events("needSlots")
    assert (need["transport"], need["audio"], need["video"]) == (first, 1, 1)
    bob.request("unpublish", track=tracks_of(bob)[0])
    gone = alice.events("unbound")
    assert [u["transport"] for u in gone] == [first, reply["transport"]]


def test_choices_hold_on_each_transport() -> None:
    world, alice, bob = call()
    camera = tracks_of(bob)[1]
    alice.request("pauseSubscription", track=camera, paused=True)
    bridge(alice)
    assert len([p for p in world.sent(c.PauseSubscription) if p.paused]) == 2
    alice.request("pauseSubscription", track=camera, paused=False)
    assert len([p for p in world.sent(c.PauseSubscription) if not p.paused]) == 2
    assert len(alice.events("subscriptionPaused")) == 2
    alice.request("unsubscribe", track=camera)
    assert len(alice.events("unbound")) == 2
    alice.request("subscribe", track=camera)
    assert len([b for b in alice.events("bound") if b["track"] == camera]) == 4


def test_the_bitrate_cap_is_told_when_no_transport_carries_a_track() -> None:
    world, alice, bob = call()
    bridge(alice)
    camera = tracks_of(bob)[1]
    number = number_of(world, camera)
    on_main, on_bridge = (s for s in world.sent(c.Subscribe) if s.publication == number)
    world.tell(e.SubscriptionPaused(on_main.subscription, paused=True))
    assert not alice.events("subscriptionPaused")
    world.tell(e.SubscriptionPaused(on_bridge.subscription, paused=True))
    world.tell(e.SubscriptionPaused(on_main.subscription, paused=False))
    assert [p["paused"] for p in alice.events("subscriptionPaused")] == [True, False]


def test_a_codec_may_be_missing_on_one_transport_only() -> None:
    world, alice, _ = call()
    more = {"transport": alice.joined["transport"], "offer": MORE, "tracks": []}
    alice.request("offer", **more)
    reply = bridge(alice)
    model(world).codecless.add(alice.transport)
    carol = world.client("carol", publish=BOTH)
    fresh = [b for b in alice.events("bound") if b["track"] in tracks_of(carol)]
    assert {b["transport"] for b in fresh} == {alice.joined["transport"]}
    model(world).codecless.clear()
    alice.request("offer", **(more | {"transport": reply["transport"]}))
    assert [b["transport"] for b in alice.events("bound")[-2:]] == [reply["transport"]] * 2


def test_back_to_main_and_close_the_bridge() -> None:
    world, alice, bob = call()
    reply = bridge(alice)
    alice.connect("turn-udp", 3478)
    model(world).flow()
    assert back(alice)["type"] == "ok"
    assert alice.request("closeTransport", transport=reply["transport"])["type"] == "ok"
    assert not alice.events("unbound")
    assert not bob.events("trackUnpublished")
    assert {p.place[1] for p in model(world).published.values()} == {"0", "1"}
    assert len(model(world).transports) == 2
    assert len(model(world).subscriptions) == 4
    last = alice.request("closeTransport", transport=alice.joined["transport"])
    assert (last["code"], last["fatal"]) == ("permission-denied", False)


def test_a_bridge_closed_at_once_gives_its_tracks_back() -> None:
    world, alice, bob = call()
    reply = bridge(alice)
    assert alice.request("closeTransport", transport=reply["transport"])["type"] == "ok"
    assert not bob.events("trackUnpublished")
    assert all(p.pending is None for p in model(world).published.values())
    assert len(model(world).published) == 4


@pytest.mark.parametrize("flowing", [False, True])
def test_a_bridge_that_dies_gives_back_what_still_came_from_main(flowing: bool) -> None:
    world, alice, bob = call()
    bridge(alice)
    if flowing:
        model(world).flow()
    world.tell(model(world).kill(alice.transport, "dtls-failed"))
    ended = [u["track"] for u in bob.events("trackUnpublished")]
    assert ended == (tracks_of(alice) if flowing else [])
    assert [u["track"] for u in alice.events("trackUnpublished")] == ended
    assert len(model(world).published) == 4 - len(ended)


def test_main_times_out_while_the_bridge_lives() -> None:
    world, alice, bob = call()
    first = alice.transport
    reply = bridge(alice)
    alice.connect("turn-tls", 443)
    world.tell(model(world).kill(first, "timeout"))
    world.wait(60, alice, bob)
    assert not bob.events("trackUnpublished")
    assert not alice.events("closed")
    assert {u["transport"] for u in alice.events("unbound")} == {alice.joined["transport"]}
    assert state(bob, alice)["connection"]["tier"] == "turn-tls"
    assert len(model(world).published) == 4
    again = {"transport": alice.joined["transport"], "offer": PUBLISHER, "tracks": []}
    assert alice.request("offer", **again)["code"] == "not-found"
    assert alice.request("closeTransport", transport=reply["transport"])["code"] == (
        "permission-denied"
    )


def test_the_bridge_becomes_main() -> None:
    world, alice, bob = call()
    world.tell(model(world).open_channel(bob.transport, 7, "chat"))
    first = alice.transport
    bridge(alice)
    alice.connect("turn-tls", 443)
    assert model(world).relays == {(7, first)}
    alice.request("closeTransport", transport=alice.joined["transport"])
    assert model(world).relays == {(7, alice.transport)}
    assert not bob.events("trackUnpublished")
    assert all(p.pending is None for p in model(world).published.values())


def test_data_channels_stay_on_main() -> None:
    world, alice, bob = call()
    first = alice.transport
    bridge(alice)
    alice.connect("turn-udp", 3478)
    world.tell(model(world).open_channel(bob.transport, 7, "chat"))
    assert model(world).relays == {(7, first)}
    world.tell(model(world).open_channel(first, 8, "chat"))
    assert model(world).relays == {(7, first), (8, bob.transport)}


def test_a_bridge_that_never_connected_gives_way_to_the_next() -> None:
    world, alice, bob = call()
    first = bridge(alice)
    second = bridge(alice)
    assert first["transport"] != second["transport"]
    assert len(model(world).transports) == 3
    alice.connect("turn-udp", 3478)
    refused = bridge(alice)
    assert refused["code"] == "permission-denied"
    assert not bob.events("trackUnpublished")
    places = {p.place[0] for p in model(world).published.values()}
    assert places == {alice.transport, bob.transport}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"track": "TR_none"}, "not-found"),
        ({"track": "theirs"}, "not-found"),
        ({"mid": "0"}, "bad-offer"),
        ({"mid": "2"}, "bad-offer"),
        ({"mid": "9"}, "bad-offer"),
    ],
)
def test_all_or_nothing(change: dict[str, str], code: str) -> None:
    world, alice, bob = call()
    if change.get("track") == "theirs":
        change = {"track": tracks_of(bob)[0]}
    wanted = intents(alice)
    before = places(world)
    wanted[1] |= change
    reply = alice.request("offer", offer=MORE, tracks=wanted)
    assert (reply["code"], reply["fatal"]) == (code, False)
    assert len(model(world).transports) == 2
    assert places(world) == before
    assert bridge(alice)["type"] == "answer"


def test_what_the_engine_refuses_is_taken_back() -> None:
    world, alice, _ = call()
    main = alice.transport
    bridge(alice)
    model(world).flow()
    before = places(world)
    # Something sits in a section that the core takes for free.
    model(world).published[-1] = Publication((main, "1"))
    assert back(alice)["type"] == "error"
    assert alice.close is None
    del model(world).published[-1]
    assert places(world) == before
    assert back(alice)["type"] == "ok"


def test_new_tracks_and_moved_ones_in_one_offer() -> None:
    world, alice, bob = call()
    sections = offer(MORE, "6 video sendonly")
    wanted = [*intents(alice), {"mid": "6", "source": "screen"}]
    reply = alice.request("offer", offer=sections, tracks=wanted)
    assert [entry["mid"] for entry in reply["tracks"]] == ["0", "1", "6"]
    (told,) = bob.events("trackPublished")
    assert told["track"] == reply["tracks"][2]["track"]
    failing = [*wanted[:2], {"mid": "9", "source": "other"}]
    more = {"transport": reply["transport"], "offer": sections}
    assert alice.request("offer", tracks=failing, **more)["code"] == "bad-offer"
    assert len(model(world).published) == 5


def test_a_move_needs_no_grant_and_no_place() -> None:
    world = house()
    alice = world.client("alice", publish=BOTH, room_limits=RoomLimits(max_publishers=2))
    bob = world.client("bob", publish=BOTH)
    world.core.set_limits("demo", RoomLimits(max_publishers=1), world.now)
    alice.connect()
    assert bridge(alice)["type"] == "answer"
    stranger = world.client("stranger", grants=Grants(publish=False))
    refused = stranger.request("offer", offer=MORE, tracks=intents(bob))
    assert refused["code"] == "not-found"


def test_a_join_moves_nothing() -> None:
    world, alice, _ = call()
    mallory = world.client()
    reply = mallory.request(
        "join",
        version=1,
        token=token("mallory"),
        offer=MORE,
        tracks=intents(alice),
    )
    assert reply["code"] == "not-found"
    assert len(world.core.rooms.find("demo").participants) == 2  # type: ignore[union-attr]
