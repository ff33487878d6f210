"""The server under attack, and the call that runs beside."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from hostile import stun
from hostile.websocket import WebSocket
from prometheus_client.parser import text_string_to_metric_families

HOST = "127.0.0.1"
NAME = "roomline.test"
PATIENCE_S = 30.0
CONNECTIONS_PER_ADDRESS = 64

FLAT_BYTES = 6 * 1024 * 1024
"""By how much the server may grow in the second half of an attack of 20,000 messages. A leak of
one message each, of 600 bytes, would be twice that."""

LONGEST_GAP_S = 2.0
"""Without a frame. The machine is small and shared; an attack that hurts costs far more."""


def wait_until(condition: Callable[[], bool], what: str, patience: float = PATIENCE_S) -> None:
    """Look again and again until it is so, or fail."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A port that is free for both UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((HOST, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((HOST, port))
            except OSError:
                continue
            return port


@contextmanager
def _or_kill(process: subprocess.Popen[Any]) -> Iterator[None]:
    """End a program whose start failed."""
    try:
        yield
    except BaseException:
        process.kill()
        process.communicate()
        raise


class Server:
    """One `roomline serve` on loopback.

    `program` is the command `roomline`; that of this checkout when left out.
    """

    def __init__(self, folder: Path, program: Sequence[str] = ()) -> None:
        self.state = folder / "state"
        self.https_port, self.turn_port = free_port(), free_port()
        self._log = folder / "server.log"
        settings = folder / "roomline.toml"
        settings.write_text(
            f'host = "{NAME}"\nbind = ["{HOST}"]\nstate_dir = "{self.state}"\ndrain_seconds = 0\n'
            f"[https]\nport = {self.https_port}\n[turn]\nport = {self.turn_port}\n"
            f'[media]\nports = "20000-29999"\naddresses = ["{HOST}"]\n'
            f"[limits]\nconnections_per_address = {CONNECTIONS_PER_ADDRESS}\n"
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*(program or (sys.executable, "-m", "roomline")), "serve"],
                env={**os.environ, "ROOMLINE_CONFIG": str(settings)},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid
        with _or_kill(self._process):
            wait_until(self._listens, "the server listens")
            self.trust = ssl.create_default_context(cafile=self.state / "ca.pem")
            assert self.get("/healthz")[0] == 200
            self._key: dict[str, str] = json.loads((self.state / "api-key.json").read_text())

    def _listens(self) -> bool:
        assert self._process.poll() is None, f"the server ended:\n{self.log()}"
        try:
            with socket.create_connection((HOST, self.https_port), 1):
                return True
        except OSError:
            return False

    def log(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        """End it and see that it ends well."""
        self._process.terminate()
        try:
            assert self._process.wait(10) == 0, self.log()
        finally:
            self._process.kill()
            self._process.wait()

    def assert_sound(self) -> None:
        """It runs, and nothing went wrong inside."""
        assert self._process.poll() is None, f"the server ended:\n{self.log()}"
        found = re.search(r"Traceback|panicked|internal error", self.log(), re.IGNORECASE)
        assert not found, self.log()

    # Tokens and signaling.

    def token(self, identity: str = "mallory", room: str = "attack", **claims: Any) -> str:
        """A token with these claims besides; `secret` and `algorithm` forge it."""
        secret = claims.pop("secret", self._key["secret"])
        algorithm = claims.pop("algorithm", "HS256")
        payload = {
            "iss": self._key["key"],
            "sub": identity,
            "room": room,
            "exp": int(time.time()) + 3600,
            "grants": {"join": True},
            **claims,
        }
        return jwt.encode(payload, secret, algorithm=algorithm)

    def turn_secret(self) -> bytes:
        """What TURN passwords are made with."""
        return (self.state / "turn-secret").read_bytes().strip()

    def tcp(self, port: int, source: str = HOST) -> socket.socket:
        """A TCP connection, from an address of the loopback network."""
        return socket.create_connection((HOST, port), 10, source_address=(source, 0))

    def tls(self, source: str = HOST) -> ssl.SSLSocket:
        """A TLS connection to the HTTPS port, its certificate verified."""
        return self.trust.wrap_socket(self.tcp(self.https_port, source), server_hostname=NAME)

    def signal(self, source: str = HOST) -> WebSocket:
        """A WebSocket for signaling; nothing has been sent on it."""
        return WebSocket(f"wss://{NAME}:{self.https_port}/v1/signal", self.tls(source))

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET."""
        connection = http.client.HTTPSConnection(NAME, self.https_port, context=self.trust)
        connection.sock = self.tls()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    # What it says of itself, and what the system says of it.

    def metrics(self) -> Counter[tuple[str, str]]:
        """Every sample of `/metrics` by name and its one label, if it has one."""
        status, text = self.get("/metrics")
        assert status == 200, text
        samples: Counter[tuple[str, str]] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples[sample.name, ",".join(sample.labels.values())] += int(sample.value)
        return samples

    def drops(self) -> Counter[str]:
        """Everything that was dropped, by reason."""
        samples = self.metrics().items()
        return Counter({label: n for (name, label), n in samples if name == "roomline_drops_total"})

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def descriptors(self) -> int:
        """Open files and sockets."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @contextmanager
    def flat(self, growth: int = FLAT_BYTES) -> Iterator[None]:
        """What happens inside leaves no memory and no descriptor behind."""
        memory, descriptors = self.memory(), self.descriptors()
        yield
        wait_until(lambda: self.descriptors() <= descriptors + 2, "descriptors are closed")
        grown = self.memory() - memory
        assert grown < growth, f"grew by {grown} bytes"


class Barrier:
    """Bounds how far ahead of the server an attack may be.

    The worker answers in order, so an answer to a Binding request says that what was sent before
    has been read. It has an address of its own: answers to strangers are limited by network.
    """

    def __init__(self, server: Server) -> None:
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.9.1", 0))
        self._socket.connect((HOST, server.turn_port))
        self._socket.settimeout(0.5)

    def wait(self) -> None:
        """Return when the server has caught up."""
        deadline = time.monotonic() + PATIENCE_S
        request = stun.build(stun.BINDING, [])
        while True:
            self._socket.send(request)
            try:
                while self._socket.recv(2048)[8:20] != request[8:20]:
                    pass
            except TimeoutError:
                assert time.monotonic() < deadline, "the server answers no Binding request"
            else:
                return

    def close(self) -> None:
        """Close its socket."""
        self._socket.close()


@dataclass(frozen=True)
class Captured:
    """A datagram of the call."""

    data: bytes
    source: stun.Address
    target: stun.Address


class Call:
    """Two peers in a program of their own (see call.py)."""

    def __init__(self, server: Server) -> None:
        tokens = [server.token(identity, "call") for identity in ("ada", "bob")]
        arguments = [str(server.https_port), str(server.state / "ca.pem"), NAME, *tokens]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hostile.call", *arguments],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with _or_kill(self._process):
            assert self._answer() == "joined"
            self.mark()
            wait_until(lambda: all(self._flows(p) for p in self.report()), "the call has begun")

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the call ended with {self._process.wait()}"
        return json.loads(line)

    def _ask(self, command: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def mark(self) -> None:
        """Begin a period."""
        self._ask("mark")

    def report(self) -> list[dict[str, Any]]:
        """What each peer saw in this period."""
        answer: list[dict[str, Any]] = self._ask("report")
        return answer

    @staticmethod
    def _flows(peer: dict[str, Any]) -> bool:
        return peer["audio"]["frames"] >= 25 and peer["video"]["frames"] >= 5

    def assert_undisturbed(self) -> None:
        """In this period, and for half a second more, nobody missed anything."""
        whole = self.report()
        self.mark()
        wait_until(
            lambda: all(self._flows(peer) for peer in self.report()),
            f"media flows; before: {whole}",
            4 * LONGEST_GAP_S,
        )
        for peer in [*whole, *self.report()]:
            assert peer["state"] == "connected", peer
            assert peer["changes"] == [], peer
            assert peer["events"] == [], peer
            assert peer["audio"]["gap"] < LONGEST_GAP_S, peer
            assert peer["video"]["gap"] < LONGEST_GAP_S, peer

    def captured(self, *kinds: str) -> list[Captured]:
        """Datagrams that the peers have sent: `stun`, `dtls`, `rtp`, `rtcp`."""
        kept = self._ask("captured")["datagrams"]
        return [
            Captured(bytes.fromhex(one["data"]), tuple(one["from"][:2]), tuple(one["to"][:2]))
            for kind in kinds
            for one in kept[kind]
        ]

    def media_address(self) -> stun.Address:
        """Where the server listens for the media of the first peer."""
        return self.captured("rtp")[0].target

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
