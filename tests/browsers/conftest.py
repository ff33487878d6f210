"""A server and two clients' networks without delay, for browsers that meet each other."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from browsers.meeting import Meeting
from playwright.sync_api import Playwright, sync_playwright

from netlab.link import Conditions
from netlab.namespaces import require_privilege
from netlab.server import Server
from netlab.topology import SERVER_V4, Lab


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
