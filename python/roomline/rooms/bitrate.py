"""How the bitrate that a participant may publish is shared out over its tracks."""

from __future__ import annotations

from collections.abc import Sequence

from roomline.rooms.track import Track

AUDIO = 64_000
"""What an audio track needs, in bit/s: Opus for speech, with its headers and some repair."""

NOTHING = 1
"""The bound of what has no share, in bit/s: 0 would be no bound."""


def share_bitrate(total: int, tracks: Sequence[Track]) -> list[int]:
    """The bound of each track, in bit/s, so that together they stay within `total`; 0 is none.

    Audio that is heard comes first, with `AUDIO` each or as much as there is; the rest goes to the
    videos that are seen, in equal parts. A muted track has no share while another one can use it.
    """
    if total == 0:
        return [0] * len(tracks)
    shares = [0] * len(tracks)
    audio = [at for at, track in enumerate(tracks) if track.kind == "audio" and not track.muted]
    for at in audio:
        shares[at] = min(AUDIO, total // len(audio))
    rest = total - sum(shares)
    # A bound on nothing but audio would keep the browser's estimate low until a video begins.
    videos = [at for at, track in enumerate(tracks) if track.kind == "video"]
    seen = [at for at in videos if not tracks[at].muted]
    takers = seen or videos or audio or list(range(len(tracks)))
    for at in takers:
        shares[at] += rest // len(takers)
    return [max(share, NOTHING) for share in shares]
