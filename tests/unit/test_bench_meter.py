"""Processor time is counted to the nanosecond, and whoever disturbs is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from bench import meter
from bench.errors import Void
from bench.meter import Meter, Usage, processor_ns

BURN = (
    "import sys, time\nwhile sys.stdin.read(1): [n * n for n in range(200_000)]; print(flush=True)"
)


def usage(**changed: float) -> Usage:
    told = {
        "seconds": 5.0,
        "server_s": 1.0,
        "core_s": 1.2,
        "softirq_s": 0.1,
        "others_s": 0.0,
        "client_core_s": 1.0,
        "steal_s": 0.0,
        "rss": 1,
    }
    return Usage(**{**told, **changed})  # type: ignore[arg-type]


def test_threads_that_have_ended_count() -> None:
    before = processor_ns(os.getpid())
    thread = threading.Thread(target=lambda: sum(n * n for n in range(200_000)))
    spent = time.process_time_ns()
    thread.start()
    thread.join()
    spent = time.process_time_ns() - spent
    assert processor_ns(os.getpid()) - before >= spent > 0


def test_a_server_s_time_and_memory_are_told() -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    assert server.stdin is not None
    assert server.stdout is not None
    measured = Meter([server.pid], company=float("inf"))
    # It does nothing while the first sample is taken, which takes a moment.
    server.send_signal(signal.SIGSTOP)
    os.waitpid(server.pid, os.WUNTRACED)
    measured.begin()
    server.send_signal(signal.SIGCONT)
    server.stdin.write(b"x")
    server.stdout.read(1)
    told = measured.end()
    server.communicate()
    assert 0 < told.server_s <= told.seconds
    assert told.rss > 1 << 20


def test_a_window_with_company_is_void() -> None:
    meter._judge(usage(others_s=0.4), 0.4, 0.1)
    with pytest.raises(Void, match="other processes used 12% of core 0"):
        meter._judge(usage(others_s=0.6), 0.0, 0.1)
    with pytest.raises(Void, match="other processes used 20% of core 1"):
        meter._judge(usage(), 1.0, 0.1)
    with pytest.raises(Void, match="the hypervisor kept 20%"):
        meter._judge(usage(steal_s=1.0), 0.0, 0.1)
    meter._judge(usage(steal_s=0.02, server_s=0.1), 0.0, 0.1)
    with pytest.raises(Void, match="the hypervisor kept 40 ms; the server had 100"):
        meter._judge(usage(steal_s=0.04, server_s=0.1), 0.0, 0.1)
    meter._judge(usage(steal_s=4.0, server_s=0.1), 0.0, 100.0)
