"""Galène, built from its Go module, joined over its WebSocket (its `galene-protocol.md`)."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.peers.building import built, go_program, versions
from bench.peers.contract import (
    Place,
)
from bench.peers.conversation import REPLY_WITHIN_S, Conversation, Guest, media
from bench.peers.process import Process, flags, tcp_answers
from bench.peers.running import ServerRunning

PORT = 8443
GROUP = "bench"
"""The group that is configured; rooms are its automatic subgroups."""
ASK_AGAIN_S = 0.5
CAN_RECEIVE = {"": ["audio", "video"]}
"""Of every label, the video in its best quality."""


@dataclass(frozen=True)
class Galene:
    """Galène."""

    name: str = "galene"
    ports: str = "20000-60000"
    """What `-udp-range` is given: a range is a port for each transport, one port is shared."""

    @property
    def version(self) -> str:
        """Its release."""
        return versions()["galene"]["release"]

    def build(self, cache: Path) -> None:
        """Build it from the Go module proxy."""
        go_program(cache, "galene")

    def start(self, place: Place) -> GaleneRunning:
        """Start it with one open group and without its TURN server."""
        groups = place.folder / "groups"
        data = place.folder / "data"
        for folder in (groups, data):
            folder.mkdir(parents=True, exist_ok=True)
        everybody = {"password": {"type": "wildcard"}, "permissions": "present"}
        (groups / f"{GROUP}.json").write_text(
            json.dumps(
                {"wildcard-user": everybody, "auto-subgroups": True, "codecs": ["vp8", "opus"]}
            )
        )
        settings = flags(
            {
                "-http": f"{place.address}:{PORT}",
                "-groups": groups,
                "-data": data,
                "-static": place.cache / "galene" / "source" / "static",
                "-recordings": place.folder / "recordings",
                "-turn": "",
                "-udp-range": self.ports,
            }
        )
        command = [str(built(place.cache, "galene")), "-insecure", *settings]
        process = Process(place, self.name, command, {"GOMAXPROCS": "1"})
        process.wait(lambda: tcp_answers(place.address, PORT))
        return GaleneRunning(process, place)


@dataclass
class GaleneRunning(ServerRunning):
    """Galène, up."""

    def conversation(self, guest: Guest) -> Conversation:
        """The one that `guest` will have with this server."""
        return _Joined(guest, self.place.address)


class _Joined(Conversation):
    """One participant. Each stream, its own or another's, is a transport of its own."""

    # The one called `l` is for those who ask for little.
    rids = ("l", "m", "h")
    largest_first = True

    def __init__(self, guest: Guest, address: str) -> None:
        super().__init__(guest, "galene")
        self._address = address
        self._id = secrets.token_hex(16)
        self._joined = False
        self._answered = False
        self._out = ""
        self._incoming: dict[str, int] = {}
        """Tracks of each stream that comes in, by the stream's id."""

    async def join(self) -> None:
        """Handshake, group and, with tracks, one stream with all of them."""
        name, group = self.guest.name, f"{GROUP}/{self.guest.room}"
        await self.connect(f"ws://{self._address}:{PORT}/ws", (self._address, PORT))
        await self._tell({"type": "handshake", "version": ["2"], "id": self._id})
        await self._tell(
            {"type": "join", "kind": "join", "group": group, "username": name, "password": ""}
        )
        await self.until(lambda: self._joined, REPLY_WITHIN_S, "joining")
        if self.guest.receive:
            await self._tell({"type": "request", "request": CAN_RECEIVE})
        if self.guest.tracks:
            await self._publish()

    async def receives(self, tracks: int, timeout_s: float) -> None:
        """Return once so many tracks are answered.

        Galène gathers the tracks of a new stream for a fifth of a second before it tells of them.
        Who joins meanwhile may not be told of all: then it helps to ask again.
        """
        rounds = max(1, round(timeout_s / ASK_AGAIN_S))
        for last in [False] * (rounds - 1) + [True]:
            try:
                await self.until(
                    lambda: sum(self._incoming.values()) >= tracks,
                    timeout_s / rounds,
                    f"{tracks} tracks",
                )
            except BenchError:
                if last or self.failed:
                    raise
                await self._tell({"type": "request", "request": CAN_RECEIVE})
            else:
                return

    def hear(self, frame: str | bytes) -> None:
        """Take one message."""
        message = json.loads(frame)
        kind = message["type"]
        if kind == "ping":
            self.later(lambda: self._tell({"type": "pong"}))
        elif kind == "joined":
            self._on_joined(message)
        elif kind == "offer":
            self.later(lambda: self._take_offer(message))
        elif kind == "answer":
            self.later(lambda: self._take_answer(message))
        elif kind == "ice":
            self.later(lambda: self._take_candidate(message))
        elif kind == "close":
            self.later(lambda: self._take_close(message))
        elif kind == "abort":
            self.fail(f"galene refused the stream: {message}")
        elif kind == "usermessage" and message.get("kind") in {"error", "kicked"}:
            self.fail(f"galene said {message.get('value')}")

    async def farewell(self) -> None:
        """Close the own stream; the connection's end says the rest."""
        if self._out:
            await self._tell({"type": "close", "id": self._out})

    def _on_joined(self, message: dict[str, Any]) -> None:
        if message["kind"] == "fail":
            self.fail(f"galene let us not in: {message.get('value')}")
        self._joined = True
        self.changed()

    async def _publish(self) -> None:
        self._out = secrets.token_hex(16)
        offer = await self.offer(self._transport(self._out))
        await self._tell(
            {
                "type": "offer",
                "id": self._out,
                "source": self._id,
                "username": self.guest.name,
                "label": "camera",
                "sdp": offer,
            }
        )
        await self.until(lambda: self._answered, REPLY_WITHIN_S, "publishing")

    async def _take_offer(self, message: dict[str, Any]) -> None:
        stream = message["id"]
        answer = await self.accept(self._transport(stream), message["sdp"])
        await self._tell({"type": "answer", "id": stream, "sdp": answer})
        self._incoming[stream] = len(media(message["sdp"]))
        self.changed()

    async def _take_answer(self, message: dict[str, Any]) -> None:
        await self.load.answer(self._transport(message["id"]), message["sdp"])
        self._answered = True
        self.changed()

    async def _take_candidate(self, message: dict[str, Any]) -> None:
        candidate = (message.get("candidate") or {}).get("candidate", "")
        transport = self._transport(message["id"])
        if candidate and transport in self.transports:
            await self.load.candidate(transport, candidate)

    async def _take_close(self, message: dict[str, Any]) -> None:
        if self._incoming.pop(message["id"], None) is not None:
            await self.gone(self._transport(message["id"]))
            self.changed()

    def _transport(self, stream: str) -> str:
        return f"{self.who}/{'out' if stream == self._out else stream}"

    async def _tell(self, message: dict[str, Any]) -> None:
        await self.say(json.dumps(message))
