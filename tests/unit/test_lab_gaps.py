"""The lab's arithmetic: silences, losses, doubles."""

from __future__ import annotations

from netlab.gaps import (
    Arrival,
    Continuity,
    confirmed,
    continuity,
    doubles,
    holes,
    longest_stall,
    losses,
    sender_pauses,
    silence,
)
from netlab.moving import batches


def sent(sender: int, numbers: list[int], start: float, delay: float = 30.0) -> list[Arrival]:
    return [
        Arrival(0, "audio", sender, n, start + 20 * i, start + 20 * i + delay)
        for i, n in enumerate(numbers)
    ]


def test_a_silence_reaches_over_both_ends_of_the_window() -> None:
    times = [0.0, 20.0, 40.0, 1540.0, 1560.0]
    assert silence(times, begin=100, end=1000) == 1500
    assert silence(times, begin=1545, end=1555) == 20


def test_a_silence_without_an_end_counts_to_the_end_of_the_window() -> None:
    assert silence([0.0, 20.0], begin=10, end=5000) == 4980
    assert silence([], begin=100, end=400) == 300


def test_of_an_outage_only_what_comes_after_the_return_counts() -> None:
    times = [0.0, 20.0, 10_900.0, 10_920.0]
    assert silence(times, begin=100, end=11_000, since=10_000) == 900
    assert silence(times, begin=100, end=11_000) == 10_880


def test_what_a_sender_did_not_send_is_no_silence_of_the_network() -> None:
    stream = sent(1, [0, 1, 2], 1000)
    late = [*stream, *sent(1, [3, 4, 5], 1540)]  # it had no processor for half a second
    times = [a.at for a in late]
    assert silence(times, 1000, 2000) == 500 == silence(times, 1000, 2000, 0)
    assert silence(times, 1000, 1600, pauses=sender_pauses(late)) == 30
    held = [*late[:3], Arrival(0, "audio", 1, 3, 1540, 1970)]
    assert silence([a.at for a in held], 1000, 1600, pauses=sender_pauses(held)) == 420
    lost = [*stream, *sent(1, [27, 28], 1540)]
    assert sender_pauses(lost).get(1570) is None, "it may have sent all the time"
    other = [*stream, *sent(2, [3, 4], 1540)]
    assert sender_pauses(other).get(1570) is None


def test_the_longest_stall_is_one_that_touches_the_window() -> None:
    stalls = [(0.0, 500.0), (900.0, 1100.0), (2000.0, 2100.0), (4000.0, 9000.0)]
    assert longest_stall(stalls, 1000, 3000) == 200
    assert longest_stall([], 1000, 3000) == 0


def test_movers_are_shared_out_over_calls() -> None:
    assert [batches(5, 5), batches(5, 2), batches(2, 5)] == [[5], [2, 2, 1], [2]]


def test_losses_are_holes_in_the_numbers_of_what_was_sent_in_the_window() -> None:
    stream = sent(1, [0, 1, 2], 1000) + sent(1, [6, 7], 1120)
    assert losses(stream, 1000, 2000) == 3
    assert holes(stream, 1000, 2000) == [(1120, 3)]
    assert losses(stream, 1000, 1060) == 0
    assert losses(sent(1, [0, 1, 2, 3], 1000), 0, 5000) == 0


def test_a_change_of_sender_loses_what_would_have_been_sent_meanwhile() -> None:
    seamless = sent(1, [0, 1, 2], 1000) + sent(2, [40, 41], 1060)
    assert losses(seamless, 0, 5000) == 0
    late = sent(1, [0, 1, 2], 1000) + sent(2, [0, 1], 1140)
    assert losses(late, 0, 5000) == 4


def test_overtaking_is_no_loss_and_doubles_are_found() -> None:
    stream = sent(1, [0, 1, 2], 1000)
    assert losses([stream[1], stream[0], stream[2]], 0, 5000) == 0
    assert doubles([*stream, stream[1]]) == 1
    assert losses([*stream, stream[1]], 0, 5000) == 0


def test_continuity_counts_what_is_missing_doubled_and_out_of_order() -> None:
    assert continuity([3, 4, 5]) == Continuity(0, 0, 0)
    assert continuity([3, 5, 5, 4], first=2, last=6) == Continuity(2, 1, 1)
    assert continuity([]) == Continuity(0, 0, 0)
    assert continuity([], first=1, last=2) == Continuity(2, 0, 0)


def test_what_nobody_knows_to_be_sent_is_not_missed() -> None:
    assert confirmed([0, 1, 3], [0, 1, 2, 3]) == Continuity(0, 0, 0)
    assert confirmed([0, 1, 2], [0, 2, 2]) == Continuity(1, 1, 0)
