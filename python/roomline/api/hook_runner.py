"""Calls the application's functions, and answers for those that do not answer."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from roomline.hooks import AdmitRequest, Decider, Decision, Hooks, Listener, Notice, Question
from roomline.log import get as get_logger

MAX_THREADS = 32
"""How many plain functions run at a time; others wait for their turn, which is part of their time."""

log = get_logger("hooks")


class Asker(Protocol):
    """Who asked, and is told."""

    def decide(self, number: int, decision: Decision) -> None:
        """The application's answer to a question."""

    def postpone(self, number: int, message: str, timeout: timedelta) -> None:
        """The application takes up to `timeout` from now; tell the client."""

    def count(self, name: str, label: str) -> None:
        """Add one to a counter."""


@dataclass
class _Call:
    deadline: asyncio.Timeout
    task: asyncio.Task[None] | None = None


class HookRunner:
    """The functions of one application, on one event loop."""

    def __init__(self, hooks: Hooks, asker: Asker) -> None:
        self.hooks = hooks
        self._asker = asker
        self._calls: dict[int, _Call] = {}
        self._notices: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        # Not the loop's own: one slow function would take it from everybody else.
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="roomline-hook")

    def ask(self, number: int, question: Question) -> None:
        """Begin to ask; `Asker.decide` gets the answer, unless it is withdrawn."""
        if isinstance(question, AdmitRequest):
            question = replace(question, on_wait=self._waiter(number))
        decider = self.hooks.decider(question)
        # Known before it runs: a loop with eager tasks begins at once.
        call = self._calls[number] = _Call(_limit(decider.timeout))
        call.task = self._loop.create_task(self._decide(number, decider, question, call.deadline))

    def withdraw(self, number: int) -> None:
        """Nobody waits for the answer any more."""
        call = self._calls.pop(number, None)
        if call is not None and call.task is not None:
            call.task.cancel()

    def tell(self, notice: Notice) -> None:
        """Tell everybody who wants to know."""
        for listener in self.hooks.listeners(notice):
            task = self._loop.create_task(self._notify(listener, notice))
            self._notices.add(task)
            task.add_done_callback(self._notices.discard)

    async def close(self) -> None:
        """Let the listeners hear the end, within their time; withdraw every question."""
        tasks = [call.task for call in self._calls.values() if call.task is not None]
        for number in list(self._calls):
            self.withdraw(number)
        await asyncio.gather(*tasks, *self._notices, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _decide(
        self, number: int, decider: Decider[Any], question: Question, deadline: asyncio.Timeout
    ) -> None:
        self._asker.count("hook_calls", decider.name)
        decision = decider.default
        try:
            async with deadline:
                decision = decider.decision(await self._call(decider.function, question))
        except (Exception, asyncio.CancelledError) as error:
            if number not in self._calls:
                # Withdrawn: nobody wants an answer.
                raise
            self._fail(decider.name, error, deadline)
        if self._calls.pop(number, None) is not None:
            self._asker.decide(number, decision)

    async def _notify(self, listener: Listener, notice: Notice) -> None:
        self._asker.count("hook_calls", listener.name)
        deadline = _limit(listener.timeout)
        try:
            async with deadline:
                await self._call(listener.function, notice)
        except Exception as error:  # noqa: BLE001 - a hook may raise anything
            self._fail(listener.name, error, deadline)

    async def _call(self, function: Callable[[Any], Any], argument: object) -> object:
        """Call a coroutine function here and a plain one in a thread."""
        called = getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):
            return await function(argument)
        run = contextvars.copy_context().run
        answer = await self._loop.run_in_executor(self._threads, run, function, argument)
        return await answer if inspect.isawaitable(answer) else answer

    def _fail(self, name: str, error: BaseException, deadline: asyncio.Timeout) -> None:
        if deadline.expired():
            self._asker.count("hook_timeouts", name)
            log.warning("a hook took too long", hook=name)
        else:
            self._asker.count("hook_errors", name)
            log.error("a hook failed", hook=name, exc_info=error)

    def _waiter(self, number: int) -> Callable[[str, timedelta], None]:
        def wait(message: str, timeout: timedelta) -> None:
            if threading.get_ident() == self._thread:
                self._postpone(number, message, timeout)
            else:
                self._loop.call_soon_threadsafe(self._postpone, number, message, timeout)

        return wait

    def _postpone(self, number: int, message: str, timeout: timedelta) -> None:
        call = self._calls.get(number)
        if call is None or call.deadline.expired():
            return
        call.deadline.reschedule(self._loop.time() + timeout.total_seconds())
        self._asker.postpone(number, message, timeout)


def _limit(timeout: timedelta) -> asyncio.Timeout:
    return asyncio.timeout(timeout.total_seconds())
