"""What Roomline is measured beside: how each peer is built, pinned, configured, started, joined.

Adapters speak each server's signaling and hand descriptions to and fro between it and the load
client, which knows nothing of any of them.
"""

from bench.peers.contract import (
    Load,
    Participant,
    Place,
    Profile,
    Relay,
    Running,
    RunningRelay,
    Section,
    Sent,
    Sfu,
    Tier,
    Track,
    Via,
)
from bench.peers.galene import Galene
from bench.peers.janus import Janus
from bench.peers.livekit import LiveKit
from bench.peers.relays import Coturn, Pion
from bench.peers.roomline import Roomline

SFUS: tuple[Sfu, ...] = (
    Roomline(),
    LiveKit(),
    Janus(),
    Janus("janus-threads", event_loops=None),
    Galene(),
)
RELAYS: tuple[Relay, ...] = (Coturn(), Pion())
PEERS: dict[str, Sfu | Relay] = {
    **{sfu.name: sfu for sfu in SFUS},
    **{relay.name: relay for relay in RELAYS},
}
"""All of them, by name."""

__all__ = [
    "PEERS",
    "RELAYS",
    "SFUS",
    "Coturn",
    "Galene",
    "Janus",
    "LiveKit",
    "Load",
    "Participant",
    "Pion",
    "Place",
    "Profile",
    "Relay",
    "Roomline",
    "Running",
    "RunningRelay",
    "Section",
    "Sent",
    "Sfu",
    "Tier",
    "Track",
    "Via",
]
