"""A participant's transports, their receive slots and what is bound there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomline.ids import TrackId, TransportName
from roomline.rooms.track import Kind

if TYPE_CHECKING:
    from roomline.rooms.binding import Binding


@dataclass(eq=False)
class Slot:
    """A media section in which a client receives: it carries one track or is free."""

    mid: str
    kind: Kind
    free: bool = True


@dataclass(eq=False)
class Transport:
    """One ICE/DTLS association. `number` names it to the engine.

    Every transport of a participant carries everything the participant gets: so nothing has to be
    bound while the media moves from one to the other.
    """

    name: TransportName
    number: int
    told: bool = False
    """Whether the participant knows of it: nothing is bound before."""
    connected: bool = False
    slots: dict[str, Slot] = field(default_factory=dict)
    sending: dict[str, Kind] = field(default_factory=dict)
    """Media sections in which the client sends, by mid."""
    bindings: dict[TrackId, Binding] = field(default_factory=dict)
    refused: set[TrackId] = field(default_factory=set)
    """Tracks the engine cannot send here, for want of a common codec."""
    missing_told: tuple[int, int] = (0, 0)
    """Audio and video slots the client was last asked for."""

    def set_sections(self, sections: Iterable[tuple[str, str, bool, bool]]) -> list[str]:
        """Take over `(mid, kind, sends, receives)` of an answered offer.

        Returns the mids that were slots and are not any more.
        """
        before = self.slots
        self.slots, self.sending = {}, {}
        for mid, kind, sends, receives in sections:
            if kind not in {"audio", "video"}:
                continue
            media: Kind = "audio" if kind == "audio" else "video"
            if sends:
                self.sending[mid] = media
            if receives:
                self.slots[mid] = before.get(mid) or Slot(mid, media)
        return [mid for mid in before if mid not in self.slots]

    def free_slots(self, kind: Kind) -> Iterator[Slot]:
        """Slots that carry nothing."""
        return (slot for slot in self.slots.values() if slot.free and slot.kind == kind)
