"""The Python side of the load client's protocol, against a program that plays its part."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench import load as module
from bench.load import Connected, Ended, Even, Latency, Load, LoadError
from bench.peers.contract import Section, Via
from bench.traffic import Traffic

FAKE = """#!{python}
import json, sys

def say(**line):
    print(json.dumps(line), flush=True)

for line in sys.stdin:
    asked = json.loads(line)
    number, what = asked["id"], asked["do"]
    if what == "offer":
        say(id=number, ok={{"sdp": json.dumps(asked)}})
    elif what == "connected":
        say(event="ended", transport="b", reason="gone")
        say(id=number, ok=dict(ms=1.5, profile="P", dtls="D", local="l", remote="r"))
    elif what == "measure":
        received = dict(packets=90, packets_per_second=9.0, bytes=1, expected=100, lost=10,
                        duplicate=0, repaired=0, reordered=0, rtx=0)
        sent = dict(packets=3, packets_per_second=1.0, bytes=1, retransmitted=0, nacked=0,
                    keyframe_requests=0, skipped=1, refused=0)
        latency = dict(count=1, p50=1.0, p90=1.0, p99=1.0, p99_9=1.0, max=1.0)
        say(id=number, ok=dict(seconds=asked["seconds"], received=received, sent=sent,
                               latency_us=latency, cpu=0.1, void=False, reason=None, streams=[],
                               publishers=[]))
    elif what == "close":
        sys.exit(3)
    elif what == "stats":
        pass
    else:
        say(id=number, error="no transport " + asked["transport"])
"""


@asynccontextmanager
async def fake(folder: Path) -> AsyncIterator[Load]:
    program = folder / "fake"
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(0o755)
    load = await Load.start(program)
    try:
        yield load
    finally:
        await load.stop()


def run(folder: Path, use: Callable[[Load], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with fake(folder) as load:
            await use(load)

    asyncio.run(whole())


def test_requests_say_what_was_asked(tmp_path: Path) -> None:
    async def use(load: Load) -> None:
        via = Via("turn-tls", "1.2.3.4:443", "name", "user", "word", Path("/ca.pem"))
        asked = await load.offer("a", [Section("video", "sendonly", 3)], ["cm"], via)
        assert '"simulcast": 3' in asked
        assert '"profiles": ["cm"]' in asked
        assert '"ca": "/ca.pem"' in asked
        assert "via" not in await load.offer("a", [])

    run(tmp_path, use)


def test_answers_are_typed_and_ends_are_told(tmp_path: Path) -> None:
    async def use(load: Load) -> None:
        told: list[Ended] = []
        load.on_ended = told.append
        assert await load.connected("a") == Connected(1.5, "P", "D", "l", "r")
        assert told == load.ended == [Ended("b", "gone")]
        found = await load.measure(0.5)
        assert found.received.loss == 0.1
        assert isinstance(found.latency_us, Latency)
        assert (seen := Traffic.of(found)).late == 0.25
        assert (seen.sent, seen.latency_us["p99"]) == (3, 1.0)

    run(tmp_path, use)


def test_refusals_name_request_and_transport(tmp_path: Path) -> None:
    async def use(load: Load) -> None:
        with pytest.raises(LoadError, match=r"^publish x: no transport x$"):
            await load.publish("x", 0, Even(100, 200))

    run(tmp_path, use)


def test_a_client_that_ends_is_an_error_for_everybody(tmp_path: Path) -> None:
    async def use(load: Load) -> None:
        with pytest.raises(LoadError, match="ended with code 3"):
            await load.close("a")
        with pytest.raises(LoadError, match="ended with code 3"):
            await load.offer("a", [])

    run(tmp_path, use)


def test_no_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(load: Load) -> None:
        monkeypatch.setattr(module, "PATIENCE", 0.05)
        with pytest.raises(LoadError, match="stats: no answer"):
            await load.stats()
        monkeypatch.undo()

    run(tmp_path, use)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="does not start"):
        asyncio.run(Load.start(tmp_path / "none"))
