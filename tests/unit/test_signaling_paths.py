"""What everybody is told of paths: silence, changes of tier, their gaps and reasons, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from roomline.clock import Moment
from roomline.signaling.path_report import PathReport

from support.fake_engine import LISTENER, PUBLISHER
from support.world import Client, World, c, e


def call() -> tuple[World, Client, Client]:
    world = World()
    alice, bob = world.client("alice", publish={"1": "camera"}), world.client("bob")
    alice.connect()
    bob.connect()
    world.wait(60, alice, bob)
    for client in (alice, bob):
        client.receive()
        client.inbox.clear()
    return world, alice, bob


def told(client: Client) -> list[tuple[str, str | None]]:
    connections = [m["connection"] for m in client.events("connection")]
    return [(each["state"], each["tier"]) for each in connections]


def changes(client: Client) -> list[dict[str, Any]]:
    found = [m["change"] for m in client.events("connection") if "change" in m]
    return [{key: value for key, value in change.items() if key != "at"} for change in found]


def silent(transport: int, silence_ms: int = 600) -> e.TransportSilent:
    return e.TransportSilent(transport, True, silence_ms)


def heard(transport: int, silence_ms: int) -> e.TransportSilent:
    return e.TransportSilent(transport, False, silence_ms)


def on(transport: int, tier: str, port: int, ip: str = "198.51.100.7") -> e.PathChanged:
    return e.PathChanged(transport, e.Path(tier, port, ip, 5000))  # type: ignore[arg-type]


def open_bridge(alice: Client) -> int:
    track = alice.joined["tracks"][0]["track"]["id"]
    wanted = [{"mid": "1", "source": "camera", "track": track}]
    assert alice.request("offer", offer=PUBLISHER, tracks=wanted)["type"] == "answer"
    return alice.transport


def test_the_first_tier_is_a_change_from_nothing() -> None:
    world = World()
    bob, alice = world.client("bob"), world.client("alice")
    alice.connect("turn-udp", 3478)
    (change,) = changes(bob)
    assert change == {"to": "turn-udp", "why": "other", "gapMs": 0.0}
    assert alice.events("connection")[0]["change"]["at"] == world.now.unix_ms
    assert ("moves", "none/turn-udp/other", 1) in world.core.counters()


def test_silence_is_told_at_once_and_to_the_owner_by_name() -> None:
    world, alice, bob = call()
    world.tell(silent(alice.transport))
    assert told(bob) == [("interrupted", "direct")]
    (mine,) = alice.events("pathSilent")
    assert (mine["transport"], mine["silent"]) == (alice.joined["transport"], True)
    assert not bob.events("pathSilent")
    world.tell(heard(alice.transport, 900))
    assert told(bob)[-1] == ("connected", "direct")
    assert [m["silent"] for m in alice.events("pathSilent")] == [True, False]
    assert not changes(bob)
    assert ("path_silences", "", 1) in world.core.counters()


def test_falling_to_a_bridge_and_climbing_back() -> None:
    world, alice, bob = call()
    main = alice.transport
    world.tell(silent(main))
    world.wait(0.5)
    bridge = open_bridge(alice)
    assert told(bob) == [("interrupted", "direct")]
    alice.connect("turn-udp", 3478)
    assert told(bob)[-1] == ("connected", "turn-udp")
    (fall,) = changes(bob)
    assert fall == {"from": "direct", "to": "turn-udp", "why": "path-lost", "gapMs": 1100.0}
    world.wait(30, alice, bob)
    world.tell(on(main, "direct", 10000), heard(main, 31_100))
    assert told(bob)[-1] == ("connected", "turn-udp")
    track = alice.joined["tracks"][0]["track"]["id"]
    home = alice.joined["transport"]
    assert alice.request("move", transport=home, tracks=[{"mid": "1", "track": track}])
    assert told(bob)[-1] == ("connected", "direct")
    assert changes(bob)[-1] == {
        "from": "turn-udp",
        "to": "direct",
        "why": "better-path",
        "gapMs": 0.0,
    }
    events = len(bob.inbox)
    name = next(
        t.name
        for t in alice.connection.session.participant.transports.values()  # type: ignore[union-attr]
        if t.number == bridge
    )
    alice.request("closeTransport", transport=name)
    bob.receive()
    assert len(bob.inbox) == events
    buckets = dict(dict(world.core.histograms())["move_gap_seconds"].buckets())
    assert (buckets["0.0"], buckets["1.0"], buckets["1.5"], buckets["+Inf"]) == (1, 1, 2, 2)


@pytest.mark.parametrize("path_first", [True, False])
def test_an_ice_restart_that_ends_a_silence(path_first: bool) -> None:
    world, alice, bob = call()
    number = alice.transport
    world.tell(silent(number))
    world.wait(1.5)
    events = [on(number, "turn-tls", 443), heard(number, 2100)]
    for event in events if path_first else reversed(events):
        world.tell(event)
    assert told(bob)[-1] == ("connected", "turn-tls")
    (fall,) = changes(bob)
    assert fall == {"from": "direct", "to": "turn-tls", "why": "path-lost", "gapMs": 2100.0}


def test_an_ice_restart_without_a_gap() -> None:
    world, alice, bob = call()
    number = alice.transport
    world.tell(on(number, "turn-udp", 3478))
    world.tell(on(number, "direct", 10001))
    assert changes(bob) == [
        {"from": "direct", "to": "turn-udp", "why": "path-lost", "gapMs": 0.0},
        {"from": "turn-udp", "to": "direct", "why": "better-path", "gapMs": 0.0},
    ]


@pytest.mark.parametrize(
    ("tier", "ip", "why"),
    [
        ("turn-udp", "203.0.113.9", "address-changed"),
        ("turn-udp", "2001:db8::9", "path-lost"),
        ("turn-tls", "203.0.113.9", "path-lost"),
    ],
)
def test_another_address_is_a_reason(tier: str, ip: str, why: str) -> None:
    world, alice, bob = call()
    world.tell(silent(alice.transport), on(alice.transport, tier, 3478, ip))
    world.tell(heard(alice.transport, 700))
    assert [change["why"] for change in changes(bob)] == [why]


def test_a_listener_is_where_its_newest_transport_is() -> None:
    world, _, _ = call()
    carol = world.client("carol")
    carol.connect()
    first = carol.transport
    carol.request("offer", offer=LISTENER, tracks=[])
    carol.connect("turn-udp", 3478)
    assert told(carol)[-1] == ("connected", "turn-udp")
    world.tell(silent(carol.transport))
    assert told(carol)[-1] == ("connected", "direct")
    world.tell(silent(first))
    assert told(carol)[-1] == ("interrupted", "turn-udp")


def test_everything_gone_keeps_what_is_known_until_there_is_another() -> None:
    world, alice, bob = call()
    world.tell(silent(alice.transport))
    world.wait(10, alice, bob)
    world.tell(e.TransportClosed(alice.transport, "timeout"))
    assert told(bob)[-1] == ("interrupted", "direct")
    alice.request("offer", offer=PUBLISHER, tracks=[])
    alice.connect("turn-tls", 443)
    (change,) = changes(bob)
    assert change == {"from": "direct", "to": "turn-tls", "why": "path-lost", "gapMs": 10600.0}


def test_a_flapping_path_is_not_work_for_everybody() -> None:
    world, alice, bob = call()
    for _ in range(15):
        for number in range(20):
            world.tell(silent(alice.transport), heard(alice.transport, 600 + number))
        world.wait(5, alice, bob)
    assert len(told(bob)) < 6 + 75 / 2 + 2
    world.wait(4, alice, bob)
    assert told(bob)[-1] == ("connected", "direct")
    last = len(bob.events("connection"))
    for tier, port in [("turn-udp", 3478), ("direct", 10000)] * 100:
        world.tell(on(alice.transport, tier, port))
    assert len(bob.events("connection")) < last + 8
    world.wait(4, alice, bob)
    assert told(bob)[-1] == ("connected", "direct")


def test_several_changes_that_were_not_told_are_one() -> None:
    world, alice, bob = call()
    for _ in range(10):
        world.tell(silent(alice.transport), heard(alice.transport, 600))
    world.tell(on(alice.transport, "turn-udp", 3478))
    world.tell(on(alice.transport, "turn-tls", 443))
    assert not changes(bob)
    world.wait(4, alice, bob)
    assert [(m["from"], m["to"]) for m in changes(bob)] == [("direct", "turn-tls")]


def test_the_engines_round_trips_before_the_clients() -> None:
    world, alice, bob = call()
    number = alice.transport

    def stats(packets: int, rtt: float | None) -> None:
        world.tell(e.TransportStats(number, e.Stats(packets_received=packets, path_rtt_ms=rtt)))
        world.wait(2, alice, bob)

    def report(rtt: float) -> None:
        alice.request("ping", sent=1.0, connection={"candidateType": "host", "rttMs": rtt})

    for rtt in (180.0, 30.0, 31.0):
        report(rtt)
        world.wait(2, alice, bob)
    assert alice.events("connection")[-1]["connection"]["rttMs"] == 30.0
    stats(1, 12.0)
    report(90.0)
    stats(2, None)
    assert bob.events("connection")[-1]["connection"]["rttMs"] == 12.0
    world.tell(on(number, "turn-udp", 3478))
    stats(3, 12.5)  # Begun on the pair before: not counted.
    assert bob.events("connection")[-1]["connection"]["rttMs"] is None
    stats(4, 20.0)
    last = bob.events("connection")[-1]["connection"]
    assert (last["rttMs"], last["addedLatencyMs"]) == (20.0, 8.0)


def test_another_network_has_another_reference() -> None:
    world, alice, _ = call()
    number = alice.transport
    world.tell(e.TransportStats(number, e.Stats(packets_received=1, path_rtt_ms=5.0)))
    world.tell(on(number, "turn-udp", 3478, "203.0.113.9"))
    for packets in (2, 3):
        world.tell(e.TransportStats(number, e.Stats(packets_received=packets, path_rtt_ms=60.0)))
        world.wait(2, alice)
    assert alice.events("connection")[-1]["connection"]["addedLatencyMs"] is None


def test_silence_without_beats_is_told_from_statistics_with_its_gap() -> None:
    world, alice, bob = call()
    number = alice.transport
    for received in (10, 10, 10, 10):
        world.tell(e.TransportStats(number, e.Stats(packets_received=received)))
        world.wait(2, alice, bob)
    assert told(bob) == [("interrupted", "direct")]
    open_bridge(alice)
    alice.connect("turn-udp", 3478)
    (fall,) = changes(bob)
    assert (fall["why"], fall["gapMs"]) == ("path-lost", 8000.0)


def test_only_news_makes_a_path_worth_describing() -> None:
    report, now = PathReport(), Moment(100.0, 1e9)
    report.handle_path(1, e.Path("direct", 20_000, "198.51.100.7", 5000), now)
    report.handle_connected(1, now)

    def news(packets: int, rtt: float | None) -> bool:
        report.changed = False
        report.handle_stats(1, e.Stats(packets_received=packets, path_rtt_ms=rtt), now)
        return report.changed

    assert report.changed
    assert [news(10, 12.0), news(20, 12.0), news(30, None), news(40, 12.5)] == [
        True,
        False,
        False,
        True,
    ]
    assert [news(40, None), news(40, None), news(40, None)] == [False, False, True]
    assert report.state == "interrupted"


def test_silence_of_what_nobody_knows_is_ignored() -> None:
    world, alice, bob = call()
    world.tell(silent(4711), heard(4711, 900))
    world.holding = True
    alice.request("offer", offer=PUBLISHER, tracks=[])
    opened = next(
        command for command in world.core.take_commands() if isinstance(command, c.OpenTransport)
    )
    world.tell(silent(opened.transport))
    assert not alice.events("pathSilent")
    assert not told(bob)
