"""A waiting room: everybody but the host waits until the host lets them in.

`LOBBY_PASSWORD=… roomline serve --dev --app app:app`
"""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import dataclass
from html import escape
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from roomline import Admission, AdmitRequest, Roomline

HOST = "host"
ROOM = "consultation"

video = Roomline()
app = FastAPI(title="Waiting room", lifespan=video.lifespan)


@dataclass
class Guest:
    """Somebody who waits, and what the host will say."""

    name: str
    decision: asyncio.Future[Admission]


lobby: dict[str, Guest] = {}
"""By the id that the guest will have in the room."""


@video.on_admit
async def admit(request: AdmitRequest) -> Admission:
    """Let the host in at once, and others when the host says so."""
    person = request.person
    if person.identity == HOST:
        return Admission.allow()
    request.wait("The host will let you in.")
    guest = lobby[person.id] = Guest(person.name, asyncio.get_running_loop().create_future())
    try:
        return await guest.decision
    finally:
        del lobby[person.id]


def link(identity: str, name: str) -> str:
    """The meet page with a token for one person. A token without a name lets people give one."""
    token = video.access_token().with_identity(identity, name=name).with_room(ROOM)
    return f"{video.url}/meet/#token={token.to_jwt()}"


@app.get("/")
async def enter() -> RedirectResponse:
    """Whoever comes goes to the meet page, and waits there."""
    return RedirectResponse(link(f"guest-{secrets.token_hex(4)}", ""), 303)


def only_host(login: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> None:
    """Put your own login here."""
    if not secrets.compare_digest(login.password.encode(), os.environ["LOBBY_PASSWORD"].encode()):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})


ROW = """<li><form method="post">{name}
<button formaction="/lobby/{id}/admit">Let in</button>
<button formaction="/lobby/{id}/refuse">Not now</button>
</form></li>"""


@app.get("/lobby", dependencies=[Depends(only_host)])
async def show_lobby() -> HTMLResponse:
    """The host's page: who waits, and the way into the room."""
    rows = [ROW.format(id=id_, name=escape(guest.name)) for id_, guest in lobby.items()]
    way_in = f'<a href="{escape(link(HOST, "Host"))}" target="_blank">Enter</a>'
    return HTMLResponse(
        f"<!doctype html><title>Lobby</title>{way_in}<ul>{''.join(rows)}</ul>",
        headers={"Refresh": "3"},
    )


@app.post("/lobby/{guest}/{answer}", dependencies=[Depends(only_host)])
async def decide(guest: str, answer: Literal["admit", "refuse"]) -> RedirectResponse:
    """What the host says of one guest."""
    if guest not in lobby:
        raise HTTPException(404, "that guest has gone")
    said = Admission.allow() if answer == "admit" else Admission.refuse("Not now, I am sorry.")
    lobby[guest].decision.set_result(said)
    return RedirectResponse("/lobby", 303)
