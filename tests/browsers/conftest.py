"""A server and three clients' networks with little delay, and the browsers in them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from netlab.bidi import Firefox
from netlab.browser import launch
from netlab.link import Conditions
from netlab.namespaces import require_privilege
from netlab.server import Server
from netlab.topology import SERVER_V4, Lab

from support.people import Meeting


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
        sites = [lab.site(conditions=quick) for _ in range(3)]
        yield Meeting(lab, server, sites)
        server.close()


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, meeting: Meeting) -> Iterator[Browser]:
    browser = launch(playwright, meeting.hosts[0], meeting.server.ca)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def firefox(meeting: Meeting) -> Iterator[Firefox]:
    browser = Firefox(meeting.hosts[1], meeting.server.ca)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def other_chromium(playwright: Playwright, meeting: Meeting) -> Iterator[Browser]:
    browser = launch(playwright, meeting.hosts[2], meeting.server.ca)
    yield browser
    browser.close()
