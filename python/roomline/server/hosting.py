"""Which server an application runs behind."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomline.server.server import Server

HOST: ContextVar[Server | None] = ContextVar("roomline_host", default=None)
"""The server whose application is starting in this context: `roomline serve --app` sets it."""
