"""What is written down twice says the same."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

import roomline
from roomline import protocol
from roomline.engine import commands, events
from roomline.errors import SIGNALING_ERRORS

from support.world import World

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs/reference/signaling.md").read_text(encoding="utf-8")


def _stub() -> dict[str, dict[str, list[str]]]:
    tree = ast.parse((ROOT / "python/roomline/_engine.pyi").read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def fields(node: ast.ClassDef) -> list[str]:
        return [
            item.target.id
            for item in node.body
            if isinstance(item, ast.AnnAssign)
            and isinstance(item.target, ast.Name)
            and item.target.id != "__match_args__"
        ]

    variants = {
        base: {
            item.name: fields(item) for item in classes[base].body if isinstance(item, ast.ClassDef)
        }
        for base in ("Command", "Event")
    }
    values = {name: fields(classes[name]) for name in ("Section", "Path", "Stats")}
    return {**variants, "values": values}


def _mirrored(classes: tuple[type, ...]) -> dict[str, list[str]]:
    return {cls.__name__: [f.name for f in dataclasses.fields(cls)] for cls in classes}


def test_every_folder_of_tests_is_run_by_make() -> None:
    run = re.findall(r"tests/\w+", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert {f"tests/{file.parent.name}" for file in ROOT.glob("tests/*/test_*.py")} <= set(run)


def test_commands_and_events_mirror_the_stub() -> None:
    stub = _stub()
    assert _mirrored(get_args(commands.Command)) == stub["Command"]
    assert _mirrored(get_args(events.Event)) == stub["Event"]
    assert _mirrored((events.Section, events.Path, events.Stats)) == stub["values"]


def test_error_codes_agree_with_the_models_and_the_documentation() -> None:
    table = DOCS.split("## Error codes")[1]
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| (yes|no|at join) \|$", table, re.MULTILINE)
    assert list(dict(rows)) == list(get_args(protocol.ErrorCode))
    assert set(SIGNALING_ERRORS) == set(get_args(protocol.ErrorCode))
    for code, fatal in rows:
        error = SIGNALING_ERRORS[code]
        assert error.fatal == (fatal == "yes"), code
        assert error.fatal_at_join == (fatal != "no"), code


def test_every_message_is_documented() -> None:
    for model in (*protocol.REQUESTS, *protocol.REPLIES, *protocol.EVENTS):
        name = model.model_fields["type"].default
        assert f"`{name}" in DOCS, name
        for field in model.model_fields.values():
            alias = field.alias or ""
            assert f"`{alias}" in DOCS or f"{alias}" in DOCS, f"{name}.{alias}"


def test_generated_files_are_fresh() -> None:
    command = [sys.executable, str(ROOT / "tools/generate_protocol.py"), "--check"]
    subprocess.run(command, check=True)


def test_what_the_server_says_is_what_the_schema_says() -> None:
    schema = json.loads((ROOT / "docs/reference/signaling.schema.json").read_text("utf-8"))
    validator = Draft202012Validator(schema)
    world = World()
    alice = world.client("alice", publish={"1": "camera"})
    alice.connect()
    bob = world.client("bob", publish={"0": "microphone", "1": "screen"})
    bob.request("data", payload="x", topic="t")
    bob.request("mute", track="none", muted=True)
    bob.request("leave")
    world.core.drain(5, world.now)
    alice.send_text("nonsense")
    alice.receive()
    assert len({message["type"] for message in alice.inbox}) > 8
    for message in [*alice.inbox, *bob.inbox]:
        validator.validate(message)


@pytest.mark.parametrize("name", roomline.__all__)
def test_public_names_exist(name: str) -> None:
    assert getattr(roomline, name)


def test_other_names_do_not() -> None:
    with pytest.raises(AttributeError):
        roomline.nonsense  # noqa: B018
