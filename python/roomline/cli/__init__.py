"""`roomline serve`, `roomline token`, `roomline version`."""

from __future__ import annotations

from roomline.cli.main import main

__all__ = ["main"]
