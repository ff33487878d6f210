"""HTTP: the signaling WebSocket, REST administration, health, metrics and pages."""

from __future__ import annotations

from roomline.api.app import ApiConfig, create_app
from roomline.api.dispatcher import Dispatcher
from roomline.api.hub import Hub

__all__ = ["ApiConfig", "Dispatcher", "Hub", "create_app"]
