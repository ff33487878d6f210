"""A server that can't be had on this machine is named and left out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import choose, ready
from bench.errors import BenchError
from bench.peers import SFUS


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> argparse.Namespace:
    """`--only fan-out`, where Galène can't be built and all others are there."""

    def build(self: Any, cache: Path) -> None:
        if self.name == "galene":
            raise BenchError(f"no proxy gives it; put its source into {cache}")

    for kind in {type(sfu) for sfu in SFUS}:
        monkeypatch.setattr(kind, "build", build)
    return argparse.Namespace(only=("fan-out",), peers=(), full=False, cache=tmp_path)


def test_the_others_are_measured(
    options: argparse.Namespace, capsys: pytest.CaptureFixture[str]
) -> None:
    (whole,) = choose(options)
    (workload,) = ready([whole], options.cache, insist=False)
    assert [w.name for w in workload.ways] == [w.name for w in whole.ways if w.name != "galene"]
    assert "galene is left out: no proxy gives it" in capsys.readouterr().err


def test_who_is_asked_for_must_be_there(options: argparse.Namespace) -> None:
    with pytest.raises(BenchError, match="no proxy gives it"):
        ready(choose(options), options.cache, insist=True)
