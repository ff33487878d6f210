"""What arrived, and what did not: silences, losses and doubles among numbered frames and events.

Every encoded frame of the lab's moving rows carries its sender, a number and the time it was sent
(see moving.js). One audio frame is one RTP packet, every 20 ms. Times are ms since 1970.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from types import MappingProxyType

NO_PAUSES: Mapping[float, float] = MappingProxyType({})


@dataclass(frozen=True)
class Arrival:
    """One frame that came through."""

    page: int
    """Who sent it."""
    kind: str
    """`audio` or `video`."""
    sender: int
    """Which of its RTCRtpSenders: a second transport has others."""
    number: int
    """Counts that sender's frames, from 0."""
    sent_at: float
    at: float


def silence(
    times: Sequence[float],
    begin: float,
    end: float,
    since: float | None = None,
    pauses: Mapping[float, float] = NO_PAUSES,
) -> float:
    """The longest time without an arrival in which `begin`…`end` has a part, in ms.

    It goes from the last arrival before to the next one after, also where these are outside; without
    one it goes from `begin` or to `end`. With `since` only what of a silence comes after that counts.
    Of `pauses`, what the arrival's sender did not send before it is taken off. `times` are in order.
    """
    before = [t for t in times if t < begin][-1:] or [begin]
    after = [t for t in times if t > end][:1] or [end]
    looked_at = [*before, *(t for t in times if begin <= t <= end), *after]
    earliest = float("-inf") if since is None else since
    lengths = (b - max(a, earliest) - pauses.get(b, 0.0) for a, b in pairwise(looked_at))
    return max(0.0, *lengths)


def longest_stall(stalls: Iterable[tuple[float, float]], begin: float, end: float) -> float:
    """The longest of those that have a part in `begin`…`end`, in ms."""
    return max((b - a for a, b in stalls if a < end and b > begin), default=0.0)


def sender_pauses(flow: Sequence[Arrival]) -> dict[float, float]:
    """By arrival, for how long its sender had sent nothing, beyond the usual, in ms.

    Of two frames with following numbers nothing was lost between them: what lies between their
    sending is the sender's own, which had no processor. Where numbers are missing, nothing is known.
    """
    usual = _usual(flow)
    return {
        b.at: max(0.0, b.sent_at - a.sent_at - usual)
        for a, b in pairwise(flow)
        if a.sender == b.sender and b.number == a.number + 1
    }


def _usual(flow: Sequence[Arrival]) -> float:
    """The usual time between two frames of a sender, in ms."""
    following = [
        b.sent_at - a.sent_at
        for a, b in pairwise(flow)
        if a.sender == b.sender and b.number == a.number + 1
    ]
    return median(following or [20.0])


def holes(arrivals: Iterable[Arrival], begin: float, end: float) -> list[tuple[float, int]]:
    """Where frames sent in `begin`…`end` never arrived: when the next one was sent, and how many.

    Within one sender, by the numbers. Where the stream goes over to another sender, by the time
    between the two frames, in usual intervals.
    """
    in_order = sorted(arrivals, key=lambda a: a.sent_at)
    usual = _usual(in_order)
    found = []
    for a, b in pairwise(in_order):
        if a.sender == b.sender:
            lost = b.number - a.number - 1
        else:
            lost = round((b.sent_at - a.sent_at) / max(usual, 1.0)) - 1
        if lost > 0 and begin <= b.sent_at <= end:
            found.append((b.sent_at, lost))
    return found


def losses(arrivals: Iterable[Arrival], begin: float, end: float) -> int:
    """How many frames sent in `begin`…`end` never arrived."""
    return sum(lost for _, lost in holes(arrivals, begin, end))


def doubles(arrivals: Iterable[Arrival]) -> int:
    """How many frames came more than once."""
    return sum(n - 1 for n in Counter((a.sender, a.number) for a in arrivals).values())


@dataclass(frozen=True)
class Continuity:
    """Whether numbered things came each once and in order."""

    lost: int
    doubled: int
    disordered: int

    def __add__(self, other: Continuity) -> Continuity:
        return Continuity(
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.disordered + other.disordered,
        )


def continuity(
    numbers: Sequence[int], first: int | None = None, last: int | None = None
) -> Continuity:
    """Judge numbers that should count up by one, from `first` to `last` where these are known."""
    seen = set(numbers)
    known = [n for n in (first, last) if n is not None]
    if not seen and len(known) < 2:
        return Continuity(0, 0, 0)
    low = first if first is not None else min(seen)
    high = last if last is not None else max(seen)
    return Continuity(
        lost=len(set(range(low, high + 1)) - seen),
        doubled=len(numbers) - len(seen),
        disordered=sum(b < a for a, b in pairwise(numbers)),
    )


def confirmed(sent: Sequence[int], received: Sequence[int]) -> Continuity:
    """Judge what was received against what its sender knows to be sent; more may have come."""
    found = continuity(received)
    return Continuity(len(set(sent) - set(received)), found.doubled, found.disordered)
