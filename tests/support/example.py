"""Examples as modules, and servers for them on loopback."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

from roomline import Server, Settings
from roomline.config import load

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
LOOPBACK_FLAGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
]
"""For a Chromium with made-up devices and a server on this machine."""


def load_example(path: str) -> ModuleType:
    """A file under `examples/` as a module."""
    file = ROOT / "examples" / path
    name = "example_" + file.parent.name
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def loopback_settings(state: Path) -> Settings:
    """A server that uses loopback alone, on ports that the system chooses."""
    flags = {
        "host": "localhost",
        "bind": "127.0.0.1",
        "state_dir": state,
        "https": {"port": 0},
        "turn": {"port": 0},
        "media": {"ports": 0, "addresses": "127.0.0.1"},
    }
    return load(None, flags)


@asynccontextmanager
async def serving(state: Path) -> AsyncIterator[Server]:
    """A whole server in this process."""
    server = Server(loopback_settings(state))
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def negotiated(server: Server) -> set[str]:
    """What the transports of a server got: `DTLS 1.3/AEAD_AES_128_GCM` and so on."""
    return {
        label for name, label, _ in server.hub.core.counters() if name == "transports_connected"
    }


def documented_security(client: str) -> str:
    """What the documentation says a client gets, in the same form."""
    text = (ROOT / "docs/concepts/media.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith(f"| {client}"))
    _, _, version, profile, *_ = (cell.strip(" `") for cell in row.split("|"))
    return f"{version}/{profile}"
