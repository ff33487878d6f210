"""The state folder: what a server makes at its first start and keeps.

The folder has mode 0700 and every file in it 0600. Files are written whole or not at all.

| file | what |
|---|---|
| `api-key.json` | the API key and its secret, which sign access tokens |
| `turn-secret` | the secret of the TURN credentials |
| `ca.pem`, `ca.key` | the local certificate authority |
| `server.pem`, `server.key` | the server's certificate under it |
| `draining-<random>` | the socket of a process that drains, see `roomline.api.passing` |
| `mounted-<port>.lock` | locked by whoever has mounted the rooms on that TURN port, see `roomline.server.claim` |
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from roomline.certificates import Pair, ca_is_usable, leaf_fits, make_ca, make_leaf
from roomline.config import load
from roomline.errors import ConfigError


@dataclass(frozen=True)
class ApiKey:
    """What signs access tokens."""

    key: str
    secret: str


class State:
    """The folder. Raises ConfigError wherever it cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise ConfigError(
                f"the state folder {folder} cannot be used ({error.strerror}): "
                "choose another with --state-dir"
            ) from None

    @property
    def ca_file(self) -> Path:
        """What a browser imports to trust the server's certificate."""
        return self.folder / "ca.pem"

    def api_key(self) -> ApiKey:
        """The API key, made at the first call."""
        path = self.folder / "api-key.json"
        text = self._kept(path, _new_api_key)
        try:
            data = json.loads(text)
            return ApiKey(key=str(data["key"]), secret=str(data["secret"]))
        except (ValueError, KeyError, TypeError):
            raise ConfigError(
                f"{path} is damaged: restore it, or delete it and every token made with it is void"
            ) from None

    def turn_secret(self) -> bytes:
        """The secret that TURN credentials are made with, made at the first call."""
        return self._kept(self.folder / "turn-secret", lambda: secrets.token_hex(32).encode())

    def certificate(self, names: list[str], now: float) -> Pair:
        """A certificate for these DNS names and addresses; made anew when it does not fit.

        `now` is seconds since 1970.
        """
        ca = self._authority(now)
        leaf = self._pair("server")
        if leaf is not None and leaf_fits(leaf, ca, names, now):
            return leaf
        leaf = make_leaf(ca, names, now)
        self._keep_pair("server", leaf)
        return leaf

    def _authority(self, now: float) -> Pair:
        ca = self._pair("ca")
        if ca is not None and ca_is_usable(ca, now):
            return ca
        ca = make_ca(now)
        self._keep_pair("ca", ca)
        return ca

    def _pair(self, name: str) -> Pair | None:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if not (certificate.exists() and key.exists()):
            return None
        return Pair(self._read(certificate), self._read(key))

    def _keep_pair(self, name: str, pair: Pair) -> None:
        self._write(self.folder / f"{name}.key", pair.key)
        self._write(self.folder / f"{name}.pem", pair.certificate)

    def _kept(self, path: Path, make: Callable[[], bytes]) -> bytes:
        if not path.exists():
            self._write(path, make())
        return self._read(path).strip()

    def _read(self, path: Path) -> bytes:
        try:
            path.chmod(0o600)
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path} cannot be read ({error.strerror})") from None

    def _write(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise ConfigError(f"{path} cannot be written ({error.strerror})") from None


def _new_api_key() -> bytes:
    key = {"key": f"RK{secrets.token_hex(6)}", "secret": secrets.token_urlsafe(32)}
    return json.dumps(key).encode()


def load_credentials(state_dir: Path | None = None) -> tuple[str, str]:
    """The API key and secret of the server on this machine, as `(key, secret)`.

    `state_dir` is the server's state folder; the configured one when left out. Raises ConfigError.
    """
    key = State(state_dir or load().state_dir).api_key()
    return key.key, key.secret
