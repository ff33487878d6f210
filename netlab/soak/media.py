"""Sound and pictures that cost nothing: encoded once, sent again and again."""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

SOUND_MS = 60
PICTURE_MS = 250
SOUND_RATE = 48_000
PICTURE_RATE = 90_000


def encode_sound() -> bytes:
    """One Opus packet of 60 ms of silence."""
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, av.AudioCodecContext)
    codec.sample_rate, codec.layout, codec.format = SOUND_RATE, "stereo", "s16"
    codec.options = {"frame_duration": str(SOUND_MS), "application": "voip"}
    frame = av.AudioFrame("s16", "stereo", SOUND_RATE * SOUND_MS // 1000)
    frame.sample_rate = SOUND_RATE
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return bytes((codec.encode(frame) + codec.encode(None))[0])


def encode_picture() -> bytes:
    """One VP8 keyframe, small enough for a packet."""
    codec = av.CodecContext.create("libvpx", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = 64, 64, "yuv420p"
    codec.time_base = Fraction(1, PICTURE_RATE)
    frame = av.VideoFrame(64, 64, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    return bytes((codec.encode(frame) + codec.encode(None))[0])


class Canned(MediaStreamTrack):
    """A track that gives the same encoded frame for ever, in real time."""

    def __init__(self, kind: str, encoded: bytes) -> None:
        super().__init__()
        self.kind = kind
        self._encoded = encoded
        self._every_ms = SOUND_MS if kind == "audio" else PICTURE_MS
        self._rate = SOUND_RATE if kind == "audio" else PICTURE_RATE
        self._due = time.monotonic()
        self._number = 0

    async def recv(self) -> av.Packet[Any]:
        """The next frame, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        self._due += self._every_ms / 1000
        await asyncio.sleep(max(0.0, self._due - time.monotonic()))
        packet = av.Packet(self._encoded)
        packet.time_base = Fraction(1, self._rate)
        packet.pts = self._number * self._every_ms * self._rate // 1000
        self._number += 1
        return packet
