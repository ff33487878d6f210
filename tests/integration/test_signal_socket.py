"""Signaling's WebSocket on the front door, frame by frame, with a fake engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from roomline.server.handover import MAX_FRAME_BYTES

from support.house import Browser, House, exchange, joined, run
from support.turns import until

PING = json.dumps({"type": "ping", "request": 7, "sent": 1})


def sockets_open(house: House) -> int:
    found = {name: value for name, _, value in house.server.hub.core.gauges()}
    return found["signaling_connections"]


async def upgrade(house: House, *fields: str, how: str = "GET /v1/signal HTTP/1.1") -> str:
    head = f"{how}\nHost: x\nConnection: Upgrade\nUpgrade: websocket\n"
    return await exchange(house.hand_over(), head + "".join(f"{f}\n" for f in fields) + "\n")


def test_a_request_that_is_no_handshake_is_refused(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        key = "Sec-WebSocket-Key: cm9vbWxpbmUtYmVuY2gtMQ=="
        assert "400 Bad Request" in await upgrade(house, "Sec-WebSocket-Version: 13")
        assert "400 Bad Request" in await upgrade(house, key, "Sec-WebSocket-Version: 12")
        version = "Sec-WebSocket-Version: 13"
        for how in ("POST /v1/signal HTTP/1.1", "GET /v1/signal HTTP/1.0"):
            assert "400 Bad Request" in await upgrade(house, key, version, how=how)
        assert sockets_open(house) == 0

    run(tmp_path, work)


def test_a_message_in_pieces_is_one(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        ada = await joined(house, "ada")
        ada.protocol.send_text(PING[:9].encode(), fin=False)
        ada.protocol.send_ping(b"between")
        ada.protocol.send_continuation(PING[9:].encode(), fin=True)
        await ada.flush()
        pong = await ada.take(lambda each: isinstance(each, Frame) and each.opcode is Opcode.PONG)
        assert pong.data == b"between"
        assert (await ada.receive("pong"))["request"] == 7

    run(tmp_path, work)


@pytest.mark.parametrize(
    ("send", "code"),
    [
        (lambda p: p.send_text(b"\xff"), 1007),
        (lambda p: p.send_text(b"x" * (MAX_FRAME_BYTES + 1)), 1009),
    ],
)
def test_frames_that_cannot_be_read_are_counted(tmp_path: Path, send: Any, code: int) -> None:
    async def work(house: House) -> None:
        ada = await joined(house, "ada")
        send(ada.protocol)
        await ada.flush()
        assert await ada.closed() == code
        counters = house.server.hub.core.counters()
        assert ("frames_refused", str(code), 1) in counters
        await until(lambda: sockets_open(house) == 0)

    run(tmp_path, work)


def test_a_binary_frame_is_no_message(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        ada = await joined(house, "ada")
        ada.protocol.send_binary(b"{}")
        await ada.flush()
        assert (await ada.receive("error"))["code"] == "bad-message"
        assert await ada.closed() == 4000

    run(tmp_path, work)


def test_a_client_that_closes_is_answered_and_gone(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        ada = await joined(house, "ada")
        ada.protocol.send_close(1000, "bye")
        await ada.flush()
        assert await ada.closed() == 1000
        await until(lambda: sockets_open(house) == 0)
        # Its session may be resumed.
        assert [s.participant.identity for s in house.server.hub.core.sessions()] == ["ada"]

    run(tmp_path, work)


def test_a_client_that_reads_nothing_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomline.signaling.json_dialect.MAX_PENDING_BYTES", 500_000)
    monkeypatch.setattr("roomline.server.signal_socket.CLOSE_WITHIN", 0.05)

    async def work(house: House) -> None:
        ada, bob = await joined(house, "ada"), await joined(house, "bob")
        for number in range(100):
            await bob.send(type="data", request=number, payload="x" * 15_000)
        await until(lambda: sockets_open(house) == 1)
        assert await read_to_the_end(ada)

    run(tmp_path, work, drain_seconds=0)


def test_pings_of_a_client_that_reads_nothing_do_not_pile_up(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        ada = await joined(house, "ada")
        for _ in range(1_000):
            ada.protocol.send_ping(b"x" * 125)
        pings = b"".join(ada.protocol.data_to_send())
        taken, rest = 0, b""
        for _ in range(1_000):
            rest = rest or pings
            with contextlib.suppress(BlockingIOError):
                sent = ada.plain.send(rest)
                taken, rest = taken + sent, rest[sent:]
            await asyncio.sleep(0)
        assert taken < 100 * len(pings)
        # Who reads again is heard again.
        sending = asyncio.get_running_loop().sock_sendall(ada.plain, rest + masked(PING))
        _, pong = await asyncio.gather(sending, ada.receive("pong"))
        assert pong["request"] == 7

    run(tmp_path, work)


def test_what_waits_for_another_process_does_not_pile_up(tmp_path: Path) -> None:
    silent: list[asyncio.StreamWriter] = []

    async def work(house: House) -> None:
        draining = tmp_path / "draining-silent"
        server = await asyncio.start_unix_server(lambda _, writer: silent.append(writer), draining)
        ada = await house.socket()
        await ada.send(type="resume", request=1, version=1, resumeToken="PA_x.y", lastSeq=0)
        rest = b""
        taken = 0
        for _ in range(1_000):
            rest = rest or masked("x" * 100_000)
            with contextlib.suppress(BlockingIOError):
                sent = ada.plain.send(rest)
                taken, rest = taken + sent, rest[sent:]
            await asyncio.sleep(0)
        assert taken < 100 * 100_000
        assert silent
        server.close()
        for writer in silent:
            writer.close()
            await writer.wait_closed()

    run(tmp_path, work)


def masked(text: str) -> bytes:
    """A text frame of a client."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)


async def read_to_the_end(browser: Browser) -> bool:
    try:
        await browser.closed()
    except ConnectionError:
        return True
    # Not by a close frame.
    return browser.protocol.close_code == 1006


def test_a_client_that_does_not_answer_our_close_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomline.server.signal_socket.CLOSE_WITHIN", 0.05)

    async def work(house: House) -> None:
        ada = await joined(house, "ada")
        house.server.hub.core.remove("demo", "ada", house.server.hub.now())
        house.server.hub.settle()
        loop = asyncio.get_running_loop()
        while await asyncio.wait_for(loop.sock_recv(ada.plain, 65536), 5):
            pass

    run(tmp_path, work)
