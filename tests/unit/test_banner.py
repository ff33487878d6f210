"""What `roomline serve` prints is what the first page of the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from roomline import Server
from roomline.cli.banner import banner
from roomline.config import load

from support.fake_engine import FakeEngine

FIRST_CALL = Path(__file__).parents[2] / "docs/start/first-call.md"


def shown(state: Path, **flags: Any) -> str:
    settings = load(None, {"state_dir": state, "media": {"addresses": "192.0.2.1"}, **flags})
    return banner(Server(settings, make_engine=lambda _: FakeEngine()))


def test_the_documentation_shows_the_banner(tmp_path: Path) -> None:
    written = re.findall(r"```\n(Roomline .*?)```", FIRST_CALL.read_text("utf-8"), re.DOTALL)[0]
    real = shown(tmp_path, host="meet.example.com").replace(str(tmp_path), "/var/lib/roomline")
    real = re.sub(r"invite=\S+", "invite=eyJ…", real)
    assert real.splitlines()[1:] == written.splitlines()[1:]


@pytest.mark.parametrize(
    ("flags", "where"),
    [
        ({"dev": True}, "in two browser windows on this machine"),
        ({"host": "room.localhost"}, "in two browser windows on this machine"),
        ({"dev": True, "host": "meet.example.com"}, "on two devices"),
    ],
)
def test_a_link_to_this_machine_is_for_two_windows(
    flags: dict[str, Any], where: str, tmp_path: Path
) -> None:
    assert f"Open this link {where}; it is good for a day:" in shown(tmp_path, **flags)


@pytest.mark.parametrize(
    ("ports", "words"), [("0", "a free port"), ("7000", "7000"), ("7000-7010", "7000-7010")]
)
def test_media_ports_are_said_in_words(ports: str, words: str, tmp_path: Path) -> None:
    text = shown(tmp_path, media={"ports": ports, "addresses": "192.0.2.1"})
    assert re.search(rf"1  direct    UDP {words} +no extra latency", text)
