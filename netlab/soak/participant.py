"""One participant of the soak: joins, moves from tier to tier, loses its signaling, leaves, comes back."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from netlab.soak.line import Line
from netlab.soak.signaling import Session

TIERS = ("direct", "turn-udp", "turn-tls")
ACTIONS = {"move": 60, "there-and-back": 20, "resume": 10, "rejoin": 6, "vanish": 4}
"""What is done, and how often beside the others."""


@dataclass
class Tally:
    """What all participants did."""

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    received: Counter[str] = field(default_factory=Counter)
    stalled: int = 0
    """Moves after which nothing came over the new transport."""
    disorder: int = 0


class Participant:
    """Publishes sound and pictures, and watches one other."""

    def __init__(
        self,
        identity: str,
        watched: str,
        *,
        token: Callable[[str], str],
        session: Callable[[Callable[[dict[str, Any]], None]], Session],
        canned: dict[str, bytes],
        tally: Tally,
        rng: random.Random,
    ) -> None:
        self.identity = identity
        self._watched = watched
        self._token = token
        self._session = session
        self._canned = canned
        self._tally = tally
        self._rng = rng
        self._signaling: Session | None = None
        self._line: Line | None = None
        self._tracks: dict[str, str] = {}
        self._servers: list[dict[str, Any]] = []
        self._wanted: set[asyncio.Task[None]] = set()

    async def join(self) -> None:
        """Join on the direct path."""
        signaling = self._signaling = self._session(self._event)
        line = self._line = Line("direct", [], self._canned)
        joined = await signaling.join(
            token=self._token(self.identity),
            offer=await line.offer(),
            tracks=line.intents(),
            subscribe="manual",
        )
        self._servers = joined["iceServers"]
        self._tracks = {each["track"]["kind"]: each["track"]["id"] for each in joined["tracks"]}
        for other in joined["participants"]:
            self._watch(other["identity"], other["tracks"])
        await line.accept(joined["transport"], joined["answer"])

    async def act(self) -> None:
        """Do one thing, chosen at random. A failure is counted, and answered by joining anew."""
        name = self._rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        actions: dict[str, Callable[[], Awaitable[None]]] = {
            "move": self._move_anywhere,
            "there-and-back": self._there_and_back,
            "resume": self._resume,
            "rejoin": self._rejoin,
            "vanish": self._vanish,
        }
        await self._attempt(name, actions[name])

    async def settle(self) -> None:
        """Be on the direct path, with one transport."""
        if self._line is None or self._signaling is None:
            await self._attempt("join", self.join)
        elif self._line.lost:
            await self._attempt("keep", self._give_up)
        elif self._line.tier != "direct":
            await self._attempt("move", lambda: self._move("direct"))

    async def _give_up(self) -> None:
        assert self._line is not None
        raise ConnectionError(f"{self._line.tier} was lost: {self._line.pc.connectionState}")

    async def _attempt(self, name: str, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await action()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted and told
                self._tally.failed[name] += 1
                self._tally.errors.append(f"{self.identity} {name}: {type(error).__name__} {error}")
                await self._forget()
                await asyncio.sleep(1)
                name, action = "join", self.join
            else:
                self._tally.done[name] += 1
                return

    async def _move_anywhere(self) -> None:
        assert self._line is not None
        tiers = [tier for tier in TIERS if tier != self._line.tier]
        await self._move(self._rng.choice(tiers))

    async def _move(self, tier: str) -> None:
        """A second transport on that tier, the tracks to it, the first one closed."""
        assert self._line is not None
        old, new = self._line, await self._open(tier)
        self._line = new
        await self._close(old)
        await self._check(new)
        self._tally.done[f"to {tier}"] += 1

    async def _there_and_back(self) -> None:
        """As the SDK does on a dead path: a bridge carries the media for a while."""
        assert self._line is not None
        assert self._signaling is not None
        main = self._line
        bridge = await self._open(self._rng.choice([t for t in TIERS if t != main.tier]))
        try:
            await self._check(bridge)
            mids = [
                {"mid": sender.mid, "track": self._tracks[kind]}
                for kind, sender in main.senders.items()
            ]
            await self._signaling.request("move", transport=main.id, tracks=mids)
        finally:
            await self._close(bridge)
        await self._check(main)

    async def _open(self, tier: str) -> Line:
        assert self._signaling is not None
        line = Line(tier, self._servers, self._canned)
        try:
            answer = await self._signaling.request(
                "offer", offer=await line.offer(), tracks=line.intents(self._tracks)
            )
            self._servers = answer["iceServers"]
            await line.accept(answer["transport"], answer["answer"])
        except BaseException:
            await line.close()
            raise
        return line

    async def _close(self, line: Line) -> None:
        assert self._signaling is not None
        await self._signaling.request("closeTransport", transport=line.id)
        await self._end(line)

    async def _check(self, line: Line) -> None:
        """Count it if nothing comes over the line: whom we watch may be away, but seldom."""
        before = line.received.total()
        for _ in range(30):
            await asyncio.sleep(0.1)
            if line.received.total() > before:
                return
        self._tally.stalled += 1
        self._tally.errors.append(f"{self.identity} nothing came on {line.tier}: {line.received}")

    async def _resume(self) -> None:
        assert self._signaling is not None
        await self._signaling.resume()

    async def _rejoin(self) -> None:
        assert self._signaling is not None
        await self._signaling.leave()
        await self._forget()
        await asyncio.sleep(self._rng.uniform(0.2, 2))
        await self.join()

    async def _vanish(self) -> None:
        """Gone without a word; the server finds out, or a later join replaces what is left."""
        await self._forget()
        await asyncio.sleep(self._rng.uniform(1, 45))
        await self.join()

    async def leave(self) -> None:
        """Leave for good."""
        if self._signaling is not None:
            await self._signaling.leave()
        await self._forget()

    async def _forget(self) -> None:
        signaling, line = self._signaling, self._line
        self._signaling = self._line = None
        if signaling is not None:
            await signaling.lose()
        if line is not None:
            await self._end(line)

    async def _end(self, line: Line) -> None:
        await line.close()
        self._tally.received.update(line.received)

    def _event(self, event: dict[str, Any]) -> None:
        if event["type"] == "participantJoined":
            self._watch(event["participant"]["identity"], event["participant"]["tracks"])
        elif event["type"] in {"disorder", "closed"}:
            self._tally.disorder += event["type"] == "disorder"
            self._tally.errors.append(f"{self.identity} {event['type']}: {event['message']}")

    def _watch(self, identity: str, tracks: list[dict[str, Any]]) -> None:
        if identity != self._watched:
            return
        for track in tracks:
            task = asyncio.create_task(self._subscribe(track["id"]))
            self._wanted.add(task)
            task.add_done_callback(self._wanted.discard)

    async def _subscribe(self, track: str) -> None:
        assert self._signaling is not None
        try:
            await self._signaling.request("subscribe", track=track)
        except Exception as error:  # noqa: BLE001 - whom we watch may have gone meanwhile
            self._tally.errors.append(f"{self.identity} subscribe: {error}")
