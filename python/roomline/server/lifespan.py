"""The lifespan of the application behind us (ASGI lifespan protocol, version 2.0)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message

from roomline.errors import ConfigError
from roomline.log import get as get_logger

log = get_logger("application")


class Lifespan:
    """Start-up and shut-down of an application. One that knows no lifespan is run without."""

    def __init__(self, application: ASGIApp | None) -> None:
        self.state: dict[str, Any] = {}
        """What the application gives to its requests; each gets a copy."""
        self._application = application
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._failure: str | None = None

    async def startup(self) -> None:
        """Run the start-up. Raises ConfigError when the application says that it failed."""
        if self._application is None:
            return
        self._task = asyncio.create_task(self._run(self._application))
        await self._inbox.put({"type": "lifespan.startup"})
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._failure is not None:
            await asyncio.wait({self._task})
            raise ConfigError(f"the application did not start: {self._failure}")

    async def shutdown(self) -> None:
        """Run the shut-down; what goes wrong is logged."""
        if self._task is None or self._task.done():
            return
        await self._inbox.put({"type": "lifespan.shutdown"})
        await asyncio.wait({self._task})

    async def _run(self, application: ASGIApp) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await application(scope, self._inbox.get, self._take)
        except Exception as error:
            if self._failure is None and self._started.is_set():
                log.exception("the application's lifespan failed")
            elif self._failure is None:
                # Raising is how an application says that it has none.
                log.info("the application has no lifespan", error=repr(error))
            else:
                self._failure = f"{type(error).__name__}: {error}"
                log.debug("the application did not start", exc_info=error)

    async def _take(self, message: Message) -> None:
        match message["type"]:
            case "lifespan.startup.complete":
                self._started.set()
            case "lifespan.startup.failed":
                self._failure = _last_line(message.get("message", "")) or "it gave no reason"
                self._started.set()
            case "lifespan.shutdown.failed":
                log.error("the application did not shut down", error=message.get("message", ""))


def _last_line(text: str) -> str:
    """Frameworks send whole tracebacks."""
    return text.strip().rpartition("\n")[2].strip()
