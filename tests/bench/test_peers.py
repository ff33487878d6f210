"""The servers that we are measured beside: what needs none of them to be there."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.errors import BenchError
from bench.peers import PEERS, LiveKit, Load, Place, Profile, Section, Track, Via, building, livekit
from bench.peers.building import go_program, require_debian, versions
from bench.peers.conversation import Conversation, Guest, media, mids
from bench.peers.process import _family, flags
from netlab.namespaces import Namespace

OFFER = """v=0
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=msid:stream first
m=video 9 UDP/TLS/RTP/SAVPF 96
a=mid:1
a=msid:stream second
m=video 0 UDP/TLS/RTP/SAVPF 96
a=mid:2
"""


class Silent(Load):
    """A load client that answers everything with nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    async def offer(
        self,
        transport: str,
        sections: Sequence[Section],
        profiles: Sequence[Profile] = (),
        via: Via | None = None,
    ) -> str:
        self.asked.append(("offer", transport, *(section.direction for section in sections)))
        return OFFER

    async def close(self, transport: str) -> None:
        self.asked.append(("close", transport))


class Talk(Conversation):
    async def join(self) -> None:
        await self.offer(self.who)

    async def receives(self, tracks: int, timeout_s: float) -> None:
        await self.until(lambda: False, timeout_s, f"{tracks} tracks")

    def hear(self, frame: str | bytes) -> None:
        self.fail(str(frame))

    async def farewell(self) -> None:
        return


def guest(load: Silent) -> Guest:
    tracks = (Track("audio"), Track("video"))
    return Guest(load, "room", "name", tracks, False, ("gcm",), None)


def test_descriptions_are_read() -> None:
    assert mids(OFFER) == ["0", "1", "2"]
    assert media(OFFER) == ["audio", "video"]


def test_a_participant_closes_what_it_opened() -> None:
    load = Silent()
    talk = Talk(guest(load), "server")

    async def work() -> None:
        await talk.join()
        assert [sent.section for sent in talk.sent] == [0, 1]
        await talk.close()

    asyncio.run(work())
    name = "server/room/name"
    assert load.asked == [("offer", name, "sendonly", "sendonly"), ("close", name)]
    assert talk.transports == []


def test_waiting_ends_with_the_first_failure_or_in_time() -> None:
    async def too_long() -> None:
        await Talk(guest(Silent()), "server").receives(2, 0.01)

    async def fails() -> None:
        talk = Talk(guest(Silent()), "server")
        talk.hear("go away")
        talk.hear("for good")
        assert talk.failed
        await talk.receives(2, 30)

    with pytest.raises(BenchError, match=r"2 tracks took more than 0\.01 s"):
        asyncio.run(too_long())
    with pytest.raises(BenchError, match="go away"):
        asyncio.run(fails())


def test_only_ours_has_a_relay_of_its_own() -> None:
    who = Guest(Silent(), "room", "name", (), True, ("gcm",), "turn-udp")
    with pytest.raises(BenchError, match="own relay"):
        assert who.relay


def test_every_peer_has_a_version() -> None:
    pinned = versions()
    assert PEERS["livekit"].version == pinned["livekit"]["version"][1:]
    assert PEERS["janus"].version == PEERS["janus-threads"].version
    assert all(peer.version for peer in PEERS.values())


def test_what_is_built_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "livekit"
    folder.mkdir()
    (folder / "livekit").touch()
    (folder / "version").write_text(versions()["livekit"]["version"])

    def never(*_: object, **__: object) -> str:
        raise AssertionError("a tool was run")

    monkeypatch.setattr(building, "run", never)
    go_program(tmp_path, "livekit")
    (folder / "version").write_text("v0.0.1")
    with pytest.raises(AssertionError):
        go_program(tmp_path, "livekit")


def test_a_module_that_is_refused_may_come_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(command: Sequence[str], **_: object) -> str:
        if command[:2] == ["go", "version"]:
            return "go version go1.99 linux/amd64"
        raise BenchError("403 Forbidden")

    monkeypatch.setattr(building, "run", refused)
    monkeypatch.setattr(building.shutil, "which", lambda _: "/usr/bin/go")
    with pytest.raises(BenchError, match=r"\(galene-1\.1\) into .*/galene/source"):
        go_program(tmp_path, "galene")


@pytest.mark.parametrize(
    ("found", "code", "message"),
    [("1.0.0", 0, "janus is 1.0.0, pinned is"), ("", 1, "apt-get install janus=")],
)
def test_another_version_is_refused(
    found: str, code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = subprocess.CompletedProcess(["dpkg-query"], code, found, "")
    monkeypatch.setattr(building.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.setattr(building.shutil, "which", lambda *_, **__: "/usr/bin/janus")
    with pytest.raises(BenchError, match=message):
        require_debian("janus", "janus")


@pytest.mark.parametrize(
    ("ports", "keys"),
    [
        ("range", {"port_range_start", "port_range_end"}),
        ("mux", {"udp_port"}),
        ("batched", {"udp_port", "batch_io"}),
    ],
)
def test_livekit_uses_its_ports_as_asked(ports: livekit.Ports, keys: set[str]) -> None:
    place = Place(Namespace("none"), "192.0.2.1", Path("/none"), Path("/none"))
    rtc: dict[str, Any] = LiveKit(ports=ports).configuration(place, "key", "secret")["rtc"]
    others = {"node_ip", "use_external_ip", "use_ice_lite", "ips"}
    assert set(rtc) == keys | others


def test_livekit_is_told_of_each_track_by_its_name() -> None:
    asked = list(livekit.intents(OFFER, (Track("audio"), Track("video", 3))))
    assert [request.cid for request in asked] == ["first", "second"]
    assert [layer.width for layer in asked[1].layers] == [320, 640, 1280]
    with pytest.raises(BenchError, match="msid"):
        list(livekit.intents(OFFER.replace("a=msid", "a=other"), (Track("audio"),)))


def test_children_are_counted_too() -> None:
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        assert {os.getpid(), child.pid} <= set(_family(os.getpid()))
    finally:
        child.communicate()


def test_flags_are_words() -> None:
    assert flags({"-port": 1, "-name": "x"}) == ["-port", "1", "-name", "x"]
