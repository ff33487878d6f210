"""A core, a fake engine and clients, in virtual time."""

from __future__ import annotations

import itertools
import json
from typing import Any

from roomline.clock import Moment
from roomline.engine import commands as c
from roomline.engine import events as e
from roomline.ids import Names
from roomline.signaling import Core, JsonConnection, SignalingConfig, TurnAddress
from roomline.tokens import AccessToken, Grants, RoomLimits

from support.fake_engine import PUBLISHER, FakeEngine

KEY, SECRET = "key", "a secret of at least thirty-two bytes"
START = Moment(1000.0, 1_800_000_000.0)


def token(identity: str, room: str = "demo", **more: Any) -> str:
    return AccessToken(KEY, SECRET, identity=identity, room=room, **more).to_jwt(START.unix)


class World:
    def __init__(self, **config: Any) -> None:
        self.now = START
        counter = itertools.count(1)
        self.core = Core(
            SignalingConfig(
                api_keys={KEY: SECRET},
                turn_secret=b"turn",
                turn=TurnAddress(name="call.example", hosts=("192.0.2.1", "2001:db8::1")),
                **config,
            ),
            Names(1, lambda size: next(counter).to_bytes(size, "big")),
            self.now,
        )
        self.engine = FakeEngine()
        self.holding = False

    def settle(self) -> None:
        """Let the engine answer until nothing is left to do."""
        while not self.holding:
            commands = self.core.take_commands()
            if not commands:
                return
            for command in commands:
                self.core.handle_events(self.engine.answer(command), self.now)

    def tell(self, *events: e.Event) -> None:
        self.core.handle_events(events, self.now)
        self.settle()

    def wait(self, seconds: float, *awake: Client) -> None:
        """Pass time in steps; clients in `awake` send their heartbeats."""
        until = self.now.monotonic + seconds
        pinged = self.now.monotonic
        while self.now.monotonic < until:
            self.now = Moment(self.now.monotonic + 0.25, self.now.unix + 0.25)
            if self.now.monotonic - pinged >= 5:
                pinged = self.now.monotonic
                for client in awake:
                    client.request("ping", sent=1.0)
            if self.core.poll_timeout() is not None:
                self.core.handle_timeout(self.now)
            self.settle()

    def sent(self, kind: type[Any]) -> list[Any]:
        return [command for command in self.engine.commands if isinstance(command, kind)]

    def client(self, identity: str = "", **join: Any) -> Client:
        client = Client(self)
        if identity:
            client.join(identity, **join)
        return client


class Client:
    """One WebSocket of a browser."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.connection = JsonConnection(world.core, world.now)
        self.numbers = itertools.count(1)
        self.inbox: list[dict[str, Any]] = []
        self.joined: dict[str, Any] = {}
        self.seq = 0

    @property
    def id(self) -> str:
        return str(self.joined["participant"]["id"])

    @property
    def transport(self) -> int:
        """The newest transport's number."""
        session = self.connection.session
        assert session
        return list(session.participant.transports.values())[-1].number

    def join(
        self,
        identity: str,
        offer: str = PUBLISHER,
        publish: dict[str, str] | None = None,
        room: str = "demo",
        **more: Any,
    ) -> dict[str, Any]:
        fields = {key: more.pop(key) for key in ("subscribe", "version", "sdk") if key in more}
        reply = self.request(
            "join",
            version=fields.pop("version", 1),
            token=more.pop("token", None) or token(identity, room, **more),
            offer=offer,
            tracks=[{"mid": m, "source": s} for m, s in (publish or {}).items()],
            **fields,
        )
        self.joined = reply
        return reply

    def connect(self, tier: str = "direct", port: int = 10000) -> None:
        """The media path works."""
        path = e.Path(tier, port, "198.51.100.7", 5000)  # type: ignore[arg-type]
        self.world.tell(
            e.PathChanged(self.transport, path),
            e.TransportConnected(self.transport, "DTLS 1.3", "AEAD_AES_128_GCM"),
        )

    def request(self, type_: str, **fields: Any) -> dict[str, Any]:
        """Send a request; returns the reply, or an empty object while there is none."""
        number = next(self.numbers)
        self.send_text(json.dumps({"type": type_, "request": number, **fields}))
        return next((m for m in self.receive() if m.get("request") == number), {})

    def send_text(self, frame: str) -> None:
        self.connection.receive_text(frame, self.world.now)
        self.world.settle()

    def receive(self) -> list[dict[str, Any]]:
        """What came since the last call; also kept in `inbox`."""
        frames, _ = self.connection.take_output()
        fresh = [json.loads(frame) for frame in frames]
        for message in fresh:
            self.seq = message.get("seq", self.seq)
        self.inbox += fresh
        return fresh

    def events(self, type_: str) -> list[dict[str, Any]]:
        self.receive()
        return [message for message in self.inbox if message["type"] == type_]

    @property
    def close(self) -> tuple[int, str] | None:
        _, close = self.connection.take_output()
        return close

    def drop(self) -> None:
        """The WebSocket is lost, with everything that was under way."""
        self.connection.receive_closed(self.world.now)
        self.world.settle()

    def resume(self, token: str, seq: int) -> Client:
        client = Client(self.world)
        client.joined = self.joined
        reply = client.request("resume", version=1, resumeToken=token, lastSeq=seq)
        client.joined = {**self.joined, **reply}
        return client


__all__ = ["KEY", "SECRET", "START", "Client", "Grants", "RoomLimits", "World", "c", "e", "token"]
