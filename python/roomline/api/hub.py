"""Moves the core's bytes: between WebSockets, the engine and the clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta

from roomline.api.hook_runner import HookRunner
from roomline.clock import Clock, Moment
from roomline.engine import MediaEngine
from roomline.engine.events import Event, HttpConnection
from roomline.errors import ConfigError, EngineClosed
from roomline.hooks import Decision, Hooks
from roomline.log import get as get_logger
from roomline.protocol import EventEncoder
from roomline.signaling import Core, JsonConnection

TakeConnection = Callable[[HttpConnection], None]

log = get_logger("hub")


class Hub:
    """The core, its engine and its clock, on one event loop."""

    def __init__(self, core: Core, engine: MediaEngine, clock: Clock) -> None:
        self.core = core
        self.engine = engine
        self._clock = clock
        self._encoder = EventEncoder()
        self._writers: dict[object, Callable[[], object]] = {}
        self._empty = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._settling = False
        self._take_connection: TakeConnection | None = None
        self._hooks: HookRunner | None = None

    def start(self, take_connection: TakeConnection | None = None) -> None:
        """Begin to take the engine's events. HTTP connections go to `take_connection`."""
        self._take_connection = take_connection
        self.engine.start(self._deliver)

    def attach(self, hooks: Hooks) -> None:
        """Ask and tell an application from now on. Raises ConfigError if there is one already."""
        if self._hooks is not None:
            raise ConfigError("another Roomline is part of this server already")
        self._hooks = HookRunner(hooks, self)
        self.core.ask(hooks.questions, hooks.notices)

    async def detach(self) -> None:
        """Ask and tell nobody any more, once what was told before has been heard."""
        if self._hooks is not None:
            self.core.ask((), ())
            await self._hooks.close()
            self._hooks = None

    def decide(self, number: int, decision: Decision) -> None:
        """The application has answered a question."""
        self.core.handle_decision(number, decision, self.now())
        self.settle()

    def postpone(self, number: int, message: str, timeout: timedelta) -> None:
        """The application takes its time to admit somebody."""
        self.core.postpone(number, message, timeout.total_seconds(), self.now())
        self.settle()

    def count(self, name: str, label: str) -> None:
        """Add one to a counter of the core."""
        self.core.count(name, label)

    def now(self) -> Moment:
        """This instant."""
        return self._clock.now()

    def connect(self, wake: Callable[[], object]) -> JsonConnection:
        """A new client connection; `wake` is called when it has something to send."""
        connection = JsonConnection(self.core, self.now(), self._encoder)
        self._writers[connection] = wake
        self.settle()
        return connection

    def disconnect(self, connection: JsonConnection) -> None:
        """A client connection is gone."""
        self._writers.pop(connection, None)
        if not self._writers:
            self._empty.set()
        connection.receive_closed(self.now())
        self.settle()

    def settle(self) -> None:
        """Carry out what the core wants after it was fed."""
        if self._settling:
            return
        self._settling = True
        try:
            while commands := self.core.take_commands():
                self.engine.submit(commands)
        except EngineClosed:
            log.debug("command after the engine's end")
        finally:
            self._settling = False
        self._consult()
        for channel in self.core.take_touched():
            wake = self._writers.get(channel)
            if wake is not None:
                wake()
        self._arm()

    async def flush(self, timeout: float) -> None:  # noqa: ASYNC109 - it is not an error
        """Wait until every connection is closed, at most for `timeout` seconds."""
        if self._writers:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), timeout)

    def close(self) -> None:
        """Stop the timer. The engine is its owner's to close."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _consult(self) -> None:
        asks, withdrawn, notices = (
            self.core.take_asks(),
            self.core.take_withdrawn(),
            self.core.take_notices(),
        )
        if self._hooks is None:
            return
        for ask in asks:
            self._hooks.ask(ask.request, ask.question)
        for number in withdrawn:
            self._hooks.withdraw(number)
        for notice in notices:
            self._hooks.tell(notice)

    def _deliver(self, events: Sequence[Event]) -> None:
        rest: list[Event] = []
        for event in events:
            if not isinstance(event, HttpConnection):
                rest.append(event)
            elif self._take_connection is not None:
                self._take_connection(event)
        if rest:
            self.core.handle_events(rest, self.now())
        self.settle()

    def _arm(self) -> None:
        due = self.core.poll_timeout()
        if due is None or self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, due - self.now().monotonic), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.core.handle_timeout(self.now())
        self.settle()
