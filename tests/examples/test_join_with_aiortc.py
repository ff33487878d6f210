"""Two bots on loopback see each other, and `bot.py` says what it saw."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
from websockets.asyncio.client import connect

from roomline import AccessToken, Server, load_credentials

from support.example import documented_security, load_example, negotiated, serving

PATIENCE = 30


def token(server: Server, identity: str) -> str:
    key, secret = load_credentials(server.state.folder)
    return AccessToken(key, secret).with_identity(identity).with_room("demo").to_jwt()


def watch(bot: Any) -> asyncio.Event:
    """Set once the bot has been told its tier."""
    told, handle = asyncio.Event(), bot._handle

    def handle_and_look(message: dict[str, Any]) -> None:
        handle(message)
        if bot.tier is not None:
            told.set()

    bot._handle = handle_and_look
    return told


@pytest.fixture
def _loopback_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries leave loopback out of their candidates; here there is nothing else."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])


@pytest.mark.usefixtures("_loopback_candidates")
def test_the_bot_counts_what_another_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load_example("join_with_aiortc/bot.py")

    async def scene() -> str:
        async with serving(tmp_path) as server:
            url = server.url.replace("https:", "wss:") + "/v1/signal"
            ca = str(server.state.ca_file)
            publisher = module.Bot()
            connected = watch(publisher)
            trust = ssl.create_default_context(cafile=ca)
            async with connect(url, ssl=trust, proxy=None) as socket:
                other = asyncio.create_task(
                    publisher.run(socket, token(server, "ada"), publish=True)
                )
                await asyncio.wait_for(connected.wait(), PATIENCE)
                arguments = ["bot.py", url, token(server, "bot"), "--ca", ca, "--seconds", "4"]
                monkeypatch.setattr(sys, "argv", arguments)
                await module.main()
                assert negotiated(server) == {documented_security("aiortc")}
                await publisher.leave(socket)
                other.cancel()
                await asyncio.gather(other, return_exceptions=True)
        return capsys.readouterr().out

    seen = json.loads(asyncio.run(scene()).splitlines()[-1])
    assert seen["identity"] == "bot"
    assert seen["tier"] == "direct"
    assert seen["frames"]["video"] > 5
    assert seen["frames"]["audio"] > 5


@pytest.mark.usefixtures("_loopback_candidates")
def test_a_refusal_is_told_by_its_code(tmp_path: Path) -> None:
    module = load_example("join_with_aiortc/bot.py")

    async def scene() -> None:
        async with serving(tmp_path) as server:
            url = server.url.replace("https:", "wss:") + "/v1/signal"
            trust = ssl.create_default_context(cafile=str(server.state.ca_file))
            bot = module.Bot()
            async with connect(url, ssl=trust, proxy=None) as socket:
                with pytest.raises(SystemExit, match="refused: token-invalid"):
                    await bot.run(socket, "not a token", publish=False)
            await bot.pc.close()

    asyncio.run(scene())
