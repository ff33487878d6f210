"""Somebody's ASGI application behind our front door, with a fake engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket
from websockets.frames import Frame, Opcode

from roomline.api import Dispatcher
from roomline.errors import ConfigError

from support.house import Browser, House, exchange, run

Work = Callable[[House], Coroutine[Any, Any, None]]


def application() -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        app.state.log = ["up"]
        yield {"greeting": "hello"}
        app.state.log.append("down")

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def who(request: Request) -> dict[str, Any]:
        return {
            "client": request.client,
            "url": str(request.url),
            "greeting": request.state.greeting,
        }

    @app.post("/upload")
    async def upload(request: Request) -> int:
        return len(await request.body())

    @app.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        text = await socket.receive_text()
        client = socket.client
        await socket.send_text(f"{len(text)} {socket.url.scheme} {client.host if client else ''}")
        await socket.close()

    return app


def get(path: str) -> str:
    return f"GET {path} HTTP/1.1\nHost: call.example\nConnection: close\n\n"


def status(answer: str) -> int:
    return int(answer.split()[1])


def test_what_is_not_ours_is_the_applications(tmp_path: Path) -> None:
    app = application()

    async def work(house: House) -> None:
        answer = await exchange(house.hand_over(), get("/"))
        told = json.loads(answer.partition("\r\n\r\n")[2])
        assert told["client"] == ["203.0.113.9", 4711]
        assert told["url"] == "https://call.example/"
        assert told["greeting"] == "hello"
        assert "content-security-policy" not in answer.lower()
        for path in ("/healthz", "/metrics", "/v1/openapi.json", "/meet/demo", "/meet/"):
            answer = await exchange(house.hand_over(), get(path))
            assert status(answer) == 200, path
            assert "content-security-policy" in answer.lower(), path
        assert status(await exchange(house.hand_over(), get("/v1x"))) == 404

    run(tmp_path, work, application=app)
    assert app.state.log == ["up", "down"]


def test_its_bodies_and_frames_may_be_large(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        head = "POST /upload HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 200000\n\n"
        assert (await exchange(house.hand_over(), head + "x" * 200_000)).endswith("200000")
        browser = Browser(house.hand_over(), "wss://call.example/echo")
        await browser.open()
        browser.protocol.send_text(b"x" * 3_000_000)
        await browser.flush()
        event = await browser.take(
            lambda each: isinstance(each, Frame) and each.opcode is Opcode.TEXT
        )
        assert event.data == b"3000000 wss 203.0.113.9"

    run(tmp_path, work, application=application())


def test_a_body_that_stands_still_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomline.server.handover.BODY_TIMEOUT", 0.05)

    async def work(house: House) -> None:
        head = "POST /upload HTTP/1.1\nHost: x\nContent-Length: 200000\n\nhalf"
        assert "200" not in await exchange(house.hand_over(), head)

    run(tmp_path, work, application=application())


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("https://other.example:8443/?a=/v1/", "https://other.example:8443/?a=/v1/"),
        ("http://ada:secret@other.example", "https://other.example/"),
        ("HTTPS://[2001:db8::1]/", "https://[2001:db8::1]/"),
        # Not in absolute form.
        ("/?next=https://other.example/", "https://call.example/?next=https://other.example/"),
    ],
)
def test_a_target_in_absolute_form_says_where_to(tmp_path: Path, target: str, url: str) -> None:
    async def work(house: House) -> None:
        answer = await exchange(house.hand_over(), get(target))
        assert json.loads(answer.partition("\r\n\r\n")[2])["url"] == url

    run(tmp_path, work, application=application())


def test_what_is_ours_is_so_in_absolute_form_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomline.server.handover.REQUEST_TIMEOUT", 0.05)
    origin = "https://call.example"

    async def work(house: House) -> None:
        assert status(await exchange(house.hand_over(), get(f"{origin}/healthz"))) == 200
        # Ours must be whole in time, which is shorter than what the application gives.
        late = f"PATCH {origin}/v1/rooms/x HTTP/1.1\nHost: x\nContent-Length: 9\n\n"
        await asyncio.wait_for(exchange(house.hand_over(), late), 5)

        browser = Browser(house.hand_over(), "wss://call.example/v1/signal")
        browser.protocol.send_request(browser.protocol.connect())
        (request,) = browser.protocol.data_to_send()
        absolute = request.replace(b"GET /v1", f"GET {origin}/v1".encode())
        await asyncio.get_running_loop().sock_sendall(browser.plain, absolute)
        await browser.take(lambda _: True)
        await browser.send(type="ping", request=1, sent=1)
        assert (await browser.receive("error"))["code"] == "bad-message"

    run(tmp_path, work, application=application())


def test_with_a_prefix_everything_else_is_the_applications(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        assert house.server.url == "https://call.example/video"
        link = house.server.invite("demo")
        assert link.startswith("https://call.example/video/meet/demo?invite=")
        answer = await exchange(house.hand_over(), get(link.removeprefix("https://call.example")))
        assert "location: /video/meet/demo#token=" in answer.lower()
        assert status(await exchange(house.hand_over(), get("/healthz"))) == 404
        assert status(await exchange(house.hand_over(), get("/video/healthz"))) == 200
        browser = Browser(house.hand_over(), "wss://call.example/video/v1/signal")
        await browser.open()
        await browser.send(type="ping", request=1, sent=1)
        assert (await browser.receive("error"))["code"] == "bad-message"

    run(tmp_path, work, application=application(), prefix="/video")


def test_the_page_loads_what_it_needs_from_where_it_is_mounted(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        for path in ("/video/meet/demo", "/video/"):
            text = (await exchange(house.hand_over(), get(path))).partition("\r\n\r\n")[2]
            assert 'src="/video/meet/meet.js"' in text
            assert 'href="/video/meet/meet.css"' in text
        assert status(await exchange(house.hand_over(), get("/video/meet/meet.js"))) == 200
        assert status(await exchange(house.hand_over(), get("/elsewhere"))) == 404

    run(tmp_path, work, prefix="/video")


def test_an_application_that_does_not_start_stops_the_server(tmp_path: Path) -> None:
    def connect_to_the_database() -> None:
        raise RuntimeError("no database")

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        connect_to_the_database()
        yield

    async def whole() -> None:
        house = House(tmp_path, application=FastAPI(lifespan=lifespan))
        with pytest.raises(ConfigError, match="did not start: RuntimeError: no database"):
            await house.server.run()
        assert house.engine.closed
        assert house.engine.deliver is None
        await house.http.aclose()

    asyncio.run(whole())


def test_an_application_may_have_no_lifespan(tmp_path: Path) -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError("only HTTP")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def work(house: House) -> None:
        assert status(await exchange(house.hand_over(), get("/any"))) == 204

    run(tmp_path, work, application=plain)


def test_a_failed_shut_down_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        raise RuntimeError("flush failed")

    async def work(house: House) -> None:
        assert status(await exchange(house.hand_over(), get("/healthz"))) == 200

    run(tmp_path, work, application=FastAPI(lifespan=lifespan))
    assert "the application did not shut down" in caplog.text


def test_every_path_of_ours_is_kept_from_the_application(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        dispatcher = Dispatcher(house.server.app, application())
        described = (await house.http.get("/v1/openapi.json")).json()["paths"]
        for path in {*described, "/v1/signal", "/v1/openapi.json", "/meet/x", "/sdk/x"}:
            assert dispatcher.is_ours(path), path
        assert not dispatcher.is_ours("/")

    run(tmp_path, work)
