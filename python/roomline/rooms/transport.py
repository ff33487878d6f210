"""A participant's transports and their receive slots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from roomline.ids import TransportName
from roomline.rooms.track import Kind


@dataclass(eq=False)
class Slot:
    """A media section in which a client receives: it carries one track or is free."""

    mid: str
    kind: Kind
    free: bool = True


@dataclass(eq=False)
class Transport:
    """One ICE/DTLS association. `number` names it to the engine."""

    name: TransportName
    number: int
    connected: bool = False
    slots: dict[str, Slot] = field(default_factory=dict)
    sending: dict[str, Kind] = field(default_factory=dict)
    """Media sections in which the client sends, by mid."""

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
