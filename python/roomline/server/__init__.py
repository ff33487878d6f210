"""The composition root: engine, core, HTTP and signals in one process."""

from __future__ import annotations

from roomline.server.server import Server, serve

__all__ = ["Server", "serve"]
