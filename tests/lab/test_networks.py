"""The lab's networks are what their names say, without any server of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from netlab.firewall import Firewall
from netlab.link import Conditions
from netlab.namespaces import require_privilege
from netlab.nat import Nat
from netlab.topology import SERVER_V4, Lab, Site

ECHO = """
import select, socket, sys
sockets = []
for port in map(int, sys.argv[1:]):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", port)); sockets.append(s)
print("ready", flush=True)
while True:
    for s in select.select(sockets, [], [])[0]:
        _, client = s.recvfrom(2048)
        s.sendto(f"{client[0]}:{client[1]}".encode(), client)
"""
ASK = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
for port in map(int, sys.argv[2:]):
    begun = time.perf_counter()
    s.sendto(b"?", (sys.argv[1], port))
    try:
        print(s.recv(2048).decode(), round(1000 * (time.perf_counter() - begun)))
    except TimeoutError:
        print("-", 0)
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_privilege()
    with Lab(f"rn{os.getpid()}") as made:
        echo = made.server.start(
            [sys.executable, "-c", ECHO, "3478", "20000", "20001"], stdout=subprocess.PIPE
        )
        assert echo.stdout is not None
        assert echo.stdout.readline() == b"ready\n"
        yield made


def ask(site: Site, *ports: int) -> list[tuple[str, int]]:
    """Where the server sees one socket of the client, port by port, and the round trip in ms."""
    command = site.client.command([sys.executable, "-c", ASK, SERVER_V4, *map(str, ports)])
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [(a, int(ms)) for a, ms in (line.split() for line in done.stdout.splitlines())]


def test_endpoint_independent_mapping_keeps_the_port(lab: Lab) -> None:
    site = lab.site(Nat.ENDPOINT_INDEPENDENT, conditions=Conditions(delay_ms=1))
    seen = [address for address, _ in ask(site, 20000, 20001, 3478)]
    assert len(set(seen)) == 1
    assert seen[0].startswith("198.51.100.")


def test_address_and_port_dependent_mapping_changes_it(lab: Lab) -> None:
    site = lab.site(Nat.ADDRESS_AND_PORT_DEPENDENT, conditions=Conditions(delay_ms=1))
    assert len({address for address, _ in ask(site, 20000, 20001, 3478)}) == 3


def test_firewalls_drop_what_they_name(lab: Lab) -> None:
    site = lab.site(firewall=Firewall.NO_MEDIA_PORTS, conditions=Conditions(delay_ms=1))
    answers = [address for address, _ in ask(site, 20000, 3478)]
    assert answers[0] == "-"
    assert answers[1] != "-"
    site.set_firewall(Firewall.NO_UDP)
    assert ask(site, 3478) == [("-", 0)]
    site.set_firewall(Firewall.OPEN)
    assert ask(site, 20000)[0][0] != "-"


def test_a_link_delays_by_what_it_was_told(lab: Lab) -> None:
    site = lab.site(conditions=Conditions(delay_ms=25))
    for _, milliseconds in ask(site, 20000, 20000, 20000)[1:]:
        assert milliseconds >= 50
