"""The place for measuring is as described, and goes away again. Needs what the lab needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import ethtool
from bench.topology import (
    CLIENT_CORE,
    DEVICE,
    SERVER_V4,
    Topology,
    client_core,
    inside,
    require_machine,
)

SERVE = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("{SERVER_V4}", 5000))
print("ready", flush=True)
s.sendto(*s.recvfrom(2048))
"""
ASK = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(b"hello", ("{SERVER_V4}", 5000))
print(s.recv(2048).decode(), end="")
"""


def rps() -> set[str]:
    queues = Path(f"/sys/class/net/{DEVICE}/queues")
    return {p.read_text().strip().strip("0,") for p in queues.glob("rx-*/rps_cpus")}


@pytest.fixture(autouse=True)
def _machine() -> None:
    require_machine()


@pytest.mark.parametrize("segmentation", [False, True])
def test_a_cable_without_offloads_but_those_asked_for(segmentation: bool) -> None:
    with Topology(f"rt{os.getpid()}", segmentation=segmentation) as place:
        for host in (place.server, place.client):
            told = inside(host, lambda: ethtool.features(DEVICE))
            assert told["tx-udp-segmentation"] is segmentation
            assert told["rx-gro"] is False
            assert inside(host, rps) <= {""}


def test_the_two_hosts_reach_each_other() -> None:
    with Topology(f"rt{os.getpid()}") as place:
        server = place.server.start([sys.executable, "-c", SERVE], stdout=subprocess.PIPE)
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        asked = subprocess.run(
            place.client.command([sys.executable, "-c", ASK]), capture_output=True, check=True
        )
        assert asked.stdout == b"hello"


def interrupted(place: Topology) -> None:
    with place:
        raise KeyboardInterrupt


def test_nothing_is_left_behind() -> None:
    limits = Path("/proc/sys/net/core/rmem_max").read_text()
    place = Topology(f"rt{os.getpid()}")
    with pytest.raises(KeyboardInterrupt):
        interrupted(place)
    assert not place.server.path.exists()
    assert not place.client.path.exists()
    assert not place.folder.exists()
    assert Path("/proc/sys/net/core/rmem_max").read_text() == limits


def test_whoever_measures_stays_on_the_client_s_core() -> None:
    before = os.sched_getaffinity(0)
    with client_core():
        assert os.sched_getaffinity(0) == {CLIENT_CORE}
    assert os.sched_getaffinity(0) == before
