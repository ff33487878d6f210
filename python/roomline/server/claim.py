"""Rooms live in one process: whoever serves a port holds a lock on it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from roomline.errors import AlreadyRunning, ConfigError


@contextmanager
def claim(folder: Path, port: int) -> Iterator[None]:
    """Hold the lock of a TURN port, in the state folder; port 0 is always another one.

    Raises AlreadyRunning when another process holds it. The kernel lets go of it when the process
    ends, however it ends.
    """
    if port == 0:
        yield
        return
    path = folder / f"mounted-{port}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened ({error.strerror})") from None
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(
            "another process already serves these rooms: rooms live in one process, so run the "
            "application with one worker (uvicorn --workers 1)"
        ) from None
