"""Sharing out what a participant may publish."""

from __future__ import annotations

import pytest

from roomline.ids import ParticipantId, TrackId, TransportName
from roomline.rooms import Track, share_bitrate


def track(word: str) -> Track:
    """`audio` or `video`, with a `-` before it when it is muted."""
    return Track(
        id=TrackId(word),
        number=1,
        participant=ParticipantId("p"),
        kind="audio" if word.endswith("audio") else "video",
        source="other",
        name=word,
        muted=word.startswith("-"),
        transport=TransportName("t"),
        mid="0",
    )


@pytest.mark.parametrize(
    ("total", "words", "shares"),
    [
        (0, "audio video", [0, 0]),
        (1_000_000, "", []),
        (1_000_000, "video", [1_000_000]),
        (500_000, "audio video", [64_000, 436_000]),
        (100_000, "audio audio", [50_000, 50_000]),
        (50_000, "audio video", [50_000, 1]),
        (500_000, "audio video video", [64_000, 218_000, 218_000]),
        # What is muted leaves its share to the others; the last ones of all keep it.
        (500_000, "audio -video video", [64_000, 1, 436_000]),
        (500_000, "audio -video", [64_000, 436_000]),
        (500_000, "-audio video", [1, 500_000]),
        (500_000, "-audio -audio", [250_000, 250_000]),
        (1, "audio video", [1, 1]),
    ],
)
def test_shares(total: int, words: str, shares: list[int]) -> None:
    tracks = [track(word) for word in words.split()]
    assert share_bitrate(total, tracks) == shares
    assert sum(shares) <= total + len(shares), "but for one bit/s"
