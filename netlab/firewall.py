"""Firewalls in front of a site. A rule set is loaded into the site's router."""

from __future__ import annotations

from enum import Enum


class Firewall(Enum):
    """What a site's network lets through to the internet. What is dropped is dropped both ways."""

    OPEN = "open"
    """Everything."""
    NO_MEDIA_PORTS = "UDP 10000-60000 dropped"
    """UDP 3478 and TCP are open."""
    NO_MEDIA_PORTS_UP = "UDP 10000-60000 dropped on the way out"
    """What the server sends to a running call goes on coming in."""
    NO_UDP = "all UDP dropped, TCP 443 open"
    """Dropped without a word, as most corporate firewalls do."""
    PROXY_ONLY = "everything rejected but the HTTP proxy"
    """Nothing is routed; the proxy listens on the router itself."""
    NOTHING = "everything dropped"
    """No network at all, though the cable is in."""


_FORWARD = {
    Firewall.OPEN: "",
    Firewall.NO_MEDIA_PORTS: """
        iifname "lan" udp dport 10000-60000 drop
        oifname "lan" udp sport 10000-60000 drop
    """,
    Firewall.NO_MEDIA_PORTS_UP: 'iifname "lan" udp dport 10000-60000 drop',
    Firewall.NO_UDP: """
        iifname "lan" tcp dport 443 accept
        oifname "lan" tcp sport 443 accept
        drop
    """,
    Firewall.PROXY_ONLY: """
        iifname "lan" meta l4proto tcp reject with tcp reset
        iifname "lan" reject
    """,
    Firewall.NOTHING: "drop",
}


def rules(firewall: Firewall) -> str:
    """The nftables rule set; it replaces the one before, and open connections are judged anew."""
    return f"""
table inet firewall
delete table inet firewall
table inet firewall {{
    chain forward {{
        type filter hook forward priority filter;
        {_FORWARD[firewall]}
    }}
}}
"""


CUT_TCP = """
table inet cut
delete table inet cut
table inet cut {
    chain forward {
        type filter hook forward priority -10;
        tcp dport 443 reject with tcp reset
    }
}
"""
"""Ends every TCP connection to port 443 and lets no other begin; it comes before the firewall."""

MEND_TCP = """
table inet cut
delete table inet cut
"""
