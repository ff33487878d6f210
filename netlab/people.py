"""Who takes part in a call whose network changes: movers, and others who stay where they are.

All are in one room. The observer sends to every mover and receives from every mover, the movers have
nothing from one another: so many calls side by side at the cost of little more than one. A witness
receives from the observer all the time: what it misses is the machine's doing, not the network's.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Playwright

from netlab.bidi import Firefox
from netlab.browser import ChromiumPage, Client, Page, launch
from netlab.firewall import Firewall
from netlab.gaps import Arrival
from netlab.namespaces import LabError
from netlab.server import Server
from netlab.topology import SERVER_V4, Lab, Site, Uplink

SCRIPT = Path(__file__).with_name("moving.js")
OBSERVING, WITNESSING = 0, 999
PICTURES_PER_S = 8
"""Few enough that two cores encode and decode those of a whole row."""
JOIN_WITHIN_S = 60.0
FRESH_MS = 1000.0
"""Media that came within this time is on its way."""


def now_ms() -> float:
    """Ms since 1970, as the pages count them: they are on the same machine."""
    return time.time() * 1000


class Someone:
    """One page of the call."""

    def __init__(self, page: Page | Firefox, server: Server, number: int) -> None:
        self.number = number
        self.identity = {OBSERVING: "observer", WITNESSING: "witness"}.get(
            number, f"mover-{number}"
        )
        self.client = Client(page, server.url)
        self.client.page.run(SCRIPT.read_text())
        self.arrivals: defaultdict[tuple[int, str], list[Arrival]] = defaultdict(list)
        """What came, by who sent it and its kind."""
        self.stalls: list[tuple[float, float]] = []
        """From when until when the thread that takes frames had no processor."""
        self.collected_at = 0.0

    def join(self, server: Server, room: str, movers: int) -> None:
        """Join, publish, and subscribe to whom we watch."""
        moves = self.number not in (OBSERVING, WITNESSING)
        others = ["observer"]
        if self.number == OBSERVING:
            others = [f"mover-{n + 1}" for n in range(movers)]
        how = {
            "page": self.number,
            "follow": others,
            "tell": [] if self.number == WITNESSING else others,
            "publish": self.number != WITNESSING,
            "ask": moves,
            "echo": self.number == OBSERVING,
            "look": moves,
            "framesPerSecond": PICTURES_PER_S,
            "options": {"subscribe": "manual"},
        }
        url = server.url.replace("https:", "wss:") + "/v1/signal"
        arguments = (url, server.token(self.identity, room), how)
        self.do(f"moving.join({', '.join(map(json.dumps, arguments))})")

    def do(self, expression: str) -> Any:
        """The value of an expression in the page, awaited."""
        return self.client.page.evaluate(expression)

    def collect(self) -> None:
        """Take over what has arrived since the last time."""
        came = self.do("moving.arrivals()")
        self.collected_at = now_ms()
        self.stalls += [(begin, end) for begin, end in came["stalls"]]
        for record in came["records"]:
            arrival = Arrival(*record)
            self.arrivals[arrival.page, arrival.kind].append(arrival)


@dataclass
class Scene:
    """A running call and the networks it runs in."""

    lab: Lab
    servers: list[Server]
    """The first one has the call."""
    site: Site
    """The movers' network."""
    uplink: Uplink
    """A second one of theirs, not in use."""
    observer: Someone
    witness: Someone
    """Receives from the observer too, in a network that does not change. Sends nothing."""
    another_browser: Callable[[], Browser]
    """Starts one more in the observer's network, which gets what processor time the call leaves."""
    settle_s: float
    movers: list[Someone] = field(default_factory=list)
    newcomers: list[Someone] = field(default_factory=list)
    """Their pages are open; they join another call when the step has them join."""

    def collect(self) -> None:
        """Take over what has arrived at everybody."""
        for each in (self.observer, self.witness, *self.movers):
            each.collect()

    def flows(self, mover: Someone, kind: str) -> dict[str, list[Arrival]]:
        """What the mover got of the observer (`down`) and the observer of it (`up`)."""
        return {
            "down": mover.arrivals[self.observer.number, kind],
            "up": self.observer.arrivals[mover.number, kind],
        }

    def fresh(self, mover: Someone) -> bool:
        """Whether sound and pictures had just come, both ways, when they were last collected."""
        collected_at = {"down": mover.collected_at, "up": self.observer.collected_at}
        return all(
            flow and flow[-1].at > collected_at[way] - FRESH_MS
            for kind in ("audio", "video")
            for way, flow in self.flows(mover, kind).items()
        )

    def wait(self, seconds: float) -> None:
        """Let the call go on, and collect meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            self.collect()

    def wait_until(self, done: Callable[[], bool], within_s: float, calm_s: float = 0.0) -> bool:
        """Look every half second until `done` has held for `calm_s`. False when it didn't in time."""
        deadline = time.monotonic() + within_s
        since: float | None = None
        while True:
            self.collect()
            now = time.monotonic()
            if not done():
                since = None
                if now > deadline:
                    return False
            else:
                since = now if since is None else since
                if now - since >= calm_s:
                    return True
            time.sleep(0.5)


@contextmanager
def call(
    playwright: Playwright,
    name: str,
    *,
    browser: str,
    movers: int,
    settle_s: float,
    firewall: Firewall = Firewall.OPEN,
) -> Iterator[Scene]:
    """Everybody has joined, the movers through the firewall, and the call has run for `settle_s`."""
    with Lab(name) as lab, ExitStack() as open_:
        server = start_server(lab)
        servers = [server]
        open_.callback(_close, servers)
        direct, site = lab.site(), lab.site()
        uplink = lab.uplink(site)
        site.set_firewall(firewall)

        def watching_browser(*, yields: bool) -> Browser:
            launched = launch(playwright, direct.client, server.ca, yields=yields)
            open_.callback(launched.close)
            return launched

        watching = watching_browser(yields=False)
        observer, witness = (
            Someone(ChromiumPage(watching), server, n) for n in (OBSERVING, WITNESSING)
        )
        another = partial(watching_browser, yields=True)
        scene = Scene(lab, servers, site, uplink, observer, witness, another, settle_s)
        for each in (observer, witness):
            each.join(server, "moving", movers)
        pages = _pages(playwright, browser, site, server, open_)
        for number in range(1, movers + 1):
            mover = Someone(pages(), server, number)
            mover.join(server, "moving", movers)
            scene.movers.append(mover)
            if not scene.wait_until(lambda mover=mover: scene.fresh(mover), JOIN_WITHIN_S):  # type: ignore[misc]
                raise LabError(f"no media to and from {mover.identity}: {mover.do('moving.told')}")
        scene.wait(settle_s)
        yield scene


def start_server(lab: Lab, *, yields: bool = False) -> Server:
    """A server that lets calls go on for as long as a row can take when it is drained."""
    return Server(lab.server, "--address", SERVER_V4, "--drain-seconds", "600", yields=yields)


def _close(servers: list[Server]) -> None:
    for server in servers:
        server.drain()
        server.close()  # The second signal ends it at once.


def _pages(
    playwright: Playwright, browser: str, site: Site, server: Server, open_: ExitStack
) -> Callable[[], Page]:
    """What opens pages of a browser in the movers' network."""
    if browser == "firefox":
        firefox = Firefox(site.client, server.ca)
        open_.callback(firefox.close)
        return firefox.open
    chromium = launch(playwright, site.client, server.ca)
    open_.callback(chromium.close)
    return lambda: ChromiumPage(chromium)
