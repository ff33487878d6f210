"""TURN credentials bound to one participant: the de-facto "TURN REST" form.

The user name is `EXPIRY:NUMBER`, the password base64(HMAC-SHA1(secret, user name)); the TURN server
checks them without asking anybody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from roomline.protocol import IceServer
from roomline.signaling.config import SignalingConfig, TurnAddress


def ice_servers(
    config: SignalingConfig, participant: int, unix: float
) -> tuple[list[IceServer], int]:
    """What `setConfiguration` takes, and when it expires in ms since 1970.

    `participant` is the number the engine knows it by; `unix` is now, in seconds.
    """
    expiry = int(unix + config.ice_server_lifetime)
    username = f"{expiry}:{participant}"
    # SHA-1 is what TURN servers and clients agree on here (RFC 8489, long-term credentials).
    digest = hmac.new(config.turn_secret, username.encode(), hashlib.sha1).digest()
    server = IceServer(
        urls=turn_urls(config.turn),
        username=username,
        credential=base64.b64encode(digest).decode(),
    )
    return [server], expiry * 1000


def turn_urls(turn: TurnAddress) -> list[str]:
    """URLs of the relay tiers, best first (RFC 7065).

    The plain TCP listener is not among them. On a short path a relay over TCP can connect before
    the one over UDP, and Chromium then stops gathering and stays on it.
    """
    hosts = [f"[{host}]" if ":" in host else host for host in turn.hosts]
    return [
        *(f"turn:{host}:{turn.port}?transport=udp" for host in hosts),
        f"turns:{turn.name}:{turn.tls_port}?transport=tcp",
    ]
