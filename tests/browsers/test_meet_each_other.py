"""Chromium, Firefox and aiortc join rooms with one another."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from netlab.bidi import Firefox
from netlab.browser import ChromiumPage, Client

from support.people import Meeting

PATIENCE_S = 40.0
PEER = Path(__file__).with_name("aiortc_peer.py")


def join(page: Any, meeting: Meeting, room: str, who: str) -> Client:
    client = Client(page, meeting.server.url)
    client.join(meeting.server.token(who, room), publish=True, ask=True)
    return client


def wait(clients: list[Client], done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            pytest.fail("\n".join(str((c.state(), c.stats(), c.connection())) for c in clients))
        for client in clients:
            client.page.evaluate("new Promise(done => setTimeout(done, 50))")


def receives_everything(client: Client) -> bool:
    state, stats = client.state(), client.stats()
    return len(state["latenciesMs"]) > 20 and stats["audioEnergy"] > 0 and state["echoes"] > 0


def test_chromium_and_chromium(chromium: Browser, meeting: Meeting) -> None:
    room = meeting.room()
    clients = [join(ChromiumPage(chromium), meeting, room, who) for who in ("ada", "bob")]
    wait(clients, lambda: all(receives_everything(c) for c in clients))
    for client in clients:
        assert client.security()["srtpCipher"] == "SRTP_AEAD_AES_128_GCM"
        assert (client.connection() or {})["tier"] == "direct"
        client.close()


def test_chromium_and_firefox(chromium: Browser, firefox: Firefox, meeting: Meeting) -> None:
    room = meeting.room()
    clients = [
        join(ChromiumPage(chromium), meeting, room, "ada"),
        join(firefox, meeting, room, "bob"),
    ]
    wait(clients, lambda: all(receives_everything(c) for c in clients))
    for client in clients:
        assert (client.connection() or {})["tier"] == "direct"
        security = client.security()
        # FEFC is DTLS 1.3 (RFC 9147 section 5.3).
        assert security["tlsVersion"] == "FEFC"
        assert security["srtpCipher"] == "SRTP_AEAD_AES_128_GCM"
    clients[0].close()
    firefox.goto("about:blank")


@pytest.mark.parametrize("other", ["chromium", "firefox"])
def test_aiortc_and_a_browser(
    other: str, chromium: Browser, firefox: Firefox, meeting: Meeting
) -> None:
    room = meeting.room()
    page = ChromiumPage(chromium) if other == "chromium" else firefox
    client = join(page, meeting, room, other)
    url = meeting.server.url.replace("https:", "wss:") + "/v1/signal"
    peer = meeting.hosts[2].start(
        [
            sys.executable,
            str(PEER),
            url,
            meeting.server.token("aiortc", room),
            str(meeting.server.ca),
            str(PATIENCE_S),
        ],
        stdout=subprocess.PIPE,
    )
    assert peer.stdout is not None
    assert json.loads(peer.stdout.readline()) == {"joined": "aiortc"}
    # aiortc's own audio track is silent: its packets count, not its energy.
    wait([client], lambda: client.stats()["videoFrames"] > 20 < client.stats()["audioPackets"])
    seen = json.loads(peer.stdout.readline())
    assert seen["video"] >= 30
    assert seen["audio"] >= 50
    assert seen["messages"] >= 1
    if other == "chromium":
        client.close()
    else:
        firefox.goto("about:blank")


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
def test_every_video_codec_is_passed_through(
    codec: str, chromium: Browser, meeting: Meeting
) -> None:
    room = meeting.room()
    publisher, viewer = (Client(ChromiumPage(chromium), meeting.server.url) for _ in range(2))
    publisher.page.evaluate(f"lab.prefer('video/{codec}')")
    publisher.join(meeting.server.token("ada", room), publish=True)
    viewer.join(meeting.server.token("bob", room), publish=False)
    wait([viewer], lambda: len(viewer.state()["latenciesMs"]) > 20)
    assert viewer.stats()["videoCodec"] == f"video/{codec}"
    publisher.close()
    viewer.close()
