"""The token endpoint decides who may join which room."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from roomline import load_credentials
from roomline.tokens import verify

from support.example import load_example

PASSWORD = "open-sesame"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("ROOMLINE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DEMO_PASSWORD", PASSWORD)
    return load_example("token_endpoint/app.py")


def request(example: ModuleType, path: str, room: str, login: tuple[str, str]) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=example.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(path, json={"room": room}, auth=login)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("who", "room", "speaks"),
    [("ada", "standup", True), ("ada", "lecture", True), ("bob", "lecture", False)],
)
def test_a_token_for_whoever_is_logged_in(
    example: ModuleType, who: str, room: str, speaks: bool
) -> None:
    answer = request(example, "/token", room, (who, PASSWORD))
    assert answer.status_code == 200
    key, secret = load_credentials()
    claims = verify(answer.json()["token"], {key: secret}, time.time())
    assert (claims.identity, claims.room, claims.grants.publish) == (who, room, speaks)
    assert claims.exp - time.time() == pytest.approx(600, abs=5)


def test_nobody_else_gets_one(example: ModuleType) -> None:
    assert request(example, "/token", "standup", ("ada", "wrong")).status_code == 401
    assert request(example, "/token", "standup", ("eve", PASSWORD)).status_code == 401
    assert request(example, "/token", "attic", ("ada", PASSWORD)).status_code == 404


def test_the_key_may_come_from_the_environment(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "a secret of at least thirty-two bytes"
    monkeypatch.setenv("MEET_API_KEY", "mine")
    monkeypatch.setenv("MEET_API_SECRET", secret)
    answer = request(example, "/token", "standup", ("bob", PASSWORD))
    assert verify(answer.json()["token"], {"mine": secret}, time.time()).identity == "bob"
