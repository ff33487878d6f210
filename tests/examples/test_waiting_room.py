"""The waiting room: who waits, who is let in, who is not, in the meet page of a browser."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from roomline import Server

from support.example import CHROMIUM, LOOPBACK_FLAGS, load_example, loopback_settings
from support.house import House, exchange, join, run

PASSWORD = "open-sesame"
PATIENCE_MS = 30_000


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("LOBBY_PASSWORD", PASSWORD)
    return load_example("waiting_room/app.py")


def request(method: str, path: str, password: str = PASSWORD) -> str:
    login = base64.b64encode(f"host:{password}".encode()).decode()
    head = f"{method} {path} HTTP/1.1\nHost: call.example\nConnection: close\n"
    return f"{head}Authorization: Basic {login}\n\n"


def token(answer: str) -> str:
    found = re.search(r"#token=([\w.-]+)", answer)
    assert found, answer
    return found[1]


def test_the_host_decides(tmp_path: Path, example: ModuleType) -> None:
    async def work(house: House) -> None:
        places = [token(await exchange(house.hand_over(), request("GET", "/"))) for _ in range(2)]
        guests = [await house.socket(), await house.socket()]
        for guest, place in zip(guests, places, strict=True):
            await join(house, guest, "", token=place)
            assert (await guest.receive("waiting"))["message"] == "The host will let you in."
        page = await exchange(house.hand_over(), request("GET", "/lobby"))
        ids = re.findall(r"/lobby/(PA_\w+)/admit", page)
        await exchange(house.hand_over(), request("POST", f"/lobby/{ids[0]}/admit"))
        await exchange(house.hand_over(), request("POST", f"/lobby/{ids[1]}/refuse"))
        assert (await guests[0].receive("joined"))["participant"]["id"] == ids[0]
        assert (await guests[1].receive("error"))["message"] == "Not now, I am sorry."
        assert example.lobby == {}
        host = await house.socket()
        await join(house, host, "", token=token(page))
        assert (await host.receive("joined"))["participant"]["identity"] == "host"

    run(tmp_path, work, application=example.app)


def test_only_the_host_sees_the_lobby(tmp_path: Path, example: ModuleType) -> None:
    async def work(house: House) -> None:
        for method, path in (("GET", "/lobby"), ("POST", "/lobby/PA_x/admit")):
            answer = await exchange(house.hand_over(), request(method, path, "wrong"))
            assert answer.startswith("HTTP/1.1 401")
        gone = await exchange(house.hand_over(), request("POST", "/lobby/PA_x/admit"))
        assert gone.startswith("HTTP/1.1 404")

    run(tmp_path, work, application=example.app)


async def knock(page: Page, url: str) -> None:
    await page.goto(url)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_text("The host will let you in.")).to_be_visible(timeout=PATIENCE_MS)


def test_guests_wait_on_the_meet_page(tmp_path: Path, example: ModuleType) -> None:
    async def scene() -> None:
        server = Server(loopback_settings(tmp_path), application=example.app)
        await server.start()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=LOOPBACK_FLAGS
            )
            context = await browser.new_context(ignore_https_errors=True, locale="en")
            ada, bob = await context.new_page(), await context.new_page()
            await knock(ada, server.url)
            await knock(bob, server.url)
            transport = httpx.AsyncHTTPTransport(verify=False)
            async with httpx.AsyncClient(transport=transport, auth=("host", PASSWORD)) as host:
                first, second = example.lobby
                await host.post(f"{server.url}/lobby/{first}/admit")
                await host.post(f"{server.url}/lobby/{second}/refuse")
            leave = ada.get_by_role("button", name="Leave")
            await expect(leave).to_be_visible(timeout=PATIENCE_MS)
            sorry = bob.get_by_text("Not now, I am sorry.")
            await expect(sorry).to_be_visible(timeout=PATIENCE_MS)
            await browser.close()
        await server.close()

    asyncio.run(scene())
