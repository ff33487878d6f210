"""The media engine as Python sees it: commands go down, events come up.

`commands` and `events` mirror `_engine.pyi` as plain values, so that everything above can be tested
without the native module; `native` is the one place that imports it.
"""

from __future__ import annotations

from roomline.engine import commands, events
from roomline.engine.facade import Deliver, EngineOptions, MediaEngine

__all__ = ["Deliver", "EngineOptions", "MediaEngine", "commands", "events"]
