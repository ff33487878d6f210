"""What all servers have in common once they are up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from bench.peers.contract import Load, Participant, Place, Profile, Tier, Track, Via
from bench.peers.conversation import Conversation, Guest
from bench.peers.process import Process


@dataclass
class ServerRunning(ABC):
    """A server that is up. An adapter adds how one joins."""

    process: Process
    place: Place

    @property
    def pids(self) -> list[int]:
        """Its processes, children included, for accounting."""
        return self.process.pids

    @abstractmethod
    def conversation(self, guest: Guest) -> Conversation:
        """The one that `guest` will have with this server."""

    async def publish(
        self,
        load: Load,
        room: str,
        name: str,
        tracks: Sequence[Track],
        profiles: Sequence[Profile],
        *,
        via: Via | Tier | None = None,
    ) -> Participant:
        """Join and publish; receives nothing."""
        return await self._join(Guest(load, room, name, tracks, False, profiles, via))

    async def subscribe(
        self,
        load: Load,
        room: str,
        name: str,
        profiles: Sequence[Profile],
        *,
        via: Via | Tier | None = None,
    ) -> Participant:
        """Join and receive everything in the room, in its best layer."""
        return await self._join(Guest(load, room, name, (), True, profiles, via))

    async def meet(
        self,
        load: Load,
        room: str,
        name: str,
        tracks: Sequence[Track],
        profiles: Sequence[Profile],
        *,
        via: Via | Tier | None = None,
    ) -> Participant:
        """Join, publish, and receive everything of the others."""
        return await self._join(Guest(load, room, name, tracks, True, profiles, via))

    async def stop(self) -> None:
        """End it. Raises BenchError if it had ended by itself."""
        self.process.stop()

    async def _join(self, guest: Guest) -> Participant:
        joined = self.conversation(guest)
        try:
            await joined.join()
        except BaseException:
            await joined.abandon()
            raise
        return joined
