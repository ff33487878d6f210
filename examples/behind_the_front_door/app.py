"""A page that opens rooms, behind the same port 443 as the rooms: `roomline serve --app app:app`."""

from __future__ import annotations

import secrets

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse

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


@app.get("/")
async def home() -> HTMLResponse:
    """The application owns this path; the meet page is at /meet/."""
    return HTMLResponse(PAGE)


@app.get("/enter")
async def enter(name: str, room: str) -> RedirectResponse:
    """Send whoever asks to the meet page of a room. Put your own login here."""
    token = video.access_token().with_identity(secrets.token_hex(4), name=name).with_room(room)
    return RedirectResponse(f"{video.url}/meet/#token={token.to_jwt()}", 303)
