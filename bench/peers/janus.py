"""Janus 1.1 with its VideoRoom plugin, from Debian, joined over its WebSocket transport."""

from __future__ import annotations

import asyncio
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.peers.building import require_debian, say, versions
from bench.peers.contract import (
    Place,
)
from bench.peers.conversation import REPLY_WITHIN_S, Conversation, Guest, media
from bench.peers.process import Process, tcp_answers
from bench.peers.running import ServerRunning

PORT = 8188
PLUGIN = "janus.plugin.videoroom"
MODULES = Path("/usr/lib/x86_64-linux-gnu/janus")
KEEPALIVE_S = 25.0
"""A session without a request for 60 s is ended."""
EXISTS = 427
"""The plugin's error code for a room that is there already."""

CORE = """general: {{
    configs_folder = "{folder}"
    plugins_folder = "{plugins}"
    transports_folder = "{transports}"
    debug_level = 3
    debug_timestamps = true
    {loops}
}}
media: {{
    rtp_port_range = "20000-60000"
}}
nat: {{
    nice_debug = false
    ice_enforce_list = "{address}"
    {lite}
}}
"""
WEBSOCKETS = """general: {{
    json = "compact"
    ws = true
    ws_port = {port}
    ws_ip = "{address}"
    ws_logging = "err"
    wss = false
}}
"""


@dataclass(frozen=True)
class Janus:
    """Janus, with as many threads for media as asked for."""

    name: str = "janus"
    event_loops: int | None = 1
    """Threads shared by all participants, best as many as cores; None is the default: one each."""
    ice_lite: bool = True

    @property
    def version(self) -> str:
        """Of the Debian package."""
        return versions()["janus"]["version"]

    def build(self, cache: Path) -> None:  # noqa: ARG002 - Debian's package puts it elsewhere
        """Check that Debian's package is there."""
        require_debian("janus", "janus")
        say(f"{self.name}: {self.version} is installed")

    def start(self, place: Place) -> JanusRunning:
        """Start it with only the plugin and the transport that are used."""
        place.folder.mkdir(parents=True, exist_ok=True)
        linked = {"plugins": "libjanus_videoroom.so", "transports": "libjanus_websockets.so"}
        for kind, module in linked.items():
            (place.folder / kind).mkdir(exist_ok=True)
            (place.folder / kind / module).symlink_to(MODULES / kind / module)
        (place.folder / "janus.jcfg").write_text(
            CORE.format(
                folder=place.folder,
                plugins=place.folder / "plugins",
                transports=place.folder / "transports",
                loops=f"event_loops = {self.event_loops}" if self.event_loops else "",
                lite="ice_lite = true" if self.ice_lite else "",
                address=place.address,
            )
        )
        (place.folder / "janus.transport.websockets.jcfg").write_text(
            WEBSOCKETS.format(port=PORT, address=place.address)
        )
        (place.folder / "janus.plugin.videoroom.jcfg").write_text("general: {\n}\n")
        process = Process(
            place,
            self.name,
            [require_debian("janus", "janus"), "--configs-folder", str(place.folder)],
        )
        process.wait(lambda: tcp_answers(place.address, PORT))
        return JanusRunning(process, place)


@dataclass
class JanusRunning(ServerRunning):
    """Janus, up."""

    def conversation(self, guest: Guest) -> Conversation:
        """The one that `guest` will have with this server."""
        return _Joined(guest, self.place.address)


class _Joined(Conversation):
    """One participant: a session with a handle to publish and, on demand, one to subscribe."""

    # It takes them by their order, and expects that of its own library.
    rids = ("l", "m", "h")
    largest_first = True

    def __init__(self, guest: Guest, address: str) -> None:
        super().__init__(guest, "janus")
        self._address = address
        # Rooms are numbers here.
        self._room = zlib.crc32(guest.room.encode())
        self._session = 0
        self._publishing = 0
        self._subscribing = 0
        self._feeds: set[int] = set()
        self._received = 0
        self._number = 0
        self._replies: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def join(self) -> None:
        """Session, room and, with tracks, the transport to publish on."""
        await self.connect(
            f"ws://{self._address}:{PORT}/", (self._address, PORT), subprotocols=["janus-protocol"]
        )
        self._session = (await self._ask({"janus": "create"}))["data"]["id"]
        self.every(KEEPALIVE_S, self._keep_alive)
        self._publishing = await self._attach()
        await self._create_room()
        told = await self._plugin(
            self._publishing,
            {
                "request": "join",
                "ptype": "publisher",
                "room": self._room,
                "display": self.guest.name,
            },
        )
        if self.guest.tracks:
            await self._publish()
        self._offered_feeds(told)

    async def receives(self, tracks: int, timeout_s: float) -> None:
        """Return once so many tracks are subscribed to."""
        await self.until(lambda: self._received >= tracks, timeout_s, f"{tracks} tracks")

    def hear(self, frame: str | bytes) -> None:
        """Take a reply, or what the plugin or the core says by itself."""
        message = json.loads(frame)
        kind = message["janus"]
        waiting = self._replies.get(message.get("transaction", ""))
        if kind == "ack":
            return
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
            self.changed()
            return
        if kind in {"timeout", "hangup", "detached"}:
            self.fail(f"janus said {kind}: {message.get('reason', '')}")
        if message.get("sender") == self._publishing:
            self._offered_feeds(message)

    async def farewell(self) -> None:
        """End the session, and with it all its handles."""
        if self._session:
            await self._ask({"janus": "destroy"})

    async def _create_room(self) -> None:
        told = await self._plugin(
            self._publishing,
            {
                "request": "create",
                "room": self._room,
                "publishers": 10_000,
                "bitrate": 0,
                "audiocodec": "opus",
                "videocodec": "vp8",
                "record": False,
            },
            may_fail=True,
        )
        data = told["plugindata"]["data"]
        if data.get("error_code") not in {None, EXISTS}:
            raise BenchError(f"{self.who}: {data['error']}")

    async def _publish(self) -> None:
        transport = f"{self.who}/out"
        offer = await self.offer(transport)
        told = await self._plugin(
            self._publishing, {"request": "publish"}, {"type": "offer", "sdp": offer}
        )
        await self.load.answer(transport, told["jsep"]["sdp"])

    def _offered_feeds(self, message: dict[str, Any]) -> None:
        """Subscribe to whoever publishes, if one is here to receive."""
        told = message.get("plugindata", {}).get("data", {}).get("publishers", [])
        feeds = [feed["id"] for feed in told if feed["id"] not in self._feeds]
        if not self.guest.receive or not feeds:
            return
        self._feeds.update(feeds)
        self.later(lambda: self._take_feeds(feeds))

    async def _take_feeds(self, feeds: list[int]) -> None:
        streams = [{"feed": feed} for feed in feeds]
        if self._subscribing:
            request: dict[str, Any] = {"request": "subscribe", "streams": streams}
        else:
            self._subscribing = await self._attach()
            request = {
                "request": "join",
                "ptype": "subscriber",
                "room": self._room,
                "streams": streams,
            }
        told = await self._plugin(self._subscribing, request)
        if "jsep" not in told:
            raise BenchError(f"{self.who}: no offer for {len(feeds)} feeds: {told}")
        offer = told["jsep"]["sdp"]
        answer = await self.accept(f"{self.who}/in", offer)
        await self._plugin(
            self._subscribing, {"request": "start"}, {"type": "answer", "sdp": answer}
        )
        self._received = len(media(offer))
        self.changed()

    async def _attach(self) -> int:
        told = await self._ask({"janus": "attach", "plugin": PLUGIN})
        return int(told["data"]["id"])

    async def _plugin(
        self,
        handle: int,
        body: dict[str, Any],
        jsep: dict[str, Any] | None = None,
        *,
        may_fail: bool = False,
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"janus": "message", "handle_id": handle, "body": body}
        if jsep is not None:
            # All candidates are in the description, so none are to be waited for.
            message["jsep"] = {**jsep, "trickle": False}
        told = await self._ask(message)
        data = told.get("plugindata", {}).get("data", {})
        if "error" in data and not may_fail:
            raise BenchError(f"{self.who}: {body['request']}: {data['error']}")
        return told

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a request; its reply, the one after the mere receipt where there is such."""
        self._number += 1
        transaction = str(self._number)
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._replies[transaction] = waiting
        if self._session:
            message = {"session_id": self._session, **message}
        try:
            await self.say(json.dumps({**message, "transaction": transaction}))
            await self.until(waiting.done, REPLY_WITHIN_S, message["janus"])
        finally:
            del self._replies[transaction]
        told = waiting.result()
        if told["janus"] == "error":
            raise BenchError(f"{self.who}: {message['janus']}: {told['error']['reason']}")
        return told

    async def _keep_alive(self) -> None:
        self._number += 1
        await self.say(
            json.dumps(
                {
                    "janus": "keepalive",
                    "session_id": self._session,
                    "transaction": f"k{self._number}",
                }
            )
        )
