"""Rooms inside an application of your own.

::

    from fastapi import FastAPI
    from roomline import Roomline

    video = Roomline()
    app = FastAPI(lifespan=video.lifespan)
    app.mount("/video", video.asgi)
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakSet

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from roomline.config import Settings, load
from roomline.engine import EngineOptions, MediaEngine
from roomline.errors import ConfigError, NotStarted
from roomline.hooks import Hooks, Person
from roomline.log import get as get_logger
from roomline.server import HOST, OpenTier, Server, caveats, tiers
from roomline.server.claim import claim
from roomline.signaling.decisions import person
from roomline.state import State
from roomline.tokens import AccessToken

log = get_logger("embedding")

T = TypeVar("T")

NOT_STARTED = (
    "Roomline has not started: give its lifespan to your application, "
    "for example FastAPI(lifespan=video.lifespan); mounted applications get none"
)

_INSTANCES: WeakSet[Roomline] = WeakSet()


def check_attached() -> None:
    """Raises ConfigError if a Roomline of this process has functions, but does not run.

    For `roomline serve --app`: nobody would ask them, and everybody would be let in.
    """
    for video in _INSTANCES:
        if (video.questions or video.notices) and not video.is_running:
            names = ", ".join(sorted(video.names()))
            raise ConfigError(
                f"nobody would call {names}: give the Roomline's lifespan to the application, "
                "for example FastAPI(lifespan=video.lifespan)"
            )


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


class Roomline(Hooks):
    """Rooms that your application carries.

    Under any ASGI server, `lifespan` opens the ports for media and TURN, and `asgi` answers
    signaling, pages and administration wherever it is mounted. Under `roomline serve --app` the
    lifespan joins the server that runs already: the same file works both ways.

    Its decorators `on_…` add functions that decide who comes in and who may publish and get what,
    and functions that are told what happens.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        url: str | None = None,
        announce: Callable[[str], None] | None = _to_stderr,
        make_engine: Callable[[EngineOptions], MediaEngine] | None = None,
    ) -> None:
        """Nothing is opened before the lifespan begins.

        `settings` are read from `ROOMLINE_CONFIG` and the environment when left out; under
        `roomline serve` those of the command line hold. `url` is where clients find what is
        mounted, for `invite`, such as `https://example.com/video`. `announce` is told at start-up
        which tiers there are; the default writes to standard error. Raises ConfigError for a URL
        that is none.
        """
        super().__init__()
        if url is not None and not (urlsplit(url).scheme and urlsplit(url).netloc):
            raise ConfigError(f"url = {url!r}: write it with its scheme, https://HOST/PATH")
        self._settings = settings
        self._url = url.rstrip("/") if url else None
        self._announce = announce
        self._make_engine = make_engine
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._waiting: WeakSet[Future[Any]] = WeakSet()
        """What other threads wait for."""
        _INSTANCES.add(self)

    @property
    def asgi(self) -> ASGIApp:
        """What to mount: `app.mount("/video", video.asgi)`. Or the whole application."""
        return self

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:  # noqa: ARG002 - Starlette's signature
        """Run the rooms: `FastAPI(lifespan=video.lifespan)`, or `async with` in your own.

        Raises ConfigError, AlreadyRunning in all workers but one, and then nothing is left open.
        """
        if self._server is not None:
            raise ConfigError("this Roomline runs already: enter its lifespan once")
        host = HOST.get()
        if host is not None:
            with self._serving(host):
                yield
            return
        settings = self._settings or load()
        with claim(State(settings.state_dir).folder, settings.turn.port):
            server = Server(settings, mounted=True, make_engine=self._make_engine)
            # Functions that are told of the end may still use us.
            with self._serving(server):
                try:
                    await server.start()
                    self._tell(server)
                    yield
                finally:
                    await server.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI application. Raises NotStarted before the lifespan has begun."""
        if scope["type"] == "lifespan":
            # We are the whole application.
            await Router(lifespan=self.lifespan)(scope, receive, send)
        else:
            await self._started.app(scope, receive, send)

    @property
    def is_running(self) -> bool:
        """Whether the lifespan has begun and is not over."""
        return self._server is not None

    @property
    def url(self) -> str:
        """Where clients find the rooms. Raises ConfigError when nobody has said so."""
        server = self._started
        if not server.mounted:
            return server.url
        if self._url is None:
            raise ConfigError("say where clients find what is mounted: Roomline(url=…)")
        return self._url

    @property
    def tiers(self) -> list[OpenTier]:
        """The tiers that there are, best first."""
        return tiers(self._started)

    def invite(self, room: str) -> str:
        """A link that lets whoever opens it into a room, for a day."""
        return self.url + self._started.invite_path(room)

    def access_token(self) -> AccessToken:
        """A token with this server's key, to be filled in: `.with_identity(…).with_room(…)`.

        Works before the lifespan too.
        """
        if self._server is not None:
            state = self._server.state
        else:
            state = State((self._settings or load()).state_dir)
        key = state.api_key()
        return AccessToken(key.key, key.secret)

    def participants(self, room: str) -> list[Person]:
        """Who is in a room; nobody in one that does not exist. Any thread may ask."""

        def look(server: Server) -> list[Person]:
            return [person(session) for session in server.hub.core.sessions(room)]

        return self._on_loop(look)

    def remove(self, room: str, participant: str) -> None:
        """Take somebody out of a room, by id or identity. Any thread may.

        Raises `roomline.errors.NotFound`.
        """

        def end(server: Server) -> None:
            server.hub.core.remove(room, participant, server.hub.now())
            server.hub.settle()

        self._on_loop(end)

    def _on_loop(self, work: Callable[[Server], T]) -> T:
        """Do something on the server's event loop, where the rooms live; other threads wait for it.

        Raises NotStarted also when the server ends before it is done.
        """
        if self._loop is _running_loop():
            return work(self._started)
        done: Future[T] = Future()

        def do() -> None:
            if done.done():
                return
            try:
                done.set_result(work(self._started))
            except Exception as error:  # noqa: BLE001 - it is raised in the thread that waits
                done.set_exception(error)

        with self._lock:
            if self._loop is None:
                raise NotStarted(NOT_STARTED)
            self._waiting.add(done)
            self._loop.call_soon_threadsafe(do)
        return done.result()

    @property
    def _started(self) -> Server:
        if self._server is None:
            raise NotStarted(NOT_STARTED)
        return self._server

    @contextmanager
    def _serving(self, server: Server) -> Iterator[None]:
        if not server.mounted and self._settings is not None:
            log.warning("the settings of roomline serve hold, not those of Roomline(settings)")
        server.hub.attach(self)
        self._server, self._loop = server, asyncio.get_running_loop()
        try:
            yield
        finally:
            # The loop may never turn again, and whoever waits for it would wait for ever.
            with self._lock:
                self._server = self._loop = None
                waiting, self._waiting = self._waiting, WeakSet()
            for each in waiting:
                if not each.done():
                    each.set_exception(NotStarted("Roomline has ended meanwhile"))

    def _tell(self, server: Server) -> None:
        if self._announce is None:
            return
        lines = [f"  {place}  {tier}" for place, tier in enumerate(tiers(server), 1)]
        self._announce("\n".join(["Roomline is up:", *lines, *caveats(server)]))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, if one runs here."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
