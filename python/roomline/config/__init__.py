"""Settings: a TOML file, then `ROOMLINE_*` in the environment, then flags; the later wins."""

from __future__ import annotations

from roomline.config.load import load
from roomline.config.schema import Https, Limits, Log, Media, PortRange, Settings, Tls, Turn

__all__ = [
    "Https",
    "Limits",
    "Log",
    "Media",
    "PortRange",
    "Settings",
    "Tls",
    "Turn",
    "load",
]
