"""As a library Roomline leaves logging to the application."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from roomline import log

TESTS = Path(__file__).parents[1]

EMBEDDED = """
import asyncio, sys
from pathlib import Path
from roomline import log
from support.example import serving

async def main():
    async with serving(Path(sys.argv[1])):
        log.get("server").warning("warned")

asyncio.run(main())
"""


def test_an_embedded_server_prints_nothing(tmp_path: Path) -> None:
    path = f"{TESTS.parent / 'python'}:{TESTS}"
    done = subprocess.run(
        [sys.executable, "-c", EMBEDDED, str(tmp_path)],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_the_application_s_handlers_get_the_records(caplog: pytest.LogCaptureFixture) -> None:
    logger = log.get("probe")
    with caplog.at_level(logging.INFO, "roomline"):
        logger.debug("hidden")
        logger.info("100% up", port=443)
        try:
            int("why")
        except ValueError:
            logger.exception("failed", name="x")
    first, second = caplog.records
    assert (first.name, first.levelname) == ("roomline.probe", "INFO")
    assert first.getMessage() == "100% up port=443"
    assert vars(first)["fields"] == {"part": "probe", "port": 443}
    assert second.exc_info is not None
    assert isinstance(second.exc_info[1], ValueError)


@pytest.mark.parametrize("form", ["json", "console"])
def test_serve_s_log_has_fields_and_tracebacks(
    form: log.Format, capsys: pytest.CaptureFixture[str]
) -> None:
    loggers = (logging.getLogger(), logging.getLogger("roomline"))
    kept = [(logger, logger.handlers, logger.level) for logger in loggers]
    try:
        log.configure("info", form)
        log.get("probe").info("up", port=443)
        log.get("probe").debug("hidden")
        logging.getLogger("other").warning("heard")
        token = "a secret"
        try:
            int("why", base=len(token))
        except ValueError:
            log.get("probe").exception("failed")
    finally:
        for logger, handlers, level in kept:
            logger.handlers = handlers
            logger.setLevel(level)
    out, err = capsys.readouterr()
    up, heard, *failed = err.splitlines()
    assert out == ""
    assert ('"event": "up"' in up and '"port": 443' in up) or ("up" in up and "port=443" in up)
    assert "heard" in heard
    assert "hidden" not in up + heard
    assert "ValueError: invalid literal" in "\n".join(failed)
    assert "token = 'a secret'" not in err
