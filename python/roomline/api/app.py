"""Puts the routes together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from roomline.api import metrics, pages, rest, websocket
from roomline.api.dispatcher import SIGNALING
from roomline.api.guard import Guard
from roomline.api.hub import Hub
from roomline.api.passing import Passing
from roomline.errors import SignalingError

STATIC_FILES = Path(__file__).resolve().parent.parent / "web" / "static"


@dataclass(frozen=True)
class ApiConfig:
    """What the application needs besides the hub."""

    api_keys: Mapping[str, str] = field(repr=False)
    files: Path = STATIC_FILES
    passing: Passing | None = None
    """Where clients of processes that drain are passed on to."""


def create_app(hub: Hub, config: ApiConfig) -> FastAPI:
    """The application: routes may be added to it before the server starts."""
    app = FastAPI(
        title="Roomline",
        version=package_version(),
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.add_middleware(Guard)
    app.add_exception_handler(SignalingError, _tell_error)
    figures = metrics.registry(hub)

    @app.websocket(SIGNALING)
    async def signal(socket: WebSocket) -> None:
        await websocket.serve(socket, hub, config.passing)

    # Part of the signaling, not of the administration: docs/reference/signaling.md describes it.
    app.add_route(SIGNALING, no_websocket, ["GET", "HEAD"], include_in_schema=False)

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> JSONResponse:
        """200 while joins are welcome, 503 while the server drains."""
        draining = hub.core.draining_until is not None
        status = "draining" if draining else "ok"
        return JSONResponse({"status": status}, 503 if draining else 200)

    @app.get("/metrics", tags=["operation"])
    async def show_metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(figures), media_type=CONTENT_TYPE_LATEST)

    app.include_router(rest.router(hub, config.api_keys))
    app.include_router(pages.router(hub, config.api_keys, config.files))
    return app


def package_version() -> str:
    """The version of the installed package."""
    try:
        return version("roomline")
    except PackageNotFoundError:
        return "0.0.0"


async def no_websocket(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    """Tell a plain request what is here. SDKs ask when they want to know whether the network is back."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    # Their page may belong to another origin, and refuse what does not say that it is for all.
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return PlainTextResponse("Here is a WebSocket (RFC 6455).\n", 426, headers)


async def _tell_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    if not isinstance(error, SignalingError):
        raise error
    headers = {"WWW-Authenticate": "Bearer"} if error.http_status == 401 else None
    body = {"code": error.code, "message": str(error)}
    return JSONResponse(body, error.http_status, headers=headers)
