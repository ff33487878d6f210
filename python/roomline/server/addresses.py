"""Which addresses of this machine clients can reach."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

Address = IPv4Address | IPv6Address

_SIOCGIFADDR = 0x8915
_IFA_F_TEMPORARY = 0x01
_IFA_F_DEPRECATED = 0x20

# Nothing is sent to these: connecting a UDP socket only asks for the route (RFC 5737, RFC 3849).
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def discover() -> list[Address]:
    """Addresses to tell clients: those of the default routes, IPv4 before IPv6.

    Without a default route every address of the machine, and the loopback address when there is
    nothing else. Bridges of containers are so left out: no client is behind them.
    """
    preferred = [a for family in _ELSEWHERE if (a := _source_address(family)) is not None]
    every = dict.fromkeys([*_ipv4_addresses(), *_ipv6_addresses()])
    usable = _usable(preferred) or _usable(every)
    return usable or [IPv4Address("127.0.0.1")]


def _usable(addresses: Iterable[Address]) -> list[Address]:
    return [a for a in addresses if not (a.is_loopback or a.is_link_local or a.is_unspecified)]


def has_ipv6() -> bool:
    """Whether the kernel has IPv6 at all."""
    return Path("/proc/net/if_inet6").exists()


def _source_address(family: socket.AddressFamily) -> Address | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_ELSEWHERE[family], 9))
            return ipaddress.ip_address(probe.getsockname()[0])
    except OSError:
        return None


def _ipv4_addresses() -> list[Address]:
    found: list[Address] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue
            found.append(IPv4Address(answer[20:24]))
    return found


def _ipv6_addresses() -> list[Address]:
    try:
        lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    found: list[Address] = []
    for line in lines:
        digits, _, _, _, flags, _ = line.split()
        if not int(flags, 16) & (_IFA_F_TEMPORARY | _IFA_F_DEPRECATED):
            found.append(IPv6Address(bytes.fromhex(digits)))
    return found
