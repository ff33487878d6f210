"""Ourselves: `roomline serve` from this checkout or a wheel, joined over its WebSocket."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.peers.contract import (
    Kind,
    Place,
    Section,
    Tier,
    Via,
)
from bench.peers.conversation import REPLY_WITHIN_S, Conversation, Guest, mids
from bench.peers.process import Process, flags, tcp_answers, tls_answers
from bench.peers.running import ServerRunning
from roomline import AccessToken, load_credentials

HOST = "sfu.bench"
"""What its certificate is for; nobody looks it up."""
PORT = 443
TURN_PORT = 3478
SLOTS: dict[Kind, int] = {"audio": 3, "video": 3}
"""Sections to receive in that a first offer holds, as the SDK's does."""


@dataclass(frozen=True)
class Roomline:
    """The server of this repository."""

    name: str = "roomline"
    settings: tuple[str, ...] = ()
    """More flags of `roomline serve`."""

    @property
    def version(self) -> str:
        """Of the package that is installed here; a checkout that is not has none."""
        try:
            return importlib.metadata.version("roomline")
        except importlib.metadata.PackageNotFoundError:
            return "checkout"

    def build(self, cache: Path) -> None:  # noqa: ARG002 - ours is built by make
        """Check that the engine is built for the Python that runs this."""
        if importlib.util.find_spec("roomline._engine") is None:
            raise BenchError(
                "roomline has no engine here: make .venv/.engine, then .venv/bin/python"
            )

    def start(self, place: Place) -> RoomlineRunning:
        """Start it, with a port for each transport as by default."""
        state = place.folder / "state"
        settings = flags(
            {
                "--host": HOST,
                "--state-dir": state,
                "--bind": place.address,
                "--address": place.address,
                "--https-port": PORT,
                "--turn-port": TURN_PORT,
                "--log-level": "warning",
            }
        )
        command = [sys.executable, "-m", "roomline", "serve", *settings, *self.settings]
        process = Process(place, self.name, command, {"PYTHONUNBUFFERED": "1"})
        ca = state / "ca.pem"
        process.wait(
            lambda: tcp_answers(place.address, PORT) and tls_answers(place.address, PORT, HOST, ca)
        )
        return RoomlineRunning(process, place, state)


@dataclass
class RoomlineRunning(ServerRunning):
    """Ours, up."""

    state: Path
    tls: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self.tls = ssl.create_default_context(cafile=str(self.state / "ca.pem"))

    def conversation(self, guest: Guest) -> Conversation:
        """The one that `guest` will have with this server."""
        return _Joined(guest, self)

    def token(self, identity: str, room: str) -> str:
        """An access token with this server's key."""
        key, secret = load_credentials(self.state)
        return AccessToken(key, secret, identity=identity, room=room).to_jwt()


class _Joined(Conversation):
    """One participant (docs/reference/signaling.md)."""

    def __init__(self, guest: Guest, running: RoomlineRunning) -> None:
        super().__init__(guest, "roomline")
        self._running = running
        self._requests = 0
        self._bound: set[str] = set()
        self._server_transport = ""
        self._seq = 0
        self._offered = False
        self._wanted: dict[Kind, int] = {"audio": 0, "video": 0}
        self._joined = False

    async def join(self) -> None:
        """Everything from the offer to the answer."""
        guest = self.guest
        offer = await self.offer(self.who, _sections(SLOTS) if guest.receive else ())
        await self.connect(
            f"wss://{HOST}/v1/signal",
            (self._running.place.address, PORT),
            tls=self._running.tls,
        )
        sources = {"audio": "microphone", "video": "camera"}
        named = zip(mids(offer), guest.tracks, strict=False)
        await self._request(
            "join",
            version=1,
            token=self._running.token(guest.name, guest.room),
            offer=offer,
            tracks=[{"mid": mid, "source": sources[track.kind]} for mid, track in named],
            subscribe="auto" if guest.receive else "manual",
        )
        await self.until(lambda: self._joined, REPLY_WITHIN_S, "joining")

    async def receives(self, tracks: int, timeout_s: float) -> None:
        """Return once so many tracks have a slot."""
        await self.until(lambda: len(self._bound) >= tracks, timeout_s, f"{tracks} tracks")

    def hear(self, frame: str | bytes) -> None:
        """Take a reply or an event."""
        message = json.loads(frame)
        self._seq = message.get("seq", self._seq)
        kind = message["type"]
        if kind in {"error", "closed"}:
            self.fail(f"{message['code']}: {message['message']}")
        handler: Callable[[dict[str, Any]], None] | None = {
            "joined": self._on_joined,
            "answer": self._on_answer,
            "needSlots": self._on_need_slots,
            "bound": self._on_bound,
            "unbound": self._on_unbound,
        }.get(kind)
        if handler is not None:
            handler(message)

    async def farewell(self) -> None:
        """Leave."""
        await self._request("leave")

    def _on_joined(self, message: dict[str, Any]) -> None:
        self._server_transport = message["transport"]
        tier = self.guest.via
        via = self._own_relay(tier, message["iceServers"]) if isinstance(tier, str) else None

        async def take() -> None:
            await self.load.answer(self.who, message["answer"], via)
            self.every(message["heartbeat"]["intervalMs"] / 1000, self._beat)
            self._joined = True
            self.changed()

        self.later(take)

    def _on_answer(self, message: dict[str, Any]) -> None:
        async def take() -> None:
            await self.load.answer(self.who, message["answer"])
            self._offered = False
            await self._offer_slots()

        self.later(take)

    def _on_need_slots(self, message: dict[str, Any]) -> None:
        async def add() -> None:
            self._wanted = {"audio": message["audio"], "video": message["video"]}
            await self._offer_slots()

        self.later(add)

    def _on_bound(self, message: dict[str, Any]) -> None:
        self._bound.add(message["track"])
        self.changed()

    def _on_unbound(self, message: dict[str, Any]) -> None:
        self._bound.discard(message["track"])
        self.changed()

    async def _offer_slots(self) -> None:
        """Offer what is wanted, one offer at a time."""
        if self._offered or not any(self._wanted.values()):
            return
        sections = _sections(self._wanted)
        self._wanted = {"audio": 0, "video": 0}
        self._offered = True
        offer = await self.load.reoffer(self.who, sections)
        await self._request("offer", transport=self._server_transport, offer=offer, tracks=[])

    def _own_relay(self, tier: Tier, servers: list[dict[str, Any]]) -> Via:
        """The relay of the server, with the credentials that came along."""
        address = self._running.place.address
        for server in servers:
            if "credential" in server:
                return Via(
                    tier=tier,
                    server=f"{address}:{PORT if tier == 'turn-tls' else TURN_PORT}",
                    name=HOST,
                    username=server["username"],
                    password=server["credential"],
                    ca=self._running.state / "ca.pem",
                )
        raise BenchError(f"{self.who}: the server gave no relay")

    async def _beat(self) -> None:
        await self._request("ping", sent=0, lastSeq=self._seq)

    async def _request(self, kind: str, **fields: Any) -> None:
        self._requests += 1
        await self.say(json.dumps({"type": kind, "request": self._requests, **fields}))


def _sections(slots: dict[Kind, int]) -> list[Section]:
    return [Section(kind, "recvonly") for kind, count in slots.items() for _ in range(count)]
