"""Our paths and those of the application behind them, on one port."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OWN_FOLDERS = ("/v1/", "/meet/", "/sdk/")
SIGNALING = "/v1/signal"
OWN_FILES = ("/healthz", "/metrics")


class Dispatcher:
    """ASGI: what is ours goes to `ours`, everything else to `application`.

    With a prefix everything under it is ours, and nothing else. Without an application everything
    is ours.
    """

    def __init__(self, ours: ASGIApp, application: ASGIApp | None, prefix: str = "") -> None:
        self._ours = ours
        self._application = application
        self._prefix = prefix

    def is_ours(self, path: str) -> bool:
        """Whether a path, without its query, is answered by us."""
        if self._prefix:
            return path == self._prefix or path.startswith(self._prefix + "/")
        return self._application is None or path in OWN_FILES or path.startswith(OWN_FOLDERS)

    def is_signaling(self, path: str) -> bool:
        """Whether a WebSocket at that path is a client of the rooms."""
        return path == self._prefix + SIGNALING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if self.is_ours(scope["path"]):
            ours = {**scope, "root_path": scope.get("root_path", "") + self._prefix}
            await self._ours(ours, receive, send)
        elif self._application is not None:
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse("Not found.\n", 404)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
