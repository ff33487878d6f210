"""The chat bot and somebody who talks to it, on loopback."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
from websockets.asyncio.client import connect

from roomline import AccessToken, Server, load_credentials

from support.example import load_example, serving

PATIENCE = 30


def token(server: Server, identity: str, name: str) -> str:
    key, secret = load_credentials(server.state.folder)
    made = AccessToken(key, secret).with_identity(identity, name=name).with_room("demo")
    return made.to_jwt()


class Visitor:
    """Somebody who chats as the meet page does; the bot's own class is half of it."""

    def __init__(self, module: Any) -> None:
        self.bot = module.ChatBot()
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.ready = asyncio.Event()
        self.bot.chat.on("open", self.ready.set)
        self.bot._receive = lambda data: self.inbox.put_nowait(json.loads(data))

    async def say(self, data: str) -> None:
        await asyncio.wait_for(self.ready.wait(), PATIENCE)
        self.bot.chat.send(data)

    async def hear(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.inbox.get(), PATIENCE)


@pytest.mark.parametrize(
    "data",
    ["nonsense", "[]", '{"delivered":"1"}', '{"id":1,"text":"/who"}', b"\x00", '{"id":"1"}',
     json.dumps({"id": "1", "text": "x" * 4001})],
)  # fmt: skip
def test_whatever_is_no_message_is_ignored(data: str | bytes) -> None:
    assert load_example("chat_bot/bot.py").parse(data) is None


def test_it_answers_in_the_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Libraries leave loopback out of their candidates; here there is nothing else.
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
    module = load_example("chat_bot/bot.py")

    async def scene() -> None:
        async with serving(tmp_path) as server:
            url = server.url.replace("https:", "wss:") + "/v1/signal"
            trust = ssl.create_default_context(cafile=str(server.state.ca_file))
            async with (
                connect(url, ssl=trust, proxy=None) as first,
                connect(url, ssl=trust, proxy=None) as second,
            ):
                bot, ada = module.ChatBot(), Visitor(module)
                opened = asyncio.Event()
                bot.chat.on("open", opened.set)
                heard = asyncio.Event()
                bot.pc.on("datachannel", lambda _: heard.set())
                running = [asyncio.create_task(bot.run(first, token(server, "bot", "Bot")))]
                await asyncio.wait_for(opened.wait(), PATIENCE)
                running.append(
                    asyncio.create_task(ada.bot.run(second, token(server, "ada", "Ada")))
                )
                await asyncio.wait_for(heard.wait(), PATIENCE)
                await talk(ada)
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(scene())


async def talk(ada: Visitor) -> None:
    await ada.say("nonsense")
    await ada.say(json.dumps({"id": "1", "text": "Hello everybody"}))
    assert await ada.hear() == {"delivered": "1"}
    await ada.say(json.dumps({"id": "2", "text": "/who"}))
    assert await ada.hear() == {"delivered": "2"}
    assert await ada.hear() == {"id": "bot-1", "text": "Ada"}
    await ada.say(json.dumps({"id": "3", "text": " /HELP "}))
    assert await ada.hear() == {"delivered": "3"}
    assert "/time" in (await ada.hear())["text"]
