"""The networks of the lab.

                        the internet                         a site (one per client)
    server ──cable── [ net ] ──link: delay, loss── [ router: NAT, firewall, DNS ] ──cable── client

Addresses are from the ranges for documentation (RFC 5737, RFC 3849). A server behind a 1:1 NAT has
one more router on its side.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from netlab import firewall as firewalls
from netlab import nat as nats
from netlab.firewall import Firewall
from netlab.link import Conditions, Link
from netlab.namespaces import LabError, Namespace, connect
from netlab.nat import Nat

SERVER_NAME = "meet.roomline.test"
SERVER_V4 = "203.0.113.10"
SERVER_V6 = "2001:db8:1::10"
PRIVATE_SERVER_V4 = "10.0.0.10"
PROXY_PORT = 8888


@dataclass
class Site:
    """A client's network."""

    client: Namespace
    router: Namespace
    link: Link
    gateway: str
    """The router's inner address: DNS server, and proxy if there is one."""

    def set_firewall(self, firewall: Firewall) -> None:
        """Replace the firewall's rules; they hold for packets of running flows too."""
        self.router.nft(firewalls.rules(firewall))

    def start_proxy(self, folder: Path) -> str:
        """Start tinyproxy on the router and return its URL. It connects to TCP 443 alone."""
        self.router.resolver = self.gateway
        config = folder / f"{self.router.name}.tinyproxy.conf"
        config.write_text(
            f"Port {PROXY_PORT}\nListen {self.gateway}\nMaxClients 100\nTimeout 600\n"
            "ConnectPort 443\nLogLevel Warning\n"
        )
        self.router.start(
            ["tinyproxy", "-d", "-c", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return f"http://{self.gateway}:{PROXY_PORT}"


@dataclass(frozen=True)
class Uplink:
    """How a client reaches its router: device, address and next hop. All of IPv4."""

    device: str
    address: str
    """With the length of its prefix."""
    gateway: str


class Lab:
    """Everything that one run needs. Use it in a `with` statement."""

    def __init__(self, name: str, *, ipv6: bool = False, server_nat: bool = False) -> None:
        self._name = name
        self._ipv6 = ipv6
        self._server_nat = server_nat
        self._sites = 0
        self._namespaces: list[Namespace] = []
        self._links: list[Link] = []
        self._folder = tempfile.TemporaryDirectory(prefix="roomline-lab-")
        self.folder = Path(self._folder.name)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _build(self) -> None:
        self.internet = self._router("net")
        self.server = self._namespace("srv")
        if self._server_nat:
            self._connect_server_behind_nat()
        else:
            connect(self.internet, "srv", self.server, "eth0")
            self._address(self.internet, "srv", "203.0.113.1/24", "2001:db8:1::1/64")
            self._address(self.server, "eth0", f"{SERVER_V4}/24", f"{SERVER_V6}/64")
            self._default_route(self.server, "203.0.113.1", "2001:db8:1::1")
        self.server.resolver = None

    def _connect_server_behind_nat(self) -> None:
        router = self._router("srvnat")
        connect(self.internet, "srv", router, "wan")
        connect(router, "lan", self.server, "eth0")
        self._address(self.internet, "srv", "203.0.113.1/24", "2001:db8:1::1/64")
        self._address(router, "wan", f"{SERVER_V4}/24", "2001:db8:1::2/64")
        self._address(router, "lan", "10.0.0.1/24", "2001:db8:2::1/64")
        self._address(self.server, "eth0", f"{PRIVATE_SERVER_V4}/24", f"{SERVER_V6}/64")
        self._default_route(router, "203.0.113.1", "2001:db8:1::1")
        self._default_route(self.server, "10.0.0.1", "2001:db8:2::1")
        router.nft(nats.one_to_one(SERVER_V4, PRIVATE_SERVER_V4))

    def site(
        self,
        nat: Nat = Nat.NONE,
        firewall: Firewall = Firewall.OPEN,
        conditions: Conditions | None = None,
    ) -> Site:
        """Add a client's network."""
        self._sites += 1
        i = self._sites
        router, client = self._router(f"r{i}"), self._namespace(f"c{i}")
        link = Link(
            (self.internet, f"site{i}"), (router, "wan"), conditions or Conditions(), seed=i
        )
        self._links.append(link)
        self._address(
            self.internet, f"site{i}", f"198.51.100.{4 * i + 1}/30", f"2001:db8:{i}00::1/64"
        )
        self._address(router, "wan", f"198.51.100.{4 * i + 2}/30", f"2001:db8:{i}00::2/64")
        self._default_route(router, f"198.51.100.{4 * i + 1}", f"2001:db8:{i}00::1")
        connect(router, "lan", client, "eth0")
        gateway = self._connect_client(i, nat, router, client)
        rules = nats.rules(nat)
        if rules:
            router.nft(rules)
        made = Site(client, router, link, gateway)
        made.set_firewall(firewall)
        self._serve_names(made)
        return made

    def uplink(self, site: Site) -> Uplink:
        """A second cable between a site's client and its router, unplugged at the client.

        It has public addresses, whatever NAT the site has.
        """
        self._sites += 1
        net = 8 * self._sites
        router, device = f"lan{self._sites}", f"eth{self._sites}"
        connect(site.router, router, site.client, device)
        site.client.ip("link", "set", device, "down")
        site.router.ip("addr", "add", f"192.0.2.{net + 1}/29", "dev", router)
        wan = site.router.ip("-o", "-4", "addr", "show", "dev", "wan").split()[3].partition("/")[0]
        self.internet.ip("route", "add", f"192.0.2.{net}/29", "via", wan)
        return Uplink(device, f"192.0.2.{net + 2}/29", f"192.0.2.{net + 1}")

    def _connect_client(self, i: int, nat: Nat, router: Namespace, client: Namespace) -> str:
        if nat is Nat.NONE:
            gateway, host = f"192.0.2.{8 * i + 1}", f"192.0.2.{8 * i + 2}"
            prefix = 29
            if not self._ipv6:
                self.internet.ip(
                    "route", "add", f"192.0.2.{8 * i}/29", "via", f"198.51.100.{4 * i + 2}"
                )
        else:
            gateway, host, prefix = f"192.168.{i}.1", f"192.168.{i}.2", 24
        inner = f"2001:db8:{i}01::"
        self._address(router, "lan", f"{gateway}/{prefix}", f"{inner}1/64")
        self._address(client, "eth0", f"{host}/{prefix}", f"{inner}2/64")
        self._default_route(client, gateway, f"{inner}1")
        if self._ipv6:
            self.internet.ip("-6", "route", "add", f"{inner}/64", "via", f"2001:db8:{i}00::2")
            return f"{inner}1"
        return gateway

    def _serve_names(self, site: Site) -> None:
        site.client.resolver = site.gateway
        address = SERVER_V6 if self._ipv6 else SERVER_V4
        process = site.router.start(
            [sys.executable, "-m", "netlab.dns", site.gateway, f"{SERVER_NAME}={address}"],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        if process.stdout.readline().strip() != b"ready":
            raise LabError(f"the DNS server at {site.gateway} did not start")

    def _namespace(self, role: str) -> Namespace:
        made = Namespace.create(f"{self._name}-{role}", self.folder)
        self._namespaces.append(made)
        return made

    def _router(self, role: str) -> Namespace:
        made = self._namespace(role)
        made.sysctl("net.ipv4.ip_forward", "1")
        made.sysctl("net.ipv6.conf.all.forwarding", "1")
        return made

    def _address(self, host: Namespace, device: str, v4: str, v6: str) -> None:
        host.ip("addr", "add", v6 if self._ipv6 else v4, "dev", device)

    def _default_route(self, host: Namespace, v4: str, v6: str) -> None:
        family = "-6" if self._ipv6 else "-4"
        host.ip(family, "route", "add", "default", "via", v6 if self._ipv6 else v4)

    def close(self) -> None:
        """Remove every namespace, link and program of this lab."""
        for link in self._links:
            link.close()
        for namespace in reversed(self._namespaces):
            namespace.close()
        self._links.clear()
        self._namespaces.clear()
        self._folder.cleanup()
