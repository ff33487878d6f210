"""A web application that decides who may join which room."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from roomline import AccessToken, Grants, load_credentials

MEET_URL = os.environ.get("MEET_URL", "https://localhost:8443")
PEOPLE = {"ada": "Ada Lovelace", "bob": "Bob"}
ROOMS = {"standup": {"ada", "bob"}, "lecture": {"ada"}}
"""Who may speak in a room; in a lecture everybody else may watch."""

app = FastAPI(title="My application")
basic = HTTPBasic()


class Wanted(BaseModel):
    """What the page asks for."""

    room: str


class Admission(BaseModel):
    """What the page needs to join."""

    url: str
    token: str


def current_user(login: Annotated[HTTPBasicCredentials, Depends(basic)]) -> str:
    """Whoever is logged in. Put your own login here."""
    password = os.environ["DEMO_PASSWORD"].encode()
    if login.username not in PEOPLE or not secrets.compare_digest(
        login.password.encode(), password
    ):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})
    return login.username


def credentials() -> tuple[str, str]:
    """The API key and its secret."""
    if "MEET_API_KEY" in os.environ:
        return os.environ["MEET_API_KEY"], os.environ["MEET_API_SECRET"]
    return load_credentials()


@app.post("/token")
def token(wanted: Wanted, user: Annotated[str, Depends(current_user)]) -> Admission:
    """A token for this person and this room."""
    speakers = ROOMS.get(wanted.room)
    if speakers is None:
        raise HTTPException(404, "there is no such room")
    key, secret = credentials()
    made = (
        AccessToken(key, secret)
        .with_identity(user, name=PEOPLE[user])
        .with_room(wanted.room)
        .with_ttl(timedelta(minutes=10))
        .with_grants(Grants(publish=user in speakers))
    )
    return Admission(url=MEET_URL, token=made.to_jwt())


PAGE = Path(__file__).parent.parent / "browser_page"
app.mount("/", StaticFiles(directory=PAGE, html=True))
