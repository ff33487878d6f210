"""The load client, `roomline-load`: standard WebRTC towards any SFU, and what it measures.

One process. Signaling is not its business: descriptions come from it and go to it. Every request
ends: by an answer, by a [LoadError][] that says what is wrong, or by its time limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

from bench.errors import BenchError
from bench.peers.contract import Kind, Profile, Section, Via

LINE = 64 * 1024 * 1024
"""The longest line the client may write: a measurement of many streams."""

PATIENCE = 15.0
"""Seconds for a request that does not wait for the network's other end."""


class LoadError(BenchError):
    """The load client could not do what it was asked for, or is gone; the message says why."""


@dataclass(frozen=True)
class Frames:
    """Video: all packets of a frame at once. `bytes` is a whole RTP packet before SRTP."""

    fps: float
    packets: int
    bytes: int
    kind: Literal["frames"] = "frames"


@dataclass(frozen=True)
class Even:
    """Video: frames of one packet, evenly spaced."""

    pps: float
    bytes: int
    kind: Literal["even"] = "even"


@dataclass(frozen=True)
class Audio:
    """Opus."""

    bytes: int
    every_ms: float = 20
    kind: Literal["audio"] = "audio"


Pattern = Frames | Even | Audio


@dataclass(frozen=True)
class Connected:
    """ICE and DTLS are done."""

    ms: float
    """Since the first description."""
    profile: str
    dtls: str
    local: str
    remote: str


@dataclass(frozen=True)
class Stream:
    """What one receiver got of one stream in a window."""

    transport: str
    ssrc: int
    mid: str | None
    kind: Kind
    stream: int | None
    """The publisher's number for it, if a decrypted packet told."""
    expected: int
    received: int
    lost: int
    duplicate: int
    repaired: int
    reordered: int
    bytes: int
    jitter_ms: float


@dataclass(frozen=True)
class Publisher:
    """What one stream sent in a window."""

    transport: str
    section: int
    rid: str | None
    stream: int
    packets: int
    bytes: int
    retransmitted: int
    nacked: int
    keyframe_requests: int
    skipped: int


@dataclass(frozen=True)
class Received:
    """Sums over all receivers."""

    packets: int
    """Different packets, without retransmissions."""
    packets_per_second: float
    """All packets."""
    bytes: int
    expected: int
    lost: int
    duplicate: int
    repaired: int
    reordered: int
    rtx: int
    """Packets of retransmission streams."""

    @property
    def loss(self) -> float:
        """The share of what was expected that never came."""
        return self.lost / self.expected if self.expected else 0.0


@dataclass(frozen=True)
class Sent:
    """Sums over all publishers."""

    packets: int
    packets_per_second: float
    bytes: int
    retransmitted: int
    nacked: int
    keyframe_requests: int
    skipped: int
    refused: int
    """Datagrams that the kernel did not take."""


@dataclass(frozen=True)
class Latency:
    """From a publisher's send to a receiver's kernel, in µs, of the packets that were decrypted."""

    count: int
    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float


@dataclass(frozen=True)
class Measurement:
    """A window."""

    seconds: float
    received: Received
    sent: Sent
    latency_us: Latency | None
    cpu: float
    """The client's own share of a core."""
    void: bool
    """It says more about the client than about the server."""
    reason: str | None
    streams: list[Stream] = field(default_factory=list)
    publishers: list[Publisher] = field(default_factory=list)


@dataclass(frozen=True)
class Stats:
    """Totals since the start."""

    transports: int
    connected: int
    decrypted: int
    decrypt_failures: int
    ignored: int
    control_packets: int


@dataclass(frozen=True)
class Ended:
    """A transport that is gone, by no request."""

    transport: str
    reason: str


class Load:
    """A running load client. Use [Load.start][], and [Load.stop][] at the end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._gone: str | None = None
        self.ended: list[Ended] = []
        """Every transport that ended by itself, in order."""
        self.on_ended: Callable[[Ended], None] | None = None
        """Called for each of them."""
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls,
        program: Path,
        address: str = "127.0.0.1",
        *,
        gro: bool = False,
        prefix: Sequence[str] = (),
    ) -> Load:
        """Start it on an address of its own; `prefix` is a command to run it by, such as taskset."""
        command = [*prefix, str(program), f"--address={address}", *(["--gro"] if gro else [])]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE
            )
        except OSError as error:
            raise LoadError(f"{command[0]} does not start: {error}") from error
        return cls(process)

    @property
    def pid(self) -> int:
        """The process, or the command that it is run by."""
        return self._process.pid

    async def stop(self) -> None:
        """Let it say goodbye on every transport, and end it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader

    async def offer(
        self,
        transport: str,
        sections: Sequence[Section],
        profiles: Sequence[Profile] = ("gcm", "cm"),
        via: Via | None = None,
    ) -> str:
        """Make a transport; the offer. With a relay it ends when there is an allocation."""
        answer = await self._ask(
            "offer",
            transport=transport,
            sections=[asdict(section) for section in sections],
            profiles=list(profiles),
            via=_relay(via),
        )
        return str(answer["sdp"])

    async def answer(self, transport: str, sdp: str, via: Via | None = None) -> None:
        """Take the other side's answer; `via`, where the relay is known only now."""
        await self._ask("answer", transport=transport, sdp=sdp, via=_relay(via))

    async def accept(
        self,
        transport: str,
        sdp: str,
        profiles: Sequence[Profile] = ("gcm", "cm"),
        via: Via | None = None,
    ) -> str:
        """Take an offer, a first or a later one; the answer, which receives all that is offered."""
        answer = await self._ask(
            "accept",
            transport=transport,
            sdp=sdp,
            profiles=list(profiles),
            via=_relay(via),
        )
        return str(answer["sdp"])

    async def reoffer(self, transport: str, sections: Sequence[Section] = ()) -> str:
        """Offer again, with further sections."""
        added = [asdict(section) for section in sections]
        answer = await self._ask("reoffer", transport=transport, sections=added)
        return str(answer["sdp"])

    async def candidate(self, transport: str, candidate: str) -> None:
        """A candidate that came after the description. Those of no use are left out."""
        await self._ask("candidate", transport=transport, candidate=candidate)

    async def connected(self, transport: str, timeout_s: float = PATIENCE) -> Connected:
        """Wait for ICE and DTLS."""
        answer = await self._ask(
            "connected", transport=transport, timeout_s=timeout_s, wait=timeout_s
        )
        return Connected(**answer)

    async def first_frame(self, transport: str, timeout_s: float = PATIENCE) -> float:
        """Milliseconds from the first description to the first packet of a keyframe."""
        answer = await self._ask(
            "first_frame", transport=transport, timeout_s=timeout_s, wait=timeout_s
        )
        return float(answer["ms"])

    async def publish(
        self,
        transport: str,
        section: int,
        pattern: Pattern | None = None,
        layers: Sequence[Pattern] = (),
    ) -> None:
        """Send in a section: a pattern, or one for each encoding from the smallest."""
        await self._ask(
            "publish",
            transport=transport,
            section=section,
            pattern=asdict(pattern) if pattern else None,
            layers=[asdict(layer) for layer in layers],
        )

    async def quiet(self, transport: str, section: int) -> None:
        """Stop sending in a section."""
        await self._ask("quiet", transport=transport, section=section)

    async def measure(self, seconds: float, *, streams: bool = True) -> Measurement:
        """Count for a while. One at a time."""
        answer = await self._ask("measure", seconds=seconds, streams=streams, wait=seconds)
        latency = answer["latency_us"]
        return Measurement(
            **answer
            | {
                "received": Received(**answer["received"]),
                "sent": Sent(**answer["sent"]),
                "latency_us": Latency(**latency) if latency else None,
                "streams": [Stream(**stream) for stream in answer["streams"]],
                "publishers": [Publisher(**publisher) for publisher in answer["publishers"]],
            }
        )

    async def close(self, transport: str) -> None:
        """Say goodbye and forget a transport."""
        await self._ask("close", transport=transport)

    async def stats(self) -> Stats:
        """Totals since the start. Decrypt failures must be 0."""
        return Stats(**await self._ask("stats"))

    async def _ask(self, what: str, *, wait: float = 0.0, **fields: Any) -> dict[str, Any]:
        """Send a request; its answer's content."""
        if self._gone is not None or self._process.stdin is None:
            raise LoadError(self._gone or "the load client is gone")
        number = next(self._numbers)
        present = {name: value for name, value in fields.items() if value is not None}
        line = json.dumps({"id": number, "do": what, **present})
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[number] = answered
        try:
            async with asyncio.timeout(wait + PATIENCE):
                self._process.stdin.write(line.encode() + b"\n")
                await self._process.stdin.drain()
                return await answered
        except TimeoutError:
            raise LoadError(f"{what}: no answer within {wait + PATIENCE:.0f} s") from None
        except ConnectionError as error:
            raise LoadError(f"{what}: the load client is gone") from error
        except LoadError as error:
            where = f" {fields['transport']}" if "transport" in fields else ""
            raise LoadError(f"{what}{where}: {error}") from error
        finally:
            del self._pending[number]

    async def _read(self) -> None:
        """Give each line to whom it is for, until there are no more."""
        output = self._process.stdout
        if output is None:
            return
        with contextlib.suppress(ConnectionError):
            while line := await output.readline():
                self._take(json.loads(line))
        code = await self._process.wait()
        self._gone = f"the load client has ended with code {code}"
        for waiting in self._pending.values():
            if not waiting.done():
                waiting.set_exception(LoadError(self._gone))

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("event") == "ended":
            ended = Ended(message["transport"], message["reason"])
            self.ended.append(ended)
            if self.on_ended is not None:
                self.on_ended(ended)
            return
        waiting = self._pending.get(message.get("id") or 0)
        if waiting is None or waiting.done():
            return
        if "ok" in message:
            waiting.set_result(message["ok"])
        else:
            waiting.set_exception(LoadError(message["error"]))


def _relay(via: Via | None) -> dict[str, Any] | None:
    if via is None:
        return None
    return asdict(via) | {"ca": str(via.ca) if via.ca else None}
