"""The meet page and the browser SDK, from the files that the wheel carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from html import escape
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)

from roomline.api.hub import Hub
from roomline.errors import SignalingError
from roomline.tokens import AccessToken, verify_invite

GUEST_TOKEN_LIFETIME = timedelta(hours=6)


def router(hub: Hub, keys: Mapping[str, str], files: Path) -> APIRouter:
    """`/`, `/meet/…` and `/sdk/…`. `files` is the folder that the web build writes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    @routes.get("/meet/")
    async def start(request: Request) -> Response:
        return _page(files, request)

    @routes.get("/meet/{name}")
    async def meet(request: Request, name: str, invite: str | None = None) -> Response:
        if invite is not None:
            return _redeem(hub, keys, (_root(request), name), invite)
        if "." in name and _inside(files / "meet", name):
            return _file(files / "meet", name, request)
        return _page(files, request)

    @routes.get("/sdk/{name:path}")
    async def sdk(request: Request, name: str) -> Response:
        # Pages of other origins may import the SDK.
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        return _file(files / "sdk", name, request, headers)

    return routes


def _root(request: Request) -> str:
    """The path we are mounted under; empty when it is the root."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def _redeem(hub: Hub, keys: Mapping[str, str], place: tuple[str, str], invite: str) -> Response:
    """Give whoever opens an invitation a token of their own, where no server log sees it.

    `place` is the path we are mounted under, and what the link says the room is. The page says why
    an invitation does not work.
    """
    root, name = place
    try:
        room = verify_invite(invite, keys, hub.now().unix)
    except SignalingError as error:
        return _to_page(root, name, f"error={error.code}")
    key = next(iter(keys))
    guest = hub.core.new_identity()
    token = (
        AccessToken(key, keys[key])
        .with_identity(guest)
        .with_room(room)
        .with_ttl(GUEST_TOKEN_LIFETIME)
        .to_jwt(hub.now().unix)
    )
    # The invitation goes along for the page to pass on: a token is for one person.
    return _to_page(root, room, f"token={token}&invite={quote(invite, safe='')}")


def _to_page(root: str, room: str, fragment: str) -> Response:
    return RedirectResponse(
        f"{root}/meet/{quote(room, safe='')}#{fragment}",
        status_code=303,
        headers={"Cache-Control": "no-store"},
    )


def _page(files: Path, request: Request) -> Response:
    """The meet page; what it loads stands under the path we are mounted under too."""
    root = _root(request)
    found = _inside(files / "meet", "index.html")
    if found is None or not root:
        return _file(files / "meet", "index.html", request)
    text = found.read_text(encoding="utf-8")
    prefix = escape(quote(root), quote=True)
    return HTMLResponse(
        re.sub(r'\b(href|src)="/(?!/)', rf'\1="{prefix}/', text),
        headers={"Cache-Control": "no-cache"},
    )


def _file(
    folder: Path, name: str, request: Request, headers: dict[str, str] | None = None
) -> Response:
    """A file, or what the web build has compressed of it where the browser takes that."""
    found = _inside(folder, name)
    if found is None:
        return PlainTextResponse("Not found.\n", 404)
    kind = guess_type(found.name)[0] or "application/octet-stream"
    sent = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding", **(headers or {})}
    small = _inside(folder, f"{name}.gz")
    if small and _takes_gzip(request.headers.get("accept-encoding", "")):
        sent["Content-Encoding"] = "gzip"
        return FileResponse(small, media_type=kind, headers=sent)
    return FileResponse(found, media_type=kind, headers=sent)


def _takes_gzip(accept: str) -> bool:
    """Whether an Accept-Encoding field allows gzip (RFC 9110 section 12.5.3)."""
    for each in accept.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return False


def _inside(folder: Path, name: str) -> Path | None:
    """A file in `folder`; None if there is none or the name leads out of it."""
    try:
        found = (folder / name).resolve()
    except (ValueError, OSError):
        return None
    return found if found.is_relative_to(folder.resolve()) and found.is_file() else None
