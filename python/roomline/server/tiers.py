"""Which tiers a server has, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roomline.server.server import Server

HTTPS_PORT = 443
"""What networks let through that let nothing else through."""


@dataclass(frozen=True)
class OpenTier:
    """One rung of the ladder, as this server has it."""

    name: Literal["direct", "turn-udp", "turn-tls"]
    protocol: Literal["UDP", "TCP"]
    ports: str
    """A port, a range `FIRST-LAST`, or words."""
    note: str

    def __str__(self) -> str:
        return f"{self.name:<9} {self.protocol} {self.ports:<12} {self.note}"


def tiers(server: Server) -> list[OpenTier]:
    """The tiers of a server, best first."""
    media, https = server.settings.media.ports, server.engine.https_port
    # The system's choice of a port is known to the engine alone.
    ports = str(media) if media.first else "a free port"
    beside = "relay over TLS" if server.mounted else "relay over TLS, beside HTTPS"
    return [
        OpenTier("direct", "UDP", ports, "no extra latency"),
        OpenTier("turn-udp", "UDP", str(server.engine.turn_port), "relay in memory"),
        OpenTier("turn-tls", "TCP", str(https), beside),
    ]


def caveats(server: Server) -> list[str]:
    """What keeps tier 3 from some networks or browsers, each in a sentence."""
    found = []
    port = server.engine.https_port
    if server.mounted and port != HTTPS_PORT:
        found.append(
            f"Tier 3 is on {port}: networks that open nothing but 443 need it there, "
            "on an address of its own (settings `bind`, `https.port`)."
        )
    if server.mounted and server.certificate.is_local:
        found.append(
            "Tier 3 works only where its certificate is trusted: set `tls.cert` and `tls.key`, "
            f"or import {server.state.ca_file}."
        )
    return found
