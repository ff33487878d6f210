"""The native engine on asyncio: one file descriptor wakes the loop."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any, get_args

from roomline import _engine
from roomline.engine import events
from roomline.engine.commands import Command
from roomline.engine.facade import Deliver, EngineOptions, Sample
from roomline.errors import ConfigError, EngineClosed, EngineFailure
from roomline.log import get as get_logger

_ADVICE = {
    errno.EADDRINUSE: "it is in use: stop the other server or choose another port",
    errno.EACCES: "that needs privilege: run as root, grant CAP_NET_BIND_SERVICE, or use --dev",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}
_FLAGS = {
    "https": "--https-port",
    "turn-udp": "--turn-port",
    "turn-tcp": "--turn-port",
    "media": "--media-ports",
}
_LEVELS = [
    (logging.DEBUG, "debug"),
    (logging.INFO, "info"),
    (logging.WARNING, "warn"),
]
_NUMBERS = {
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
}

log = get_logger("engine")


class NativeEngine:
    """Threads, sockets and media in this process.

    Raises ConfigError when a listener's address cannot be bound or a setting is unusable; then
    nothing is left running.
    """

    def __init__(self, options: EngineOptions) -> None:
        records = _engine.start_logging(_log_level())
        try:
            self._engine = _engine.Engine(_engine.EngineConfig(**asdict(options)))
        except _engine.BindError as error:
            raise ConfigError(_bind_failure(*error.args)) from None
        except (_engine.EngineError, ValueError) as error:
            raise ConfigError(str(error)) from None
        # Engines share what tells of records, and event loops want one descriptor each.
        self._records = os.dup(records)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def https_port(self) -> int:
        """The port that carries HTTPS and TURN over TLS."""
        return self._engine.https_port

    @property
    def turn_port(self) -> int:
        """The port of STUN and TURN over UDP and TCP."""
        return self._engine.turn_port

    def start(self, deliver: Deliver) -> None:
        """Begin to hand events to `deliver`."""

        def wake() -> None:
            taken = self._engine.events()
            if taken:
                deliver([to_event(event) for event in taken])

        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._engine.fileno(), wake)
        self._loop.add_reader(self._records, pass_records_on)

    def submit(self, commands: Sequence[Command]) -> None:
        """Hand commands down, in order; never blocks. Raises EngineClosed."""
        if self._closed:
            raise EngineClosed
        self._engine.submit_all([to_native(command) for command in commands])

    def counters(self) -> list[Sample]:
        """Totals since the start."""
        return self._engine.counters()

    def gauges(self) -> list[Sample]:
        """Figures of this instant."""
        return self._engine.gauges()

    def reload_certificate(self, certificate_pem: bytes, private_key_pem: bytes) -> None:
        """Use another certificate for new connections. Raises EngineFailure."""
        try:
            self._engine.reload_certificate(certificate_pem, private_key_pem)
        except _engine.EngineError as error:
            raise EngineFailure("certificate", str(error)) from None

    def stop_accepting(self) -> None:
        """Close the listeners; what is connected goes on. Raises EngineFailure."""
        try:
            self._engine.stop_accepting()
        except _engine.EngineError as error:
            raise EngineFailure("ports", str(error)) from None

    def release_ports(self) -> int:
        """Free every port that another server would listen on. Raises EngineFailure."""
        try:
            return self._engine.release_ports()
        except _engine.EngineError as error:
            raise EngineFailure("ports", str(error)) from None

    def close(self) -> None:
        """Stop everything. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._engine.fileno())
            self._loop.remove_reader(self._records)
        self._engine.close()
        pass_records_on()
        os.close(self._records)


def _log_level() -> str:
    """What the engine needs to keep so that our logger shows all that it would."""
    wanted = logging.getLogger("roomline.engine").getEffectiveLevel()
    return next((name for number, name in _LEVELS if wanted <= number), "error")


def pass_records_on() -> None:
    """Log what the engines of this process have logged."""
    for level, module, message in _engine.log_records():
        log.log(_NUMBERS[level], message, module=module)


def to_native(command: Command) -> _engine.Command:
    """The engine's own value for a command."""
    make, values = _NATIVE[type(command)]
    native: _engine.Command = make(*values(command))
    return native


def to_event(native: _engine.Event) -> events.Event:
    """Our value for an event of the engine."""
    mirrored: events.Event = _mirror(native)
    return mirrored


def _mirror(native: object) -> Any:
    make, values = _MIRRORED[type(native)]
    return make(*map(_value, values(native)))


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    return _mirror(value) if type(value) in _MIRRORED else value


def _values(mirror: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Takes the values of a class's fields out of an instance of it or of what it mirrors."""
    first, *more = (field.name for field in fields(mirror))
    if more:
        return attrgetter(first, *more)
    only = attrgetter(first)
    return lambda instance: (only(instance),)


_NATIVE = {
    command: (getattr(_engine.Command, command.__name__), _values(command))
    for command in get_args(Command)
}
"""By our class: what makes the engine's value, and what takes ours apart for it."""

_MIRRORED = {
    getattr(place, mirror.__name__): (mirror, _values(mirror))
    for place, mirrors in [
        (_engine.Event, get_args(events.Event)),
        (_engine, (events.Section, events.Path, events.Stats)),
    ]
    for mirror in mirrors
}
"""By the engine's class: the other way round."""


def _bind_failure(message: str, listener: str = "", address: str = "", number: int = 0) -> str:
    if not address:
        return message
    advice = _ADVICE.get(number, message)
    flag = _FLAGS.get(listener)
    return f"cannot listen on {address} ({listener}): {advice}" + (f" with {flag}" if flag else "")
