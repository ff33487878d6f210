"""Noise, damage and forgery at the UDP listeners: counted, nothing kept, the call goes on."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator

import pytest
from hostile import stun
from hostile.flood import Outcome, Strangers, forge
from hostile.server import HOST, Barrier, Call, Server, wait_until
from hostile.traffic import (
    COUNT,
    checks,
    dtls_noise,
    mutated,
    random_datagrams,
    turn_messages,
)

COUNTED = 0.98
"""Share of what was sent that the counters must account for; the kernel may lose the rest."""


@pytest.fixture
def strangers() -> Iterator[Strangers]:
    made = Strangers()
    yield made
    made.close()


def username(call: Call) -> str:
    """USERNAME of the first peer's checks: it is sent in the clear."""
    message = stun.Message.parse(call.captured("stun")[0].data)
    return (message.get(stun.USERNAME) or b"").decode()


def originals(rng: random.Random, call: Call, server: Server) -> list[bytes]:
    """Real messages of every kind."""
    captured = [one.data for one in call.captured("stun", "rtp", "rtcp")]
    dtls = [one.data for one in call.captured("dtls")]
    user = f"4102444800:{rng.randrange(2**64)}"
    check = checks(username(call))
    return [*captured, *dtls_noise(rng, dtls), *turn_messages(rng, user), *check]


def attack(
    server: Server,
    call: Call,
    target: stun.Address,
    strangers: Strangers,
    barrier: Barrier,
    *,
    seed: int,
) -> tuple[int, Outcome]:
    """Random and damaged datagrams. Returns how many were dropped, and what was sent."""
    rng = random.Random(seed)
    real = originals(rng, call, server)
    before = server.drops().total()
    total = Outcome()
    for half in (1, 2):
        count = COUNT // 2

        def send(count: int = count) -> None:
            for traffic in (random_datagrams(rng, count), mutated(rng, real, count)):
                outcome = strangers.flood(target, traffic, barrier)
                total.sent += outcome.sent
                total.answered += outcome.answered
                total.media += outcome.media

        if half == 1:
            send()
        else:
            with server.flat():
                send()
    return server.drops().total() - before, total


def test_the_turn_port_counts_or_answers_what_it_gets(
    server: Server, call: Call, strangers: Strangers, barrier: Barrier
) -> None:
    target = (HOST, server.turn_port)
    allocations = server.metrics()["roomline_allocations_made_total", ""]
    dropped, outcome = attack(server, call, target, strangers, barrier, seed=1)
    assert outcome.sent == 2 * COUNT
    assert outcome.media == 0
    assert dropped + outcome.answered >= COUNTED * outcome.sent
    assert dropped <= outcome.sent * 1.01
    assert server.metrics()["roomline_allocations_made_total", ""] == allocations


def test_a_media_port_of_a_running_call_counts_what_it_gets(
    server: Server, call: Call, strangers: Strangers, barrier: Barrier
) -> None:
    dropped, outcome = attack(server, call, call.media_address(), strangers, barrier, seed=2)
    assert outcome.sent == 2 * COUNT
    assert outcome.media == 0
    assert COUNTED * outcome.sent <= dropped <= outcome.sent * 1.01


def test_plain_bindings_to_a_media_port_are_answered_or_counted(
    server: Server, call: Call, strangers: Strangers, barrier: Barrier
) -> None:
    question = stun.build(stun.BINDING, [])
    before = server.drops()
    answered = server.metrics()["roomline_bindings_answered_total", ""]
    outcome = strangers.flood(call.media_address(), [question] * COUNT, barrier)
    assert outcome.media == 0
    assert 0 < outcome.answered <= COUNT

    def counted() -> bool:
        refused = server.drops()["too-many-bindings"] - before["too-many-bindings"]
        told = server.metrics()["roomline_bindings_answered_total", ""] - answered
        return refused + told >= COUNTED * outcome.sent

    wait_until(counted, "counted")
    call.assert_undisturbed()


def test_checks_without_the_password_are_refused(
    server: Server, call: Call, strangers: Strangers, barrier: Barrier
) -> None:
    before = server.drops()
    outcome = strangers.flood(call.media_address(), checks(username(call)) * 20, barrier)
    assert outcome.media == 0
    # The last kind names a transport that does not exist.
    wait_until(lambda: server.drops()["bad-check"] - before["bad-check"] == 80, "counted")
    assert server.drops()["unknown-transport"] - before["unknown-transport"] == 20


def test_replayed_nominations_lead_no_media_away(
    server: Server, call: Call, strangers: Strangers, barrier: Barrier
) -> None:
    """Somebody on the way has copied authentic checks and sends them from elsewhere."""
    copied = call.captured("stun")
    target = call.media_address()
    nominations = [
        one.data
        for one in copied
        if one.target == target and stun.Message.parse(one.data).get(stun.USE_CANDIDATE) is not None
    ]
    assert nominations
    outcome = strangers.flood(target, nominations * 50, barrier)
    call.assert_undisturbed()
    later = strangers.flood(target, [b""], barrier)
    assert outcome.media + later.media == 0


def test_replayed_media_from_elsewhere_is_dropped(
    server: Server, call: Call, strangers: Strangers, barrier: Barrier
) -> None:
    before = server.drops()["unchecked-pair"]
    packets = [one.data for one in call.captured("rtp", "rtcp", "dtls")]
    target = call.media_address()
    outcome = strangers.flood(target, packets, barrier)
    assert outcome.answered == 0
    wait_until(
        lambda: server.drops()["unchecked-pair"] - before == outcome.sent, "each is counted once"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="forging a source address needs root")
def test_forged_packets_on_the_pair_of_the_call_are_dropped(
    server: Server, call: Call, barrier: Barrier
) -> None:
    """The source address is the peer's own: only cryptography tells them apart."""
    rng = random.Random(3)
    first = call.captured("rtp")[0]
    media = [one.data for one in call.captured("rtp", "rtcp")]
    records = [one.data for one in call.captured("dtls") if one.source == first.source]
    before = server.drops()
    sent = [
        *media[:40],
        *mutated(rng, media, 1000),
        *dtls_noise(rng, records),
        *mutated(rng, dtls_noise(rng, records), 2000),
        *random_datagrams(rng, 1000),
    ]
    for number, data in enumerate(sent):
        forge(first.source, first.target, data)
        if number % 200 == 0:
            barrier.wait()
    barrier.wait()
    now = server.drops()
    assert now["srtp-replay"] > before["srtp-replay"]
    assert now["srtp-auth"] - before["srtp-auth"] >= 500


def test_unauthenticated_answers_are_no_larger_than_the_question(
    server: Server, strangers: Strangers, barrier: Barrier
) -> None:
    """What a relay answers to strangers can be aimed at a victim."""
    request = stun.build(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP)])
    outcome = strangers.flood((HOST, server.turn_port), [request] * 4000, barrier)
    assert outcome.answered <= outcome.sent
    assert re.search("roomline_drops_total", server.get("/metrics")[1])
