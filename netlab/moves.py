"""The rows of the lab in which the network changes under a running call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from netlab.browser import ChromiumPage
from netlab.firewall import CUT_TCP, MEND_TCP, Firewall
from netlab.namespaces import LabError
from netlab.people import OBSERVING, Scene, Someone, now_ms, start_server
from netlab.scenarios import DIRECT, TURN_TLS, TURN_UDP

OUTAGE_S = 10.0
SWITCH_TAKES_S = 0.3
KILLS = 15
KILL_TAKES_S = 10.0
NEWCOMERS_WITHIN_S = 60.0
FEW = 2
"""Movers in a call that must not be interrupted at all: more of them are heard on two cores."""
SOME = 3
"""The same, where nobody's media moves and no page is opened meanwhile."""
CALM_BEFORE_S = 5.0
"""From when pages were opened, which takes both cores, until what happens to the call is judged."""


@dataclass(frozen=True)
class Step:
    """One change, and what must come of it."""

    name: str
    act: Callable[[Scene], float | None]
    """Makes it. Returns the time of its end (ms since 1970) if only what comes after that is judged."""
    tiers: frozenset[str]
    """Of these must the tier be at the end."""
    gap_ms: float
    """The longest silence in either direction, at most."""
    aim_ms: float | None = None
    """What we want it to be."""
    lost: int | None = None
    """So many audio packets may be lost in either direction; None: any number."""
    reach_s: float = 20.0
    """So long may it take until the tier is reached and media flows."""
    prepare: Callable[[Scene], None] = lambda _: None
    """Done before: what is no part of the change, but costs the machine enough to be heard."""


@dataclass(frozen=True)
class Move:
    """One call and the changes it goes through, each a row of the report."""

    steps: tuple[Step, ...]
    firewall: Firewall = Firewall.OPEN
    """What the movers join through."""
    side_by_side: int = 5
    """So many movers may be in one call at a time."""
    quick: bool = False
    """The first step is part of `make test`, with Chromium."""


def firewall(rules: Firewall) -> Callable[[Scene], None]:
    """Put other rules into the movers' router."""
    return lambda scene: scene.site.set_firewall(rules)


def change_address(scene: Scene) -> None:
    """Another address on the same interface, which stays up: a new lease, a VPN, a NAT64 prefix."""
    client = scene.site.client
    old = _address(scene, "eth0")
    host, _, prefix = old.partition("/")
    head, _, last = host.rpartition(".")
    client.ip("addr", "flush", "dev", "eth0")
    client.ip("addr", "add", f"{head}.{int(last) + 1}/{prefix}", "dev", "eth0")
    client.ip("route", "replace", "default", "via", scene.site.gateway)


def go_mobile(scene: Scene) -> None:
    """Out of the Wi-Fi's reach: its interface goes down, and after a moment mobile data is there.

    Another interface, another address, another default route.
    """
    client, mobile = scene.site.client, scene.uplink
    client.ip("link", "set", "eth0", "down")
    scene.wait(SWITCH_TAKES_S)
    client.ip("link", "set", mobile.device, "up")
    client.ip("addr", "add", mobile.address, "dev", mobile.device)
    client.ip("route", "replace", "default", "via", mobile.gateway)


def lose_everything(scene: Scene) -> float:
    """Nothing gets through for a while, though the interface stays up."""
    scene.site.set_firewall(Firewall.NOTHING)
    scene.wait(OUTAGE_S)
    scene.site.set_firewall(Firewall.OPEN)
    return now_ms()


def unplug(scene: Scene) -> float:
    """The interface goes down for a while, as in a lift or a tunnel."""
    client = scene.site.client
    client.ip("link", "set", "eth0", "down")
    scene.wait(OUTAGE_S)
    client.ip("link", "set", "eth0", "up")
    client.ip("route", "replace", "default", "via", scene.site.gateway)
    return now_ms()


def kill_signaling(scene: Scene) -> None:
    """Reset the movers' TCP connections again and again: every 20 s when the call settles for 60."""
    for _ in range(KILLS):
        begun = time.monotonic()
        before = [mover.do("moving.sockets") for mover in scene.movers]
        scene.site.router.nft(CUT_TCP)
        # Each mover sends twice a second, so each connection is reset within a second.
        killed = scene.wait_until(
            lambda: all(mover.do("moving.room.state") != "connected" for mover in scene.movers),
            KILL_TAKES_S,
        )
        scene.site.router.nft(MEND_TCP)
        if not killed:
            raise LabError(f"signaling connections outlived a reset: {before}")
        scene.wait(max(0.0, scene.settle_s / 3 - (time.monotonic() - begun)))


def expect_newcomers(scene: Scene) -> None:
    """Open the pages of those who join after the change."""
    browser = scene.another_browser()
    old = scene.servers[0]
    scene.newcomers = [Someone(ChromiumPage(browser), old, n) for n in (OBSERVING, 1)]
    scene.wait(CALM_BEFORE_S)


def drain(scene: Scene) -> None:
    """The operator starts a new version: the old process drains, the new one takes who joins."""
    scene.servers[0].drain()
    # On a host without a processor to spare, its start would be heard in the calls.
    new = start_server(scene.lab, yields=True)
    scene.servers.append(new)
    for each in scene.newcomers:
        each.join(new, "after", 1)
    observer, newcomer = scene.newcomers
    call = replace(scene, servers=[new], observer=observer, movers=[newcomer])
    if not call.wait_until(lambda: call.fresh(newcomer), NEWCOMERS_WITHIN_S):
        raise LabError(f"no media through the new process: {newcomer.do('moving.told')}")
    for each in scene.newcomers:
        each.client.close()


def _address(scene: Scene, device: str) -> str:
    return scene.site.client.ip("-o", "-4", "addr", "show", "dev", device).split()[3]


MOVES = [
    Move(
        (
            Step("media-ports-blocked", firewall(Firewall.NO_MEDIA_PORTS), TURN_UDP, 3000, 1500),
            Step("3478-blocked-too", firewall(Firewall.NO_UDP), TURN_TLS, 3000, 1500),
            Step("opened-again", firewall(Firewall.OPEN), DIRECT, 200, lost=0, reach_s=30),
        ),
        side_by_side=FEW,
        quick=True,
    ),
    Move(
        (
            Step(
                "media-ports-blocked-upwards",
                firewall(Firewall.NO_MEDIA_PORTS_UP),
                TURN_UDP,
                3000,
                1500,
            ),
        )
    ),
    Move((Step("address-changed", change_address, DIRECT, 2000),)),
    Move((Step("wifi-to-mobile", go_mobile, DIRECT, 2000),)),
    Move((Step("no-network-for-10-s", lose_everything, DIRECT, 2000, reach_s=40),)),
    Move((Step("unplugged-for-10-s", unplug, DIRECT, 2000, reach_s=40),)),
    Move((Step("signaling-killed", kill_signaling, DIRECT, 200, lost=0),), side_by_side=SOME),
    Move(
        (Step("drained-direct", drain, DIRECT, 200, lost=0, prepare=expect_newcomers),),
        side_by_side=FEW,
    ),
    Move(
        (Step("drained-turn-udp", drain, TURN_UDP, 200, lost=0, prepare=expect_newcomers),),
        Firewall.NO_MEDIA_PORTS,
        side_by_side=FEW,
    ),
    Move(
        (Step("drained-turn-tls", drain, TURN_TLS, 200, lost=0, prepare=expect_newcomers),),
        Firewall.NO_UDP,
        side_by_side=FEW,
    ),
]
