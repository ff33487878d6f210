"""Logging: events with values as fields, through the standard library's loggers `roomline.*`.

Where they go is the application's choice; `configure` is that of `roomline serve`. INFO tells what
the server does, DEBUG whom it does it for: identities, names and addresses appear at DEBUG only.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]

_LEVELS: dict[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_OURS = logging.getLogger("roomline")
# Else Python prints warnings where nobody has chosen a handler.
_OURS.addHandler(logging.NullHandler())


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a part of the server; independent of how the application configures structlog."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        _OURS.getChild(name),
        processors=[structlog.stdlib.filter_by_level, _as_record],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
        part=name,
    )
    return logger


def configure(level: Level = "info", form: Format = "auto") -> None:
    """Send our events, and everybody else's, to standard error."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    # Other tracebacks show local variables, and with them tokens and names.
    plain = structlog.dev.plain_traceback
    renderer: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                _restore_fields,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries log addresses of clients at INFO, and whole frames with their tokens at DEBUG.
    root.setLevel(logging.INFO if level == "debug" else logging.WARNING)
    _OURS.setLevel(_LEVELS[level])


def _as_record(
    logger: Any,  # noqa: ARG001 - the signature is structlog's
    method: str,  # noqa: ARG001
    event: MutableMapping[str, Any],
) -> tuple[tuple[str], dict[str, Any]]:
    """What the standard library is called with: words for any handler, the fields for ours."""
    exc_info = event.pop("exc_info", None)
    fields = {name: value for name, value in event.items() if name != "event"}
    values = (f"{name}={value!r}" for name, value in fields.items() if name != "part")
    words = " ".join([str(event.get("event", "")), *values])
    extra = {"event": event.get("event"), "fields": fields}
    return (words,), {"exc_info": exc_info, "extra": extra}


def _restore_fields(
    logger: Any,  # noqa: ARG001
    method: str,  # noqa: ARG001
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    record: logging.LogRecord = event["_record"]
    fields = getattr(record, "fields", None)
    if record.name.startswith(f"{_OURS.name}.") and isinstance(fields, dict):
        event.update(fields, event=getattr(record, "event", None))
    return event
