"""Rooms mounted in an application that runs under any ASGI server: `uvicorn app:app`."""

from __future__ import annotations

import secrets

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from roomline import Roomline

PAGE = """<!doctype html>
<title>Rooms</title>
<form action="/enter">
  <label>Your name <input name="name" required maxlength="60"></label>
  <label>Room <input name="room" required maxlength="60" value="standup"></label>
  <button>Meet</button>
</form>
"""

video = Roomline()
app = FastAPI(title="My application", lifespan=video.lifespan)
app.mount("/video", video.asgi, name="video")


@app.get("/")
async def home() -> HTMLResponse:
    """A page of the application."""
    return HTMLResponse(PAGE)


@app.get("/enter")
async def enter(request: Request, name: str, room: str) -> RedirectResponse:
    """Send whoever asks to the meet page of a room. Put your own login here."""
    token = video.access_token().with_identity(secrets.token_hex(4), name=name).with_room(room)
    page = request.url_for("video", path="/meet/")
    return RedirectResponse(f"{page}#token={token.to_jwt()}", 303)
