"""TURN servers that stand in front of our own SFU: coturn from Debian, and one on Pion."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.peers.building import HERE, built, go_program, require_debian, say, versions
from bench.peers.contract import Place, Tier, Via
from bench.peers.process import Process, flags, stun_answers, tls_answers
from roomline.certificates import make_ca, make_leaf

PORT = 3479
TLS_PORT = 5349
"""Not those of our own relay, which is up at the same address."""
NAME = "relay.bench"
USER = "bench"

COTURN = """listening-ip={address}
relay-ip={address}
listening-port={port}
tls-listening-port={tls_port}
min-port=20000
max-port=60000
lt-cred-mech
realm=bench
user={user}:{password}
relay-threads=1
cert={folder}/relay.pem
pkey={folder}/relay.key
denied-peer-ip=0.0.0.0-255.255.255.255
allowed-peer-ip={sfu}
no-cli
no-dtls
no-multicast-peers
no-stdout-log
log-file={folder}/coturn.log
simple-log
userdb={folder}/turndb
pidfile={folder}/coturn.pid
"""


@dataclass(frozen=True)
class Coturn:
    """coturn with one relay thread, since it has one core."""

    name: str = "coturn"

    @property
    def version(self) -> str:
        """Of the Debian package."""
        return versions()["coturn"]["version"]

    def build(self, cache: Path) -> None:  # noqa: ARG002 - Debian's package puts it elsewhere
        """Check that Debian's package is there."""
        require_debian("coturn", "turnserver")
        say(f"{self.name}: {self.version} is installed")

    def start(self, place: Place, sfu: str) -> RelayRunning:
        """Start it with one account; it relays to `sfu` only."""
        password = _prepare(place)
        configuration = place.folder / "turnserver.conf"
        configuration.write_text(
            COTURN.format(
                address=place.address,
                port=PORT,
                tls_port=TLS_PORT,
                user=USER,
                password=password,
                folder=place.folder,
                sfu=sfu,
            )
        )
        program = require_debian("coturn", "turnserver")
        return _up(place, Process(place, self.name, [program, "-c", str(configuration)]), password)


@dataclass(frozen=True)
class Pion:
    """A TURN server on Pion's library, by our own `pion/main.go`."""

    name: str = "pion"

    @property
    def version(self) -> str:
        """Of the library."""
        return versions()["pion"]["version"].removeprefix("v")

    def build(self, cache: Path) -> None:
        """Build it from the Go module proxy."""
        go_program(cache, "pion", HERE / "pion")

    def start(self, place: Place, sfu: str) -> RelayRunning:
        """Start it with one account; it relays to `sfu` only."""
        password = _prepare(place)
        settings = flags(
            {
                "-address": place.address,
                "-port": PORT,
                "-tls-port": TLS_PORT,
                "-certificate": place.folder / "relay.pem",
                "-key": place.folder / "relay.key",
                "-username": USER,
                "-password": password,
                "-peer": sfu,
            }
        )
        command = [str(built(place.cache, "pion")), *settings]
        return _up(place, Process(place, self.name, command, {"GOMAXPROCS": "1"}), password)


@dataclass
class RelayRunning:
    """A relay, up."""

    process: Process
    place: Place
    password: str

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return self.process.pids

    def via(self, tier: Tier) -> Via:
        """How to go through it."""
        if tier == "turn-tcp":
            raise BenchError("relays are measured over UDP and TLS")
        return Via(
            tier=tier,
            server=f"{self.place.address}:{TLS_PORT if tier == 'turn-tls' else PORT}",
            name=NAME,
            username=USER,
            password=self.password,
            ca=self.place.folder / "ca.pem",
        )

    async def stop(self) -> None:
        """End it."""
        self.process.stop()


def _prepare(place: Place) -> str:
    """Put a certificate for the relay into its folder; the account's password."""
    place.folder.mkdir(parents=True, exist_ok=True)
    authority = make_ca(time.time())
    leaf = make_leaf(authority, [NAME, place.address], time.time())
    (place.folder / "ca.pem").write_bytes(authority.certificate)
    (place.folder / "relay.pem").write_bytes(leaf.certificate)
    (place.folder / "relay.key").write_bytes(leaf.key)
    return secrets.token_hex(16)


def _up(place: Place, process: Process, password: str) -> RelayRunning:
    process.wait(
        lambda: (
            stun_answers(place.address, PORT)
            and tls_answers(place.address, TLS_PORT, NAME, place.folder / "ca.pem")
        )
    )
    return RelayRunning(process, place, password)
