"""The rows of the lab: a network, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from netlab.firewall import Firewall
from netlab.link import Conditions
from netlab.nat import Nat

MEDIA_PORTS = range(10_000, 60_001)


@dataclass(frozen=True)
class Scenario:
    """One row."""

    name: str
    tiers: frozenset[str]
    """Any of these is right."""
    first_frame_ms: float
    """From `connect()` to the first decoded remote frame, median, at most."""
    added_latency_ms: float | None = None
    """Median ICE RTT over that of a participant on the direct path, at most; None: only reported."""
    nat: Nat = Nat.NONE
    firewall: Firewall = Firewall.OPEN
    proxy: bool = False
    ipv6: bool = False
    server_nat: bool = False
    media_ports: str = "10000-60000"
    conditions: Conditions = field(default_factory=Conditions)
    quick: bool = False
    """Part of `make test`."""


DIRECT = frozenset({"direct"})
TURN_UDP = frozenset({"turn-udp"})
TURN_TLS = frozenset({"turn-tls"})

# An RTT is measured to about a millisecond here: "no added latency" is under 2 ms.
NONE_ADDED_MS = 2.0

SCENARIOS = [
    Scenario("udp-open", DIRECT, 1000, NONE_ADDED_MS, quick=True),
    Scenario("udp-open-ipv6", DIRECT, 1000, NONE_ADDED_MS, ipv6=True),
    Scenario("nat-endpoint-independent", DIRECT, 1000, 2, nat=Nat.ENDPOINT_INDEPENDENT),
    Scenario(
        "nat-address-and-port-dependent",
        DIRECT | TURN_UDP,
        1200,
        50,
        nat=Nat.ADDRESS_AND_PORT_DEPENDENT,
        quick=True,
    ),
    Scenario("udp-3478-only", TURN_UDP, 1200, 50, firewall=Firewall.NO_MEDIA_PORTS, quick=True),
    Scenario("tcp-443-only", TURN_TLS, 1500, firewall=Firewall.NO_UDP, quick=True),
    Scenario(
        "http-proxy-only",
        TURN_TLS,
        3000,
        firewall=Firewall.PROXY_ONLY,
        proxy=True,
        nat=Nat.ENDPOINT_INDEPENDENT,
    ),
    Scenario(
        "tcp-443-only-2-percent-loss",
        TURN_TLS,
        3000,
        firewall=Firewall.NO_UDP,
        conditions=Conditions(loss=0.02),
    ),
    Scenario("one-shared-media-port", DIRECT, 1000, NONE_ADDED_MS, media_ports="30000"),
    Scenario("server-behind-one-to-one-nat", DIRECT, 1000, 2, server_nat=True),
]
