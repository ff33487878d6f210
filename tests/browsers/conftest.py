"""A server and two clients' networks without delay, for browsers that meet each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from netlab.link import Conditions
from netlab.namespaces import Namespace, require_privilege
from netlab.server import Server
from netlab.topology import SERVER_V4, Lab
from playwright.sync_api import Playwright, sync_playwright


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


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def meeting() -> Iterator[Meeting]:
    require_privilege()
    with Lab(f"rb{os.getpid()}") as lab:
        server = Server(lab.server, "--address", SERVER_V4)
        quick = Conditions(delay_ms=1)
        hosts = [lab.site(conditions=quick).client for _ in range(3)]
        yield Meeting(lab, server, hosts)
        server.close()
