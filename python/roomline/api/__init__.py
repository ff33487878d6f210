"""HTTP: the signaling WebSocket, REST administration, health, metrics and pages."""

from __future__ import annotations

from roomline.api.app import ApiConfig, create_app
from roomline.api.dispatcher import Dispatcher
from roomline.api.hub import Hub
from roomline.api.passing import Passing

__all__ = ["ApiConfig", "Dispatcher", "Hub", "Passing", "create_app"]
