"""`Roomline` in somebody's application: mounted, without its lifespan, and behind our own server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from roomline import (
    AlreadyRunning,
    ConfigError,
    NotStarted,
    ParticipantLeft,
    Roomline,
    Settings,
)
from roomline.errors import NotFound
from roomline.tokens import verify

from support.fake_engine import PUBLISHER
from support.house import AsyncEngine, House, exchange, run
from support.turns import until

with warnings.catch_warnings():
    # It is told to move to another HTTP client; what it does here is the same with both.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ROOMLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROOMLINE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("ROOMLINE_MEDIA_ADDRESSES", "192.0.2.1")


class Mounted:
    """An application with rooms under `/video`, and a fake engine."""

    def __init__(self, **more: Any) -> None:
        self.engine = AsyncEngine()
        self.options: list[Any] = []
        self.said: list[str] = []
        self.video = Roomline(announce=self.said.append, make_engine=self._make, **more)
        self.app = FastAPI(lifespan=self.video.lifespan)
        self.app.mount("/video", self.video.asgi)

    def _make(self, options: Any) -> AsyncEngine:
        self.options.append(options)
        return self.engine

    def token(self, identity: str, room: str = "demo") -> str:
        made = self.video.access_token().with_identity(identity).with_room(room)
        return made.to_jwt()


def join(mounted: Mounted, client: TestClient, identity: str = "ada") -> Any:
    """The reply to a join under the mount path."""
    with client.websocket_connect("/video/v1/signal") as socket:
        message = {"type": "join", "request": 1, "version": 1, "token": mounted.token(identity)}
        socket.send_text(json.dumps({**message, "offer": PUBLISHER, "tracks": []}))
        reply = json.loads(socket.receive_text())
        socket.send_text(json.dumps({"type": "leave", "request": 2}))
        assert json.loads(socket.receive_text())["type"] == "ok"
        assert socket.receive()["code"] == 1000
        return reply


def test_everything_works_under_the_mount_path() -> None:
    mounted = Mounted(url="https://example.com/video/")
    with TestClient(mounted.app) as client:
        assert join(mounted, client)["type"] == "joined"
        assert client.get("/video/healthz").json() == {"status": "ok"}
        for path in ("/video/", "/video/meet/", "/video/meet/demo"):
            assert 'src="/video/meet/meet.js"' in client.get(path).text
        assert client.get("/video/sdk/roomline.js").status_code == 200
        assert client.head("/video/v1/signal").status_code == 426
        link = mounted.video.invite("demo")
        assert link.startswith("https://example.com/video/meet/demo?invite=")
        answer = client.get(link.removeprefix("https://example.com"), follow_redirects=False)
        assert answer.headers["location"].startswith("/video/meet/demo#token=")
        assert client.get("/healthz").status_code == 404
    assert mounted.engine.closed


def test_start_up_says_which_tiers_there_are(tmp_path: Path) -> None:
    mounted = Mounted()
    mounted.engine.https_port = 5349
    with TestClient(mounted.app):
        assert mounted.options[0].https_port == 5349
        assert [(t.name, t.protocol, t.ports) for t in mounted.video.tiers] == [
            ("direct", "UDP", "10000-60000"),
            ("turn-udp", "UDP", "3478"),
            ("turn-tls", "TCP", "5349"),
        ]
    (text,) = mounted.said
    assert "1  direct    UDP 10000-60000" in text
    assert "2  turn-udp  UDP 3478" in text
    assert "3  turn-tls  TCP 5349" in text
    assert "https.port" in text
    assert str(tmp_path / "ca.pem") in text


def test_for_development_the_name_and_the_port_of_tier_3_are_others() -> None:
    """As docs/how-to/mount.md says."""
    mounted = Mounted(settings=Settings(dev=True))
    with TestClient(mounted.app):
        assert (mounted.options[0].realm, mounted.options[0].https_port) == ("localhost", 8443)


def test_the_port_of_tier_3_can_be_chosen() -> None:
    mounted = Mounted(settings=Settings(https={"port": 443}))  # type: ignore[arg-type]
    with TestClient(mounted.app):
        assert mounted.options[0].https_port == 443
    assert "Tier 3 is on" not in mounted.said[0]


def test_without_the_lifespan_every_request_says_so() -> None:
    video = Roomline()
    app = FastAPI()
    app.mount("/video", video.asgi)
    with TestClient(app) as client:
        with pytest.raises(NotStarted, match=r"lifespan=video.lifespan"):
            client.get("/video/healthz")
        with pytest.raises(NotStarted), client.websocket_connect("/video/v1/signal"):
            pass
    for use in (lambda: video.url, lambda: video.tiers, lambda: video.invite("demo")):
        with pytest.raises(NotStarted):
            use()


def test_a_second_worker_is_refused(tmp_path: Path) -> None:
    first, second = Mounted(), Mounted()
    with TestClient(first.app):
        with pytest.raises(AlreadyRunning, match="one worker"), TestClient(second.app):
            pass
        assert not second.options
    with TestClient(second.app) as client:
        assert join(second, client)["type"] == "joined"
    assert (tmp_path / "mounted-3478.lock").stat().st_mode & 0o777 == 0o600


def test_it_can_start_again_but_not_twice_at_once() -> None:
    mounted = Mounted()

    async def twice() -> None:
        async with mounted.video.lifespan():
            with pytest.raises(ConfigError, match="once"):
                async with mounted.video.lifespan():
                    pass
        async with mounted.video.lifespan():
            assert mounted.video.tiers

    asyncio.run(twice())


def test_a_port_that_cannot_be_opened_fails_the_start_up() -> None:
    def busy(_: Any) -> Any:
        raise ConfigError("cannot listen on 0.0.0.0:3478")

    video = Roomline(make_engine=busy)
    with (
        pytest.raises(ConfigError, match="cannot listen"),
        TestClient(FastAPI(lifespan=video.lifespan)),
    ):
        pass


def test_it_can_be_the_whole_application() -> None:
    mounted = Mounted()
    with TestClient(mounted.video.asgi) as client:
        assert client.get("/healthz").status_code == 200
    assert mounted.engine.closed


def test_starlette_with_something_else_at_the_root() -> None:
    mounted = Mounted()

    async def root(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("the rest")(scope, receive, send)

    app = Starlette(
        lifespan=mounted.video.lifespan,
        routes=[Mount("/a/video", mounted.video.asgi), Mount("/", root)],
    )
    with TestClient(app) as client:
        assert client.get("/any").text == "the rest"
        assert 'src="/a/video/meet/meet.js"' in client.get("/a/video/meet/").text
        assert client.get("/a/video/healthz").status_code == 200


def test_http_on_the_port_of_turn_is_closed(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        client = house.hand_over()
        assert await asyncio.get_running_loop().sock_recv(client, 1) == b""

    run(tmp_path, work, mounted=True)


def test_people_can_be_taken_out() -> None:
    mounted = Mounted()
    with TestClient(mounted.app) as client:
        with client.websocket_connect("/video/v1/signal") as socket:
            message = {"type": "join", "request": 1, "version": 1, "token": mounted.token("ada")}
            socket.send_text(json.dumps({**message, "offer": PUBLISHER, "tracks": []}))
            assert json.loads(socket.receive_text())["type"] == "joined"
            assert client.portal
            assert [p.identity for p in mounted.video.participants("demo")] == ["ada"]
            assert mounted.video.participants("elsewhere") == []
            client.portal.call(mounted.video.remove, "demo", "ada")
            assert json.loads(socket.receive_text())["code"] == "removed"
            assert socket.receive()["code"] == 4000
        with pytest.raises(NotFound):
            client.portal.call(mounted.video.remove, "demo", "nobody")


def test_other_threads_see_who_is_there_and_take_people_out() -> None:
    mounted = Mounted()

    @mounted.app.get("/people")
    def people() -> list[str]:
        return [person.identity for person in mounted.video.participants("demo")]

    @mounted.app.delete("/people/{identity}")
    def remove(identity: str) -> str:
        try:
            mounted.video.remove("demo", identity)
        except NotFound as error:
            return str(error)
        return "gone"

    with TestClient(mounted.app) as client, client.websocket_connect("/video/v1/signal") as socket:
        message = {"type": "join", "request": 1, "version": 1, "token": mounted.token("ada")}
        socket.send_text(json.dumps({**message, "offer": PUBLISHER, "tracks": []}))
        assert json.loads(socket.receive_text())["type"] == "joined"
        assert client.get("/people").json() == ["ada"]
        # This thread is not the loop's either.
        assert [person.identity for person in mounted.video.participants("demo")] == ["ada"]
        assert client.delete("/people/nobody").json() == "no such participant in this room"
        assert client.delete("/people/ada").json() == "gone"
        assert json.loads(socket.receive_text())["code"] == "removed"
        assert client.get("/people").json() == []


def test_a_thread_does_not_wait_for_a_loop_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = Mounted()
    raised: list[BaseException] = []
    asked = threading.Event()

    def look() -> None:
        with pytest.raises(NotStarted) as caught:
            mounted.video.participants("demo")
        raised.append(caught.value)

    async def runs() -> threading.Thread:
        async with mounted.video.lifespan():
            thread = threading.Thread(target=look, daemon=True)
            # A loop that does not turn any more.
            with monkeypatch.context() as patch:
                patch.setattr(
                    asyncio.get_running_loop(), "call_soon_threadsafe", lambda _: asked.set()
                )
                thread.start()
                asked.wait()
        return thread

    asyncio.run(runs()).join(5)
    assert "meanwhile" in str(raised[0])


def test_who_is_told_of_the_end_may_still_ask() -> None:
    mounted = Mounted(url="https://example.com/video")
    heard: list[Any] = []

    @mounted.video.on_participant_left
    async def left(event: ParticipantLeft) -> None:
        heard.append((event.person.identity, event.reason, mounted.video.url))
        heard.append(mounted.video.participants("demo"))

    @mounted.video.on_participant_left
    def left_in_a_thread(event: ParticipantLeft) -> None:
        heard.append(len(mounted.video.participants("demo")))

    async def ends() -> None:
        async with mounted.video.lifespan():
            server = mounted.video._server
            assert server is not None
            connection = server.hub.connect(lambda: None)
            message = {"type": "join", "request": 1, "version": 1, "token": mounted.token("ada")}
            joins = json.dumps({**message, "offer": PUBLISHER, "tracks": []})
            connection.receive_text(joins, server.hub.now())
            server.hub.settle()
            await until(lambda: mounted.video.participants("demo"))
        assert not mounted.video.is_running

    asyncio.run(ends())
    assert heard[:2] == [("ada", "drained", "https://example.com/video"), []]
    assert heard[2:] == [0]


def test_behind_our_own_server_it_joins_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    video = Roomline(Settings(), announce=None)
    seen: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with video.lifespan(app):
            seen.append(video.url)
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/inside", video.asgi)

    async def work(house: House) -> None:
        answer = await exchange(
            house.hand_over(), "GET /inside/healthz HTTP/1.1\nHost: x\nConnection: close\n\n"
        )
        assert '{"status":"ok"}' in answer
        token = video.access_token().with_identity("ada").with_room("demo").to_jwt()
        keys = {house.key.key: house.key.secret}
        assert verify(token, keys, house.server.clock.now().unix).identity == "ada"
        assert video.invite("demo").startswith("https://call.example/meet/demo?invite=")

    run(tmp_path / "other", work, application=app)
    assert seen == ["https://call.example"]
    assert "the settings of roomline serve hold" in caplog.text


def test_a_url_needs_its_scheme() -> None:
    with pytest.raises(ConfigError, match="scheme"):
        Roomline(url="example.com/video")
    mounted = Mounted()

    async def ask() -> None:
        async with mounted.video.lifespan():
            with pytest.raises(ConfigError, match=r"Roomline\(url="):
                mounted.video.invite("demo")

    asyncio.run(ask())
