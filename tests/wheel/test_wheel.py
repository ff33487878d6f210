"""What `pip install roomline-….whl` gives in an empty environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile.server import Server
from hostile.signaling import join_frame, make_offer

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


PROGRAM = """
from datetime import timedelta

from roomline import AccessToken
from roomline._engine import Command, Engine, Event, Path


def token(key: str, secret: str) -> str:
    made = AccessToken(key, secret).with_identity("ada").with_room("standup")
    return made.with_ttl(timedelta(hours=1)).to_jwt()


def tiers(engine: Engine) -> list[str]:
    engine.submit(Command.CloseTransport(7))
    found: list[Path] = [e.path for e in engine.events() if isinstance(e, Event.PathChanged)]
    return [path.tier for path in found]


reveal_type(tiers)
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel and what it depends on, and nothing else."""

    wheel: Path
    python: Path
    outside: Path
    """A folder to work in that is not the checkout."""

    @property
    def roomline(self) -> Path:
        """The installed command."""
        return self.python.with_name("roomline")

    def run(self, *command: str | Path) -> str:
        """Run a program of this environment and return what it printed."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
        done = subprocess.run(
            command, cwd=self.outside, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    build = [str(BIN / "maturin"), "build", "--release", "--quiet", "--out", str(folder / "dist")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (folder / "dist").glob("roomline-*.whl")
    outside = folder / "outside"
    outside.mkdir()
    made = Installed(wheel, folder / "venv" / "bin" / "python", outside)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    made.run(made.python, "-m", "pip", "install", "--quiet", wheel)
    return made


@pytest.fixture(scope="session")
def server(installed: Installed) -> Iterator[Server]:
    running = Server(installed.outside, [str(installed.roomline)])
    yield running
    running.close()


def test_the_wheel_carries_everything(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    for name in (
        "roomline/py.typed",
        "roomline/_engine.pyi",
        "roomline/web/static/sdk/roomline.js",
        "roomline/web/static/sdk/index.d.ts",
        "roomline/web/static/meet/index.html",
    ):
        assert name in names, name
    assert any(n.startswith("roomline/_engine.") and n.endswith(".so") for n in names)
    assert not [n for n in names if n.startswith(("tests/", "netlab/", "web/"))]


def test_it_is_the_installed_one_that_runs(installed: Installed) -> None:
    where = installed.run(installed.python, "-c", "import roomline; print(roomline.__file__)")
    assert not where.startswith(str(ROOT))


def test_it_serves(server: Server) -> None:
    """Over TLS, verified against the CA that the first start made."""
    status, body = server.get("/healthz")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    status, page = server.get("/meet/standup")
    assert status == 200
    assert "<!doctype html>" in page.lower()
    status, sdk = server.get("/sdk/roomline.js")
    assert status == 200
    assert "export" in sdk
    server.assert_sound()


def test_its_tokens_let_one_join(installed: Installed, server: Server) -> None:
    state = ["--state-dir", str(server.state)]
    token = installed.run(
        installed.roomline, "token", *state, "--room", "standup", "--identity", "ada"
    )
    with server.signal() as socket:
        socket.send(json.dumps(join_frame(token.strip(), make_offer())))
        joined = json.loads(socket.recv(10))
    assert joined["type"] == "joined", joined
    assert joined["participant"]["identity"] == "ada"
    assert joined["room"]["name"] == "standup"


def test_a_program_that_uses_it_has_types(installed: Installed) -> None:
    program = installed.outside / "program.py"
    program.write_text(PROGRAM)
    said = installed.run(
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        installed.python,
        "--cache-dir",
        installed.outside / "mypy",
        program,
    )
    assert "(engine: roomline._engine.Engine)" in said
    assert "Any" not in said
    assert "Success" in said
