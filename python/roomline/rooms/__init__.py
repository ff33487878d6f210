"""Rooms: who is in, what is published, who gets what. Decides; does nothing."""

from __future__ import annotations

from roomline.rooms.binding import Binding, BindingPlan, plan_bindings
from roomline.rooms.bitrate import share_bitrate
from roomline.rooms.participant import Participant
from roomline.rooms.room import Room, Rooms
from roomline.rooms.track import Intent, Track
from roomline.rooms.transport import Slot, Transport

__all__ = [
    "Binding",
    "BindingPlan",
    "Intent",
    "Participant",
    "Room",
    "Rooms",
    "Slot",
    "Track",
    "Transport",
    "plan_bindings",
    "share_bitrate",
]
