"""Which track goes into which slot.

A binding stays where it is while its track is wanted and its slot exists; a track that is wanted
and not bound takes the first free slot of its kind, oldest track first. Each transport is looked at
by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomline.rooms.track import Kind, Track
from roomline.rooms.transport import Slot, Transport

if TYPE_CHECKING:
    from roomline.rooms.participant import Participant


@dataclass(eq=False)
class Binding:
    """A track in a slot. `subscription` names it to the engine."""

    track: Track
    transport: Transport
    mid: str
    subscription: int
    told: bool = False
    """Whether the participant knows of it."""
    starved: bool = False
    """Whether the engine's bitrate cap has stopped it."""


@dataclass
class BindingPlan:
    """What to change on a transport so that a participant gets there what it wants."""

    unbind: list[Binding] = field(default_factory=list)
    bind: list[tuple[Track, Slot]] = field(default_factory=list)
    missing: dict[Kind, int] = field(default_factory=lambda: {"audio": 0, "video": 0})
    """How many more slots are wanted."""


def plan_bindings(
    participant: Participant, transport: Transport, tracks: Iterable[Track]
) -> BindingPlan:
    """Compare what is bound with what is wanted. `tracks` are the room's, oldest first."""
    plan = BindingPlan()
    wanted = {track.id: track for track in tracks if participant.wants(track)}
    taken: set[Slot] = set()
    freed: set[Slot] = set()
    for track_id, binding in transport.bindings.items():
        slot = transport.slots.get(binding.mid)
        if track_id not in wanted or slot is None:
            plan.unbind.append(binding)
            if slot is not None:
                freed.add(slot)
    kept = transport.bindings.keys() - {binding.track.id for binding in plan.unbind}
    for track in wanted.values():
        if track.id in kept or track.id in transport.refused:
            continue
        slot = _free_slot(transport, track.kind, freed, taken)
        if slot is None:
            plan.missing[track.kind] += 1
        else:
            taken.add(slot)
            plan.bind.append((track, slot))
    return plan


def _free_slot(transport: Transport, kind: Kind, freed: set[Slot], taken: set[Slot]) -> Slot | None:
    for slot in transport.slots.values():
        free = slot.free or slot in freed
        if slot.kind == kind and free and slot not in taken:
            return slot
    return None
