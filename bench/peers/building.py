"""How programs come from the package registries into the cache folder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache as once
from pathlib import Path
from typing import Any

from bench.errors import BenchError

HERE = Path(__file__).parent
REASON = 600
"""Characters of a tool's complaint that an error shows, from its end."""


@once
def versions() -> dict[str, dict[str, str]]:
    """What `versions.toml` pins, by peer."""
    told: dict[str, dict[str, str]] = tomllib.loads((HERE / "versions.toml").read_text())
    return told


def say(line: str) -> None:
    """Report progress."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str], *, at: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """Run a tool with low priority; what it printed. Raises BenchError with its own words."""
    done = subprocess.run(
        ["nice", "-n", "10", *command], cwd=at, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = (done.stderr + done.stdout).strip()[-REASON:]
        raise BenchError(f"{' '.join(command)} failed with {done.returncode}:\n{reason}")
    return done.stdout


def require_go() -> None:
    """Return if the Go toolchain is new enough, or raise BenchError."""
    wanted = versions()["go"]["at_least"]
    if shutil.which("go") is None:
        raise BenchError(f"building the peers needs Go {wanted} or newer on the PATH")
    found = re.search(r"go(\d+)\.(\d+)", run(["go", "version"]))
    if found is None or (int(found[1]), int(found[2])) < tuple(map(int, wanted.split("."))):
        raise BenchError(
            f"building the peers needs Go {wanted} or newer; here is {found and found[0]}"
        )


def require_debian(peer: str, program: str) -> str:
    """The path of a program from a Debian package in the pinned version, or raise BenchError."""
    pinned = versions()[peer]
    package, version = pinned["package"], pinned["version"]
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    there = shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin")
    if asked.returncode != 0 or there is None:
        raise BenchError(f"{peer} is missing: apt-get install {package}={version}")
    # Debian appends its own revision (+deb12u1) for security fixes: the same version upstream.
    if not asked.stdout.startswith(version):
        raise BenchError(
            f"{peer} is {asked.stdout}, pinned is {version}: see {HERE.name}/versions.toml"
        )
    return there


def built(cache: Path, peer: str) -> Path:
    """The program that `go_program` made, or raise BenchError."""
    program = cache / peer / peer
    if not _is_built(cache, peer):
        raise BenchError(
            f"{peer} is not built: python -m bench.peers --build {peer} --cache {cache}"
        )
    return program


def go_program(cache: Path, peer: str, source: Path | None = None) -> None:
    """Build a program from the Go module that is pinned for `peer`, once.

    The module's own go.mod and go.sum decide about everything below it, `replace` lines too: they
    count for nothing in a module that is only depended upon, so its source is what is built.
    `source` is a folder to take instead of what the module proxy gives.
    """
    if source is not None:
        _refresh(cache, peer, source)
    if _is_built(cache, peer):
        say(f"{peer}: {versions()[peer]['version']} is built")
        return
    require_go()
    pinned = versions()[peer]
    folder = cache / peer / "source"
    if not (folder / "go.mod").exists():
        _download(peer, pinned, folder)
    say(f"{peer}: building {pinned['version']}; some minutes on two cores")
    target = cache / peer / peer
    package = pinned.get("package", ".")
    run(["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(target), package], at=folder)
    (cache / peer / "version").write_text(pinned["version"])
    say(f"{peer}: built")


def _is_built(cache: Path, peer: str) -> bool:
    stamp = cache / peer / "version"
    return (
        (cache / peer / peer).exists()
        and stamp.exists()
        and stamp.read_text() == versions()[peer]["version"]
    )


def _refresh(cache: Path, peer: str, source: Path) -> None:
    """Take our own source; what was built of another one counts for nothing."""
    folder = cache / peer / "source"
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        copy = folder / path.name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            copy.write_bytes(path.read_bytes())
            (cache / peer / "version").unlink(missing_ok=True)


def _download(peer: str, pinned: Mapping[str, str], folder: Path) -> None:
    """Put the source of a module into a folder of its own, where it can be written to."""
    name = f"{pinned['module']}@{pinned['version']}"
    say(f"{peer}: downloading {name}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        told: dict[str, Any] = json.loads(
            run(["go", "mod", "download", "-json", name], at=folder.parent)
        )
    except BenchError as error:
        raise BenchError(
            f"{error}\nIf the module proxy that is set up here does not give it, put its source "
            f"({pinned.get('tag', pinned['version'])}) into {folder} and build again."
        ) from error
    shutil.copytree(told["Dir"], folder, dirs_exist_ok=True)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
