"""The composition root: engine, core, HTTP and signals in one process."""

from __future__ import annotations

from roomline.server.hosting import HOST
from roomline.server.server import Server, serve
from roomline.server.tiers import OpenTier, caveats, tiers

__all__ = ["HOST", "OpenTier", "Server", "caveats", "serve", "tiers"]
