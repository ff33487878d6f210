"""The API over ASGI with a fake engine, and the hand-over of connections to uvicorn."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from fastapi import Request

from roomline.clock import SystemClock
from roomline.engine import events as e
from roomline.errors import ConfigError

from support.fake_engine import PUBLISHER
from support.house import House, exchange, join, joined, run


def test_a_move_shows_in_the_administration_and_the_metrics(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        browser = await house.socket()
        await join(house, browser, "alice", tracks=[{"mid": "1", "source": "camera"}])
        reply = await browser.receive("joined")
        track = reply["tracks"][0]["track"]["id"]
        move = [{"mid": "1", "source": "camera", "track": track}]
        await browser.send(type="offer", request=2, offer=PUBLISHER, tracks=move)
        bridge = (await browser.receive("answer"))["transport"]
        main, second = house.engine.transports
        deliver = house.engine.deliver
        assert deliver is not None
        deliver([*_connected(main, "direct", 10000), e.TransportSilent(main, True, 600)])
        deliver(_connected(second, "turn-udp", 3478))
        path = "/v1/rooms/demo/participants"
        (one,) = (await house.http.get(path, headers=house.bearer)).json()["participants"]
        assert [
            (t["id"], t["connected"], t["silent"], t["tier"], t["serverPort"], t["tracks"])
            for t in one["transports"]
        ] == [
            (reply["transport"], True, True, "direct", 10000, []),
            (bridge, True, False, "turn-udp", 3478, [track]),
        ]
        change = one["lastChange"]
        assert (change["from"], change["to"], change["why"]) == ("direct", "turn-udp", "path-lost")
        assert change["gapMs"] >= 600
        text = (await house.http.get("/metrics")).text
        assert 'roomline_moves_total{from="direct",to="turn-udp",why="path-lost"} 1.0' in text
        assert 'roomline_move_gap_seconds_bucket{le="0.5"} 0.0' in text
        assert "roomline_move_gap_seconds_count 1.0" in text
        assert "roomline_bridges_opened_total 1.0" in text

    run(tmp_path, work)


def _connected(transport: int, tier: str, port: int) -> list[e.Event]:
    path = e.Path(tier, port, "198.51.100.7", 5000)  # type: ignore[arg-type]
    return [
        e.PathChanged(transport, path),
        e.TransportConnected(transport, "DTLS 1.3", "AEAD_AES_128_GCM"),
    ]


def test_health_and_metrics(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        health = await house.http.get("/healthz")
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
        text = (await house.http.get("/metrics")).text
        assert 'roomline_drops_total{reason="bad-stun"} 3.0' in text
        assert 'roomline_drops_total{reason="rtp-duplicate"} 2.0' in text
        assert "roomline_rtp_probes_total 5.0" in text
        assert "rtp_dropped" not in text
        assert "roomline_datagrams_received_total 7.0" in text
        assert 'roomline_participants_by_tier{tier="turn-tls"} 0.0' in text
        house.server.hub.core.drain(0, house.server.clock.now())
        assert (await house.http.get("/healthz")).status_code == 503

    run(tmp_path, work)


def test_every_answer_carries_the_guarding_headers(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        for path in ("/healthz", "/meet/demo", "/nothing", "/v1/rooms", "/sdk/../../app.py"):
            headers = (await house.http.get(path)).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert "server" not in headers

    run(tmp_path, work)


def test_a_plain_request_to_the_signaling_is_answered_to_pages_of_any_origin(
    tmp_path: Path,
) -> None:
    async def work(house: House) -> None:
        for method in ("HEAD", "GET"):
            answer = await house.http.request(method, "/v1/signal")
            assert answer.status_code == 426
            assert answer.headers["upgrade"] == "websocket"
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert (await house.http.post("/v1/signal")).status_code == 405

    run(tmp_path, work)


def test_administration(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        rooms = "/v1/rooms"
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
            refused = await house.http.get(rooms, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "token-invalid")
        mere = {"Authorization": f"Bearer {house.token('alice')}"}
        assert (await house.http.get(rooms, headers=mere)).status_code == 403
        house.http.headers.update(house.bearer)
        assert (await house.http.get(rooms)).json() == {"rooms": []}
        assert (await house.http.get(f"{rooms}/demo")).status_code == 404
        alice = await joined(house, "alice")
        (room,) = (await house.http.get(rooms)).json()["rooms"]
        assert (room["name"], room["participants"], room["tracks"]) == ("demo", 1, 1)
        (one,) = (await house.http.get(f"{rooms}/demo/participants")).json()["participants"]
        assert one["identity"] == "alice"
        assert one["connection"]["state"] == "connecting"
        limits = {"maxParticipants": 1, "maxPublishers": 0, "maxBitrate": 0}
        assert (await house.http.put(f"{rooms}/demo/limits", json=limits)).json() == limits
        assert (
            await house.http.put(f"{rooms}/demo/limits", json={"maxParticipants": -1})
        ).status_code == 422
        mistyped = await house.http.put(f"{rooms}/demo/limits", json={"maxParticipant": 9})
        assert (mistyped.status_code, mistyped.json()["detail"][0]["type"]) == (
            422,
            "extra_forbidden",
        )
        bob = await house.socket()
        await join(house, bob, "bob")
        assert (await bob.receive("error"))["code"] == "room-full"
        assert (await house.http.delete(f"{rooms}/demo/participants/nobody")).status_code == 404
        assert (await house.http.delete(f"{rooms}/demo/participants/alice")).status_code == 204
        assert (await alice.receive("closed"))["code"] == "removed"
        assert await alice.closed() == 4000

    run(tmp_path, work)


def test_large_bodies_are_refused(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        house.http.headers.update(house.bearer)
        answer = await house.http.put("/v1/rooms/demo/limits", content=b" " * 70_000)
        assert answer.status_code == 413

    run(tmp_path, work)


def test_what_browsers_load_comes_compressed_to_those_who_take_that(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        for path, kind in (("/meet/demo", "text/html"), ("/meet/meet.js", "text/javascript")):
            texts = []
            for accept, coding in (("gzip, br", "gzip"), ("br, gzip;q=0", None), ("", None)):
                answer = await house.http.get(path, headers={"Accept-Encoding": accept})
                assert answer.headers.get("content-encoding") == coding
                assert answer.headers["content-type"].startswith(kind)
                assert answer.headers["vary"] == "Accept-Encoding"
                texts.append(answer.text)
            assert texts[0] == texts[1] == texts[2]

    run(tmp_path, work)


def test_an_invitation_gives_everybody_a_token_of_their_own(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        link = house.server.invite("demo")
        assert link.startswith("https://call.example/meet/demo?invite=")
        places = [(await house.http.get(link)).headers["location"] for _ in range(2)]
        assert places[0] != places[1]
        page, _, fragment = places[0].partition("#")
        token, invite = (parse_qs(fragment)[name][0] for name in ("token", "invite"))
        assert page == "/meet/demo"
        assert link.endswith(f"?invite={invite}")
        browser = await house.socket()
        await join(house, browser, "", token=token)
        assert (await browser.receive("joined"))["room"]["name"] == "demo"
        bad = await house.http.get(f"/meet/demo?invite={house.token('alice')}")
        assert bad.headers["location"] == "/meet/demo#error=permission-denied"

    run(tmp_path, work)


def test_the_true_peer_and_scheme_whatever_headers_say(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        @house.server.app.get("/who")
        async def who(request: Request) -> dict[str, Any]:
            return {"client": request.client, "url": str(request.url), "scheme": request.url.scheme}

        spoofed = (
            "GET /who HTTP/1.1\nHost: call.example\nConnection: close\n"
            "X-Forwarded-For: 10.0.0.1\nX-Forwarded-Proto: http\nForwarded: for=10.0.0.1\n\n"
        )
        answer = await exchange(house.hand_over(), spoofed)
        told = json.loads(answer.partition("\r\n\r\n")[2])
        assert told["client"] == ["203.0.113.9", 4711]
        assert told["scheme"] == "https"

    run(tmp_path, work)


@pytest.mark.parametrize("noise", [b"\x00" * 200, b"GET / HTTP/9.9\r\n\r\n", b"\xff\xfe" * 4000])
def test_noise_on_http_harms_nobody(tmp_path: Path, noise: bytes) -> None:
    async def work(house: House) -> None:
        alice = await joined(house, "alice")
        plain = house.hand_over()
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(plain, noise)
        await asyncio.wait_for(loop.sock_recv(plain, 65536), 5)
        plain.close()
        await alice.send(type="ping", request=5, sent=1)
        await alice.receive("pong")

    run(tmp_path, work)


def test_slow_requests_are_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomline.server.handover.REQUEST_TIMEOUT", 0.05)

    async def work(house: House) -> None:
        answer = await exchange(house.hand_over(), "GET / HTTP/1.1\nHost: call")
        assert answer == ""
        body = "POST /nothing HTTP/1.1\nHost: call\nContent-Length: 9\n\nhalf"
        answer = await exchange(house.hand_over(), body)
        assert answer.startswith("HTTP/1.1 4"), "answered, and then closed"

    run(tmp_path, work)


def test_a_call_over_a_websocket(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        alice, bob = await joined(house, "alice"), await joined(house, "bob")
        assert (await alice.receive("participantJoined"))["participant"]["identity"] == "bob"
        assert await bob.receive("bound")
        await bob.send(type="data", request=2, payload="hi")
        assert (await alice.receive("data"))["payload"] == "hi"
        await bob.send(type="leave", request=3)
        assert await bob.receive("ok")
        assert await bob.closed() == 1000
        assert (await alice.receive("participantLeft"))["reason"] == "left"

    run(tmp_path, work)


def test_an_oversized_frame_gets_a_typed_error(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        browser = await house.socket()
        await browser.send(type="join", junk="x" * 300_000)
        assert (await browser.receive("error"))["code"] == "bad-message"
        assert await browser.closed() == 4000
        huge = await house.socket()
        await huge.send(type="join", junk="x" * 2_000_000)
        assert await huge.closed() == 1009

    run(tmp_path, work)


def test_draining_ends_when_everybody_has_left(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        alice = await joined(house, "alice")
        draining = asyncio.create_task(house.server.drain())
        assert (await alice.receive("draining"))["deadline"] > 0
        late = await house.socket()
        await join(house, late, "late")
        assert (await late.receive("error"))["code"] == "draining"
        assert not draining.done()
        await alice.send(type="leave", request=9)
        await asyncio.wait_for(draining, 5)
        assert house.server._stopped.is_set()

    run(tmp_path, work)


def test_draining_ends_when_time_is_up(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        alice = await joined(house, "alice")
        await asyncio.wait_for(house.server.drain(), 5)
        closing = asyncio.create_task(house.server.close())
        assert (await alice.receive("closed"))["code"] == "draining"
        assert await alice.closed() == 4000
        await closing

    house = run(tmp_path, work, drain_seconds=0.1)
    assert house.engine.closed
    assert not house.engine.accepting


def test_a_state_folder_that_cannot_be_written_does_not_keep_the_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def work(house: House) -> None:
        alice = await joined(house, "alice")
        monkeypatch.setattr(asyncio, "start_unix_server", full)
        draining = asyncio.create_task(house.server.drain())
        await alice.receive("draining")
        await alice.send(type="leave", request=9)
        await asyncio.wait_for(draining, 5)
        assert house.engine.released
        assert house.server._stopped.is_set()

    run(tmp_path, work)
    assert "No space left" in caplog.text


def test_a_drain_that_fails_stops_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path)

    def broken() -> int:
        raise RuntimeError("no such engine")

    async def whole() -> None:
        monkeypatch.setattr(house.engine, "release_ports", broken)
        ready = asyncio.Event()
        running = asyncio.create_task(house.server.run(ready.set))
        await asyncio.wait_for(ready.wait(), 5)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 5)
        await house.close()

    asyncio.run(whole())
    assert "no such engine" in caplog.text


def test_signals_drain_then_stop(tmp_path: Path) -> None:
    house = House(tmp_path, drain_seconds=60)

    async def whole() -> None:
        ready = asyncio.Event()
        running = asyncio.create_task(house.server.run(ready.set))
        await asyncio.wait_for(ready.wait(), 5)
        alice = await joined(house, "alice")
        os.kill(os.getpid(), signal.SIGTERM)
        await alice.receive("draining")
        assert not running.done()
        os.kill(os.getpid(), signal.SIGTERM)
        assert (await alice.receive("closed"))["code"] == "draining"
        await asyncio.wait_for(running, 5)
        await house.close()

    asyncio.run(whole())
    assert house.engine.closed


def test_a_renewed_certificate_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomline.server.certificate.FILE_INTERVAL", 0.01)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for path in (cert, key):
        path.write_text("-----BEGIN OLD-----")

    async def work(house: House) -> None:
        cert.write_text("-----BEGIN NEW-----")
        await asyncio.wait_for(house.engine.renewed.wait(), 5)
        assert house.engine.certificates == [b"-----BEGIN NEW-----"]

    run(tmp_path / "state", work, tls={"cert": cert, "key": key})


def test_what_the_engine_is_told(tmp_path: Path) -> None:
    house = House(tmp_path, public_ip="203.0.113.5", media={"ports": 5000})
    (options,) = house.options
    assert options.addresses == ["203.0.113.5"]
    assert (options.media_port_min, options.media_port_max) == (5000, 5000)
    assert options.realm == "call.example"
    assert house.server.hub.core.config.turn.hosts == ("203.0.113.5",)
    assert SystemClock().now().unix > 0


def test_unreadable_certificates_stop_the_start(tmp_path: Path) -> None:
    tls = {"cert": tmp_path / "none.pem", "key": tmp_path / "none.key"}
    with pytest.raises(ConfigError, match="--tls-cert"):
        House(tmp_path, tls=tls)
