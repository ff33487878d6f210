"""One participant's WebSocket to a server's signaling, and what every dialect needs of it."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bench.errors import BenchError
from bench.peers.contract import Load, Profile, Section, Sent, Tier, Track, Via

OPENS_WITHIN_S = 20.0
REPLY_WITHIN_S = 30.0


@dataclass(frozen=True)
class Guest:
    """Who joins which room, and for what."""

    load: Load
    room: str
    name: str
    tracks: Sequence[Track]
    """What they publish."""
    receive: bool
    """Whether they receive what the others publish."""
    profiles: Sequence[Profile]
    via: Via | Tier | None

    @property
    def relay(self) -> Via | None:
        """The relay in front, for servers that have none of their own to be measured with."""
        if isinstance(self.via, str):
            raise BenchError("only our own server is measured with its own relay")
        return self.via


class Conversation(ABC):
    """Reads what the server says, and does one thing after the other because of it.

    `rids` are what the server takes for the names of encodings, from the smallest, and
    `largest_first` is the order in which it expects them.

    `hear` is told every message and must return at once. What takes time, such as an exchange with
    the load client, it hands to `later`. The first failure of either ends every `until`.
    """

    rids: ClassVar[tuple[str, ...]] = ()
    largest_first: ClassVar[bool] = False

    def __init__(self, guest: Guest, server: str) -> None:
        self.guest = guest
        self.load = guest.load
        self.who = f"{server}/{guest.room}/{guest.name}"
        self.sent: list[Sent] = []
        self._transports: list[str] = []
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()
        self._jobs: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._socket: ClientConnection | None = None
        self._leaving = False

    @property
    def transports(self) -> list[str]:
        """Names of its transports at the load client."""
        return list(self._transports)

    @property
    def failed(self) -> bool:
        """Whether something went wrong that will not mend."""
        return self._failure is not None

    @abstractmethod
    async def join(self) -> None:
        """Everything from the offer to the answer. Raises BenchError if it does not succeed."""

    @abstractmethod
    async def receives(self, tracks: int, timeout_s: float) -> None:
        """Return once `tracks` tracks of others are negotiated. Raises BenchError in time."""

    @abstractmethod
    def hear(self, frame: str | bytes) -> None:
        """Take one message of the server."""

    @abstractmethod
    async def farewell(self) -> None:
        """Tell the server that one leaves, if its protocol has words for that."""

    async def connect(
        self,
        url: str,
        address: tuple[str, int],
        *,
        tls: ssl.SSLContext | None = None,
        subprotocols: Sequence[str] = (),
    ) -> None:
        """Open the WebSocket at `address`; the name in the URL is not looked up."""
        try:
            self._socket = await connect(
                url,
                ssl=tls,
                host=address[0],
                port=address[1],
                subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                compression=None,
                max_size=None,
                # What comes while one leaves is read by nobody, and must not keep the end waiting.
                max_queue=None,
                open_timeout=OPENS_WITHIN_S,
                ping_interval=None,
                proxy=None,
            )
        except (OSError, TimeoutError) as error:
            raise BenchError(f"{self.who}: {url.partition('?')[0]}: {error}") from error
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._work())]

    async def say(self, frame: str | bytes) -> None:
        """Send one message."""
        assert self._socket is not None
        try:
            await self._socket.send(frame)
        except ConnectionClosed as error:
            raise BenchError(f"{self.who}: the server closed the connection: {error}") from error

    def later(self, job: Callable[[], Awaitable[None]]) -> None:
        """Do this when everything that was put off before is done."""
        self._jobs.put_nowait(job)

    def every(self, seconds: float, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do this again and again for as long as the conversation goes on."""

        async def repeat() -> None:
            while True:
                await asyncio.sleep(seconds)
                await job()

        self._tasks.append(asyncio.create_task(self._guarded(repeat())))

    def changed(self) -> None:
        """Something happened that an `until` may wait for."""
        self._changed.set()
        self._changed = asyncio.Event()

    def fail(self, message: str) -> None:
        """Nothing good will come any more."""
        self._fail(BenchError(f"{self.who}: {message}"))

    async def until(self, ready: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Return once `ready` holds. Raises BenchError after `timeout_s`, and if all failed."""
        try:
            async with asyncio.timeout(timeout_s):
                while not ready():
                    if self._failure is not None:
                        raise BenchError(f"{self.who}: {what}: {self._failure}") from self._failure
                    await self._changed.wait()
        except TimeoutError as error:
            raise BenchError(f"{self.who}: {what} took more than {timeout_s:g} s") from error

    async def close(self) -> None:
        """Leave, and close the transports. Raises BenchError if something had failed before."""
        self._leaving = True
        if self._socket is not None:
            try:
                await self.farewell()
            except BenchError as error:
                self._fail(error)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._socket.close()
        for transport in self._transports:
            await self.load.close(transport)
        self._transports.clear()
        if self._failure is not None:
            raise BenchError(str(self._failure)) from self._failure

    async def abandon(self) -> None:
        """Clean up after a join that failed; its own error is the one to tell."""
        try:
            await self.close()
        except BenchError:
            return

    async def offer(self, transport: str, receive: Sequence[Section] = ()) -> str:
        """Open a transport that publishes all tracks; its offer. `receive` comes after them."""
        sections = [
            Section(
                track.kind,
                "sendonly",
                track.simulcast,
                self.rids[-track.simulcast :] if track.simulcast else (),
                self.largest_first,
            )
            for track in self.guest.tracks
        ]
        relay = self.guest.via if isinstance(self.guest.via, Via) else None
        self.opened(transport)
        sdp = await self.load.offer(transport, [*sections, *receive], self.guest.profiles, relay)
        self.sent = [Sent(transport, n, track) for n, track in enumerate(self.guest.tracks)]
        return sdp

    async def accept(self, transport: str, sdp: str) -> str:
        """Take a server's offer for a transport, open or not; the answer."""
        self.opened(transport)
        return await self.load.accept(transport, sdp, self.guest.profiles, self.guest.relay)

    def opened(self, transport: str) -> str:
        """Note a transport of ours, so that it is closed."""
        if transport not in self._transports:
            self._transports.append(transport)
        return transport

    async def gone(self, transport: str) -> None:
        """Close a transport of ours that the server has no more use for."""
        self._transports.remove(transport)
        await self.load.close(transport)

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for frame in self._socket:
                self.hear(frame)
            if not self._leaving:
                self.fail(f"the server closed the connection ({self._socket.close_reason})")
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            if not self._leaving:
                self._fail(error)

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            await self._guarded(job())

    async def _guarded(self, job: Awaitable[None]) -> None:
        try:
            await job
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            if not self._leaving:
                self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self.changed()


def mids(sdp: str) -> list[str]:
    """The `a=mid` of each media section of a description, in order (RFC 9143)."""
    return [line[6:].strip() for line in sdp.splitlines() if line.startswith("a=mid:")]


def media(sdp: str) -> list[str]:
    """The kind of each media section of a description that is in use, in order."""
    lines = [line[2:].split() for line in sdp.splitlines() if line.startswith("m=")]
    return [words[0] for words in lines if words[1] != "0"]
