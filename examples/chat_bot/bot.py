"""A bot that answers in a room's chat: `/help`, `/who`, `/time`.

`python bot.py wss://HOST/v1/signal TOKEN [--ca FILE]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from websockets.asyncio.client import ClientConnection, connect

LABEL, PROTOCOL = "chat", "roomline-chat/1"
MAX_TEXT = 4_000
HELP = "/who: who is here. /time: the time in UTC. /help: this."


class ChatBot:
    """One participant that neither sends nor gets media."""

    def __init__(self) -> None:
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.pc = RTCPeerConnection(configuration)
        self.people: dict[str, str] = {}
        """Names by id, without ourselves."""
        self.chat = self.pc.createDataChannel(LABEL, protocol=PROTOCOL)
        self._requests = count(1)
        self._messages = count(1)
        self._commands: dict[str, Callable[[], str]] = {
            "/help": lambda: HELP,
            "/who": lambda: ", ".join(sorted(self.people.values())) or "Nobody but me.",
            "/time": lambda: f"{datetime.now(UTC):%H:%M} UTC",
        }
        self.pc.on("datachannel", self._listen)

    async def run(self, socket: ClientConnection, token: str) -> None:
        """Join, then answer until cancelled or until the session ends."""
        joined = await self._join(socket, token)
        self.people = {p["id"]: p["name"] for p in joined["participants"]}
        await self.pc.setRemoteDescription(RTCSessionDescription(joined["answer"], "answer"))
        beat = asyncio.create_task(self._beat(socket, joined["heartbeat"]["intervalMs"] / 1000))
        try:
            async for frame in socket:
                self._handle(json.loads(frame))
        finally:
            beat.cancel()
            await self.pc.close()

    async def _join(self, socket: ClientConnection, token: str) -> dict[str, Any]:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        request = {
            "type": "join",
            "request": next(self._requests),
            "version": 1,
            "token": token,
            "offer": self.pc.localDescription.sdp,
            "tracks": [],
            "subscribe": "manual",
        }
        await socket.send(json.dumps(request))
        reply: dict[str, Any] = json.loads(await socket.recv())
        if reply["type"] != "joined":
            # An error; or `waiting`, for which a bot has no time.
            raise SystemExit(f"refused: {reply.get('code', 'waiting')}: {reply['message']}")
        return reply

    async def _beat(self, socket: ClientConnection, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            ping = {"type": "ping", "request": next(self._requests), "sent": 0}
            await socket.send(json.dumps(ping))

    def _handle(self, message: dict[str, Any]) -> None:
        """Of the events only who comes and goes."""
        match message["type"]:
            case "participantJoined":
                person = message["participant"]
                self.people[person["id"]] = person["name"]
            case "participantLeft":
                self.people.pop(message["participant"], None)
            case "closed":
                raise SystemExit(f"the session ended: {message['code']}: {message['message']}")

    def _listen(self, channel: RTCDataChannel) -> None:
        """Somebody's channel: its label is `SENDER/chat`."""
        if channel.label.partition("/")[2] == LABEL:
            channel.on("message", self._receive)

    def _receive(self, data: str | bytes) -> None:
        message = parse(data)
        if message is None or self.chat.readyState != "open":
            return
        # What comes on a channel is answered on one's own.
        self.chat.send(json.dumps({"delivered": message["id"]}))
        command = self._commands.get(message["text"].strip().lower())
        if command is not None:
            answer = {"id": f"bot-{next(self._messages)}", "text": command()[:MAX_TEXT]}
            self.chat.send(json.dumps(answer))


def parse(data: str | bytes) -> dict[str, str] | None:
    """A text of the chat; None for confirmations and for whatever else comes."""
    try:
        message = json.loads(data)
    except ValueError:
        return None
    if not isinstance(message, dict) or message.keys() != {"id", "text"}:
        return None
    fits = all(isinstance(value, str) for value in message.values())
    return message if fits and len(message["text"]) <= MAX_TEXT else None


async def main() -> None:
    """Join as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="wss://HOST[:PORT]/v1/signal")
    parser.add_argument("token", help="an access token: roomline token …")
    parser.add_argument("--ca", help="the server's local CA, if it has no other certificate")
    options = parser.parse_args()
    trust = ssl.create_default_context(cafile=options.ca)
    async with connect(options.url, ssl=trust) as socket:
        await ChatBot().run(socket, options.token)


if __name__ == "__main__":
    asyncio.run(main())
