"""The certificate in use, and its successor when there is one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from roomline.certificates import Pair
from roomline.clock import Clock
from roomline.config import Tls
from roomline.engine import MediaEngine
from roomline.errors import ConfigError, EngineFailure
from roomline.log import get as get_logger
from roomline.state import State

FILE_INTERVAL = 5.0
LEAF_INTERVAL = 6 * 3600.0

log = get_logger("certificate")


class CertificateSource:
    """Where the certificate comes from: the operator's files, or the local CA."""

    def __init__(self, tls: Tls, state: State, names: list[str], clock: Clock) -> None:
        self._tls = tls
        self._state = state
        self._names = names
        self._clock = clock

    @property
    def is_local(self) -> bool:
        """Whether it is under the local CA, which browsers do not trust by themselves."""
        return self._tls.cert is None

    @property
    def interval(self) -> float:
        """Seconds between looks for a successor."""
        return LEAF_INTERVAL if self.is_local else FILE_INTERVAL

    def load(self) -> Pair:
        """The certificate as it is now. Raises ConfigError."""
        if self._tls.cert is None or self._tls.key is None:
            return self._state.certificate(self._names, self._clock.now().unix)
        return Pair(_read(self._tls.cert, "--tls-cert"), _read(self._tls.key, "--tls-key"))


async def watch(source: CertificateSource, engine: MediaEngine, current: Pair) -> None:
    """Hand every new certificate to the engine, for as long as this runs."""
    refused: Pair | None = None
    while True:
        await asyncio.sleep(source.interval)
        try:
            found = await asyncio.to_thread(source.load)
        except ConfigError as error:
            log.warning("certificate not readable, the old one stays", error=str(error))
            continue
        if found in {current, refused}:
            continue
        try:
            engine.reload_certificate(found.certificate, found.key)
        except EngineFailure as error:
            # Often a certificate whose key is still being written.
            log.warning("certificate not usable, the old one stays", error=str(error))
            refused = found
        else:
            log.info("certificate renewed")
            current, refused = found, None


def _read(path: Path, flag: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{flag}: {path} cannot be read ({error.strerror})") from None
    if b"-----BEGIN" not in content:
        raise ConfigError(f"{flag}: {path} is not a PEM file")
    return content
