"""What `roomline serve` sets in its own process, so that a participant takes less memory and time."""

from __future__ import annotations

import subprocess
import sys

import pytest

WATCH = """
import ctypes, gc
from roomline.cli.main import COLLECT_AFTER, LARGE_BLOCK, _collect_seldom, _give_large_blocks_back

class Info(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    print("no glibc")
    raise SystemExit
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.mallinfo2.restype = Info
_give_large_blocks_back()
# Larger than everything that is free in the heap: a block that fits into a gap is put there.
size = libc.mallinfo2().fordblks + 2 * LARGE_BLOCK
libc.free(libc.malloc(4 * size))
before = libc.mallinfo2().hblks
libc.malloc(size)
print(libc.mallinfo2().hblks - before)
_collect_seldom()
print(gc.get_freeze_count() > 1000, gc.get_threshold()[0] == COLLECT_AFTER)
"""


def test_large_blocks_stay_apart_and_garbage_is_looked_for_seldom() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCH], capture_output=True, text=True, check=True, timeout=60
    )
    if "no glibc" in done.stdout:
        pytest.skip("this system's C library is not glibc")
    assert done.stdout.split() == ["1", "True", "True"]
