"""The meet page and the browser SDK, from the files that the wheel carries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

from roomline.api.hub import Hub
from roomline.errors import SignalingError
from roomline.tokens import AccessToken, verify_invite

GUEST_TOKEN_LIFETIME = timedelta(hours=6)


def router(hub: Hub, keys: Mapping[str, str], files: Path) -> APIRouter:
    """`/`, `/meet/…` and `/sdk/…`. `files` is the folder that the web build writes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def start() -> Response:
        return _file(files / "meet", "index.html")

    @routes.get("/meet/{name}")
    async def meet(name: str, invite: str | None = None) -> Response:
        if invite is not None:
            return _redeem(hub, keys, name, invite)
        if "." in name and (found := _inside(files / "meet", name)):
            return FileResponse(found)
        return _file(files / "meet", "index.html")

    @routes.get("/sdk/{name:path}")
    async def sdk(name: str) -> Response:
        # Pages of other origins may import the SDK.
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        return _file(files / "sdk", name, headers)

    return routes


def _redeem(hub: Hub, keys: Mapping[str, str], name: str, invite: str) -> Response:
    """Give whoever opens an invitation a token of their own, where no server log sees it.

    The page says why an invitation does not work.
    """
    try:
        room = verify_invite(invite, keys, hub.now().unix)
    except SignalingError as error:
        return _to_page(name, f"error={error.code}")
    key = next(iter(keys))
    guest = hub.core.new_identity()
    token = (
        AccessToken(key, keys[key])
        .with_identity(guest)
        .with_room(room)
        .with_ttl(GUEST_TOKEN_LIFETIME)
        .to_jwt(hub.now().unix)
    )
    return _to_page(room, f"token={token}")


def _to_page(room: str, fragment: str) -> Response:
    return RedirectResponse(
        f"/meet/{quote(room, safe='')}#{fragment}",
        status_code=303,
        headers={"Cache-Control": "no-store"},
    )


def _file(folder: Path, name: str, headers: dict[str, str] | None = None) -> Response:
    found = _inside(folder, name)
    if found is None:
        return PlainTextResponse("Not found.\n", 404)
    return FileResponse(found, headers={"Cache-Control": "no-cache", **(headers or {})})


def _inside(folder: Path, name: str) -> Path | None:
    """A file in `folder`; None if there is none or the name leads out of it."""
    try:
        found = (folder / name).resolve()
    except (ValueError, OSError):
        return None
    return found if found.is_relative_to(folder.resolve()) and found.is_file() else None
