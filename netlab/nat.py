"""NAT routers by their RFC 4787 names.

A rule set is loaded into the router's namespace; `wan` is its outer device and `lan` its inner one.
"""

from __future__ import annotations

from enum import Enum


class Nat(Enum):
    """How a router maps and filters UDP (RFC 4787 sections 4.1 and 5); TCP alike."""

    NONE = "none"
    """Public addresses inside: a router without NAT."""
    ENDPOINT_INDEPENDENT = "endpoint-independent mapping, address-and-port-dependent filtering"
    """One outer port for one inner port, whoever is talked to: BEHAVE-compliant."""
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent mapping and filtering"
    """A new outer port for every destination: not BEHAVE-compliant, once called symmetric."""


_PORTS = {
    # The kernel keeps the inner port wherever it is free, for every destination alike.
    Nat.ENDPOINT_INDEPENDENT: "masquerade persistent",
    # Every connection, and so every destination, gets a random port.
    Nat.ADDRESS_AND_PORT_DEPENDENT: "masquerade fully-random",
}


def rules(nat: Nat) -> str:
    """The nftables rule set of a router of this kind."""
    if nat is Nat.NONE:
        return ""
    return f"""
table ip nat {{
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        oifname "wan" {_PORTS[nat]}
    }}
}}
"""


def one_to_one(public: str, private: str) -> str:
    """A router that owns a public address for one inner host, as clouds do: every port, both ways."""
    return f"""
table ip nat {{
    chain prerouting {{
        type nat hook prerouting priority dstnat;
        ip daddr {public} dnat to {private}
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        ip saddr {private} snat to {public}
    }}
}}
"""
