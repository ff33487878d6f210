"""What the tests of this folder share."""

from __future__ import annotations

from dataclasses import dataclass, field

from netlab.namespaces import Namespace
from netlab.server import Server
from netlab.topology import Lab


@dataclass
class Meeting:
    """Where the browsers of one test module meet."""

    lab: Lab
    server: Server
    hosts: list[Namespace]
    rooms: int = field(default=0)

    def room(self) -> str:
        """A name that no other test uses."""
        self.rooms += 1
        return f"room-{self.rooms}"
