"""`roomline serve --app` with the example: its form leads into the room."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from support.example import ROOT
from support.fake_engine import PUBLISHER
from support.process import PATIENCE, serving


def test_the_form_leads_into_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples/behind_the_front_door")
    with serving(tmp_path, "--app", "app:app") as process:
        origin = f"https://localhost:{process.port}"
        with httpx.Client(base_url=origin, verify=process.trust(), trust_env=False) as client:
            assert 'action="/enter"' in client.get("/").text
            answer = client.get("/enter", params={"name": "Ada", "room": "standup"})
            place = answer.headers["location"]
            assert client.get(place).status_code == 200
        token = re.fullmatch(rf"{origin}/meet/#token=(\S+)", place)
        assert token
        message = {"type": "join", "request": 1, "version": 1, "token": token[1], "tracks": []}
        url = f"wss://localhost:{process.port}/v1/signal"
        with connect(url, ssl=process.trust(), proxy=None) as socket:
            socket.send(json.dumps({**message, "offer": PUBLISHER}))
            # The token is good; only the fake offer is not.
            assert json.loads(socket.recv(timeout=PATIENCE))["code"] == "bad-offer"
