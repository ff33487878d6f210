"""docs/reference/configuration.md and cli.md say what the settings model and the commands say."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

import roomline.state
from roomline.api import Hub, Passing
from roomline.cli.main import app
from roomline.clock import SystemClock
from roomline.config import Settings, load
from roomline.server.claim import claim
from roomline.state import State

from support.world import World

REFERENCE = Path(__file__).parents[2] / "docs/reference"
HEADER = "| setting | type | default | environment | flag | meaning |"
DEFAULTS = {"none": None, "all": [], "the machine's": []}
VALUES = {
    "host": "meet.example.com",
    "public_ip": "192.0.2.1",
    "bind": "127.0.0.1,::1",
    "state_dir": "/somewhere",
    "prefix": "/video",
    "dev": "true",
    "drain_seconds": "1.5",
    "media.ports": "20000-20001",
    "media.addresses": "192.0.2.1,192.0.2.2",
    "log.level": "debug",
    "log.format": "json",
}


def table(file: str, header: str) -> list[list[str]]:
    """The cells of the rows below a header."""
    lines = (REFERENCE / file).read_text(encoding="utf-8").splitlines()
    rows = []
    for line in lines[lines.index(header) + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


SETTINGS = {row[0].strip("`"): row for row in table("configuration.md", HEADER)}


def model() -> dict[str, Any]:
    """Every setting with its default."""
    found: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for inner, each in kind.model_fields.items():
                found[f"{name}.{inner}"] = each.get_default(call_default_factory=True)
        else:
            found[name] = field.get_default(call_default_factory=True)
    return found


def flags(command: str) -> set[str]:
    """Every flag of a command."""
    made = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    return {name for p in made.params for name in (*p.opts, *p.secondary_opts)} - {"--help"}


def test_every_setting_is_there_once() -> None:
    assert list(SETTINGS) == list(model())


@pytest.mark.parametrize("name", SETTINGS)
def test_the_default_is_the_model_s(name: str) -> None:
    default, written = model()[name], SETTINGS[name][2].strip("`")
    if name == "host":
        assert (default, written) == (None, "the machine's name")
    elif name == "state_dir":
        assert written == "see below"
    elif written in DEFAULTS:
        assert (default or None) == (DEFAULTS[written] or None)
    elif isinstance(default, bool):
        assert written == str(default).lower()
    elif isinstance(default, float):
        assert float(written) == default
    else:
        assert written == str(default)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_variable_sets_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = SETTINGS[name][3].strip("`")
    if name in {"tls.cert", "tls.key"}:
        monkeypatch.setenv("ROOMLINE_TLS_CERT", "/file")
        monkeypatch.setenv("ROOMLINE_TLS_KEY", "/file")
    assert variable == "ROOMLINE_" + name.replace(".", "_").upper()
    monkeypatch.setenv(variable, VALUES.get(name, "17"))
    value: Any = load()
    for part in name.split("."):
        value = getattr(value, part)
    assert value != model()[name]


def test_every_flag_is_there() -> None:
    written = {row[4].strip("`") for row in SETTINGS.values()} - {""}
    assert written | {"--config", "--app"} == flags("serve")


@pytest.mark.parametrize(
    ("command", "header"),
    [("serve", "| flag | setting |"), ("token", "| flag | meaning |")],
)
def test_the_command_line_page_has_every_flag(command: str, header: str) -> None:
    written = {
        flag for cells in table("cli.md", header) for flag in re.findall(r"--[a-z-]+", cells[0])
    }
    assert written == flags(command)


def test_the_command_line_page_names_the_settings_of_the_flags() -> None:
    by_flag = {row[4].strip("`"): name for name, row in SETTINGS.items() if row[4]}
    rows = {
        cells[0].strip("`").split()[0]: cells[1].strip("`")
        for cells in table("cli.md", "| flag | setting |")
    }
    del rows["--config"], rows["--app"]
    assert rows == by_flag


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def everything_kept(folder: Path) -> set[str]:
    """What is in a state folder while one process drains and another has mounted the rooms."""
    state = State(folder)
    state.api_key()
    state.turn_secret()
    state.certificate(["localhost"], time.time())
    world = World()
    hub = Hub(world.core, world.engine, SystemClock())
    with claim(folder, 3478):
        async with Passing(folder).listen(hub):
            found = names(folder)
    hub.close()
    return found


@pytest.mark.parametrize("text", [roomline.state.__doc__, REFERENCE / "configuration.md"])
def test_every_file_in_the_state_folder_is_described(text: str | Path, tmp_path: Path) -> None:
    lines = (text.read_text(encoding="utf-8") if isinstance(text, Path) else text).splitlines()
    rows = lines[lines.index("| file | what |") + 2 :]
    described = "".join(row.split("|")[1] for row in rows if row.startswith("| `"))
    patterns = {
        re.sub(r"<[a-z]+>", r"[0-9a-f]+", re.escape(name))
        for name in re.findall(r"`([^`]+)`", described)
    }
    kept = asyncio.run(everything_kept(tmp_path))
    assert {name for name in kept if not any(re.fullmatch(p, name) for p in patterns)} == set()
    assert {p for p in patterns if not any(re.fullmatch(p, name) for name in kept)} == set()
