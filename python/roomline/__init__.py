"""Roomline: your own real-time video rooms that connect through any network.

from roomline import AccessToken, load_credentials

key, secret = load_credentials()
token = AccessToken(key, secret).with_identity("ada").with_room("standup").to_jwt()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roomline.config import Settings
    from roomline.embedding import Roomline
    from roomline.errors import (
        AlreadyRunning,
        ConfigError,
        NotStarted,
        RoomlineError,
        TokenError,
    )
    from roomline.hooks import (
        Admission,
        AdmitRequest,
        ParticipantLeft,
        Permission,
        Person,
        PublishRequest,
        SubscribeRequest,
        TierChanged,
    )
    from roomline.server import OpenTier, Server, serve
    from roomline.state import load_credentials
    from roomline.tokens import AccessToken, Grants, RoomLimits

__all__ = [
    "AccessToken",
    "Admission",
    "AdmitRequest",
    "AlreadyRunning",
    "ConfigError",
    "Grants",
    "NotStarted",
    "OpenTier",
    "ParticipantLeft",
    "Permission",
    "Person",
    "PublishRequest",
    "RoomLimits",
    "Roomline",
    "RoomlineError",
    "Server",
    "Settings",
    "SubscribeRequest",
    "TierChanged",
    "TokenError",
    "load_credentials",
    "serve",
]

# Loaded when first used: making tokens needs neither the server nor the native module.
_HOMES = {
    "Admission": "hooks",
    "AdmitRequest": "hooks",
    "ParticipantLeft": "hooks",
    "Permission": "hooks",
    "Person": "hooks",
    "PublishRequest": "hooks",
    "SubscribeRequest": "hooks",
    "TierChanged": "hooks",
    "AccessToken": "tokens",
    "AlreadyRunning": "errors",
    "ConfigError": "errors",
    "Grants": "tokens",
    "NotStarted": "errors",
    "OpenTier": "server",
    "RoomLimits": "tokens",
    "Roomline": "embedding",
    "RoomlineError": "errors",
    "Server": "server",
    "Settings": "config",
    "TokenError": "errors",
    "load_credentials": "state",
    "serve": "server",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
