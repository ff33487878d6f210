"""Where real browsers meet, and people in a room: pages with the SDK and a probe in them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from playwright.sync_api import Browser

from netlab.browser import SCRIPT, ChromiumPage
from netlab.namespaces import Namespace
from netlab.server import Server
from netlab.topology import Lab, Site
from roomline import AccessToken, load_credentials

PROBE = Path(__file__).with_name("probe.js")
PATIENCE_S = 30.0


def wait_until(done: Callable[[], bool], explain: Callable[[], object]) -> None:
    """Look again and again; the look itself waits for the browser."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(str(explain()))


@dataclass
class Meeting:
    """Where the browsers of all tests meet."""

    lab: Lab
    server: Server
    sites: list[Site]
    """One with a Chromium, one with Firefox, one with a second Chromium."""
    rooms: int = field(default=0)

    @property
    def hosts(self) -> list[Namespace]:
        """The clients' machines."""
        return [site.client for site in self.sites]

    def room(self) -> str:
        """A name that no other test uses."""
        self.rooms += 1
        return f"room-{self.rooms}"

    def token(self, identity: str, room: str, **more: Any) -> str:
        """An access token with this server's key; `more` are fields of `AccessToken`."""
        key, secret = load_credentials(self.server.state)
        return AccessToken(key, secret, identity=identity, room=room, **more).to_jwt()


class Person:
    """Somebody in a room. Use it in a `with` statement."""

    def __init__(self, browser: Browser, meeting: Meeting, identity: str, room: str) -> None:
        self.identity = identity
        self.room = room
        self._meeting = meeting
        self.page = ChromiumPage(browser)
        self.page.goto(f"{meeting.server.url}/healthz")
        self.page.run(SCRIPT.read_text())
        self.page.run(PROBE.read_text())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.page.close()

    def join(self, *publish: tuple[Any, ...], **options: Any) -> Self:
        """Call `connect()`; `publish` are `(kind, name)`."""
        url = self._meeting.server.url
        token = self._meeting.token(self.identity, self.room)
        how = {"publish": publish, "options": options}
        self.do(f"probe.join({json.dumps(url)}, {json.dumps(token)}, {json.dumps(how)})")
        return self

    def do(self, script: str) -> Any:
        """Evaluate an expression in the page and wait for its promise."""
        return self.page.evaluate(script)

    def until(self, condition: str) -> None:
        """Wait until an expression is true in the page."""
        look = f"new Promise(r => setTimeout(() => r(Boolean({condition})), 30))"
        wait_until(lambda: bool(self.do(look)), lambda: (condition, self.events, self.page.log))

    @property
    def events(self) -> list[list[Any]]:
        """Everything the room has told."""
        found: list[list[Any]] = self.do("probe.events")
        return found

    def told(self, *event: Any) -> None:
        """Wait for an event."""
        wanted = json.dumps(event)
        self.until(
            f"probe.events.some((each) => JSON.stringify(each) === JSON.stringify({wanted}))"
        )

    def sees(self, track: str, more: int = 10) -> None:
        """Wait for so many more frames of a track."""
        before = self.do(f"probe.framesOf({json.dumps(track)}).count")
        self.until(f"probe.framesOf({json.dumps(track)}).count >= {before + more}")
