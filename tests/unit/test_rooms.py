"""The domain: places, and which track goes into which slot."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomline.errors import PermissionDenied, PublishersFull, RoomFull
from roomline.ids import Names, ParticipantId, TrackId, TransportName
from roomline.rooms import (
    Binding,
    Intent,
    Participant,
    Room,
    Rooms,
    Track,
    Transport,
    plan_bindings,
)
from roomline.rooms.room import MAX_PRESETS
from roomline.tokens import Grants, RoomLimits

NUMBERS = itertools.count(1)


def person(identity: str, grants: Grants | None = None) -> Participant:
    number = next(NUMBERS)
    return Participant(
        id=ParticipantId(f"PA_{number}"),
        number=number,
        identity=identity,
        name=identity,
        grants=grants or Grants(),
        joined_at=0,
        auto_subscribe=True,
        present=True,
    )


def track(owner: Participant, kind: str = "video") -> Track:
    number = next(NUMBERS)
    return Track(
        TrackId(f"TR_{number}"),
        number,
        owner.id,
        kind,  # type: ignore[arg-type]
        "camera",
        "camera",
        False,
        TransportName("TP"),
        "0",
    )


def slots(owner: Participant, audio: int, video: int) -> Transport:
    transport = Transport(TransportName("TP"), 1)
    kinds = ["audio"] * audio + ["video"] * video
    transport.set_sections((str(n), kind, False, True) for n, kind in enumerate(kinds))
    owner.transports[transport.name] = transport
    return transport


def test_a_full_room_takes_nobody_but_the_same_identity() -> None:
    room = Room("r", RoomLimits(max_participants=1), 0)
    room.admit(person("alice"))
    with pytest.raises(RoomFull):
        room.admit(person("bob"))
    room.admit(person("alice"))


def test_publishers_hold_a_place() -> None:
    room = Room("r", RoomLimits(max_publishers=1), 0)
    alice, bob = person("alice"), person("bob")
    for one in (alice, bob):
        room.admit(one)
    room.admit_publisher(alice)
    with pytest.raises(PublishersFull):
        room.admit_publisher(bob)
    published = track(alice)
    room.add_track(alice, published)
    room.remove_track(published)
    room.admit_publisher(bob)


def test_grants_bound_what_is_published() -> None:
    camera = Intent("0", "camera", "camera", muted=False)
    person("a").check_may_publish(camera)
    for grants in (Grants(publish=False), Grants(sources=("screen",))):
        with pytest.raises(PermissionDenied):
            person("a", grants).check_may_publish(camera)


def test_the_first_limits_win_until_the_api_sets_others() -> None:
    rooms = Rooms(RoomLimits(max_bitrate=1))
    assert rooms.get_or_create("a", None, 0).limits.max_bitrate == 1
    assert rooms.get_or_create("b", RoomLimits(max_bitrate=2), 0).limits.max_bitrate == 2
    rooms.set_limits("b", RoomLimits(max_bitrate=3))
    assert rooms.get_or_create("b", RoomLimits(max_bitrate=4), 0).limits.max_bitrate == 3


def test_limits_of_rooms_that_never_come_are_forgotten() -> None:
    rooms = Rooms(RoomLimits())
    rooms.set_limits("used", RoomLimits(max_participants=1))
    rooms.get_or_create("used", None, 0)
    for number in range(MAX_PRESETS + 1):
        rooms.set_limits(f"{number}", RoomLimits(max_participants=2))
    rooms.set_limits("1", RoomLimits(max_participants=3))
    rooms.set_limits("late", RoomLimits(max_participants=4))
    found = [
        rooms.get_or_create(name, None, 0).limits.max_participants
        for name in ("used", "0", "1", "2", "3", "late")
    ]
    assert found == [1, 0, 3, 0, 2, 4]


@given(
    st.lists(st.sampled_from(["audio", "video"]), max_size=8),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sets(st.integers(0, 7)),
)
def test_plans_use_every_slot_once_and_count_what_is_missing(
    kinds: list[str], audio: int, video: int, unwanted: set[int]
) -> None:
    alice, bob = person("alice"), person("bob")
    transport = slots(alice, audio, video)
    tracks = [track(bob, kind) for kind in kinds]
    for number, one in enumerate(tracks):
        if number in unwanted:
            alice.chosen[one.id] = False
    plan = plan_bindings(alice, transport, tracks)
    used = [slot for _, slot in plan.bind]
    assert len(set(used)) == len(used)
    for kind, have in (("audio", audio), ("video", video)):
        wanted = sum(1 for t in tracks if t.kind == kind and t.id not in alice.chosen)
        bound = sum(1 for t, _ in plan.bind if t.kind == kind)
        assert bound == min(wanted, have)
        assert plan.missing[kind] == wanted - bound  # type: ignore[index]
    for one, slot in plan.bind:
        slot.free = False
        transport.bindings[one.id] = Binding(one, transport, slot.mid, 1)
    again = plan_bindings(alice, transport, tracks)
    assert (again.bind, again.unbind, again.missing) == ([], [], plan.missing)


def test_a_vanished_slot_unbinds() -> None:
    alice, bob = person("alice"), person("bob")
    transport, published = slots(alice, 0, 1), track(bob)
    transport.bindings[published.id] = Binding(published, transport, "0", 1)
    transport.set_sections([("5", "video", False, True)])
    plan = plan_bindings(alice, transport, [published])
    assert len(plan.unbind) == 1
    assert plan.missing["video"] == 0 or plan.bind


def test_names_are_never_used_again_by_a_later_run() -> None:
    early, late = Names.since(1000.0), Names.since(1001.0)
    assert max(early.number() for _ in range(1000)) < late.number()
    assert early.participant() != early.participant()
