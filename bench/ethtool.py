"""Features of a network device, as `ethtool -k` shows and `ethtool -K` sets them.

Our own few lines of `SIOCETHTOOL` (linux/ethtool.h), since the program is not on every machine.
Works on the devices of the calling thread's network namespace.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct

SIOCETHTOOL = 0x8946
GSTRINGS = 0x1B
GSSET_INFO = 0x37
GFEATURES = 0x3A
SFEATURES = 0x3B
SS_FEATURES = 4
STRING = 32
"""Bytes of one name (`ETH_GSTRING_LEN`)."""


def _ask(device: str, request: bytes) -> bytes:
    """Hand `request` to the driver; what it made of it."""
    buffer = array.array("B", request)
    address, _ = buffer.buffer_info()
    name = device.encode().ljust(16, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCETHTOOL, name + struct.pack("P", address) + bytes(16))
    return buffer.tobytes()


def _names(device: str) -> list[str]:
    answer = _ask(device, struct.pack("=IIQI", GSSET_INFO, 0, 1 << SS_FEATURES, 0))
    (count,) = struct.unpack_from("=I", answer, 16)
    text = _ask(device, struct.pack("=III", GSTRINGS, SS_FEATURES, count) + bytes(STRING * count))
    raw = (text[12 + STRING * n : 12 + STRING * (n + 1)] for n in range(count))
    return [name.split(b"\0")[0].decode() for name in raw]


def features(device: str) -> dict[str, bool]:
    """Which features are on, by the kernel's names (`tx-udp-segmentation`)."""
    names = _names(device)
    blocks = (len(names) + 31) // 32
    answer = _ask(device, struct.pack("=II", GFEATURES, blocks) + bytes(16 * blocks))
    active = [struct.unpack_from("=I", answer, 8 + 16 * n + 8)[0] for n in range(blocks)]
    return {name: bool(active[n // 32] >> (n % 32) & 1) for n, name in enumerate(names)}


def set_feature(device: str, name: str, *, on: bool) -> None:
    """Turn a feature on or off. Raises OSError if the device refuses, KeyError if unknown."""
    names = _names(device)
    if name not in names:
        raise KeyError(name)
    index = names.index(name)
    blocks = [[0, 0] for _ in range((len(names) + 31) // 32)]
    bit = 1 << (index % 32)
    blocks[index // 32] = [bit, bit if on else 0]
    body = b"".join(struct.pack("=II", *block) for block in blocks)
    _ask(device, struct.pack("=II", SFEATURES, len(blocks)) + body)
    if features(device)[name] is not on:
        raise OSError(f"{device} keeps {name} {'off' if on else 'on'}")
