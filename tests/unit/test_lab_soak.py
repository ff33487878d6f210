"""What the soak calls growth."""

from __future__ import annotations

from netlab.soak.judge import Sample, growth, mishaps


def sample(
    at_s: float, phase: str, rss_mib: float, descriptors: int = 40, transports: float = 20
) -> Sample:
    return Sample(
        at_s,
        phase,
        rss_mib,
        descriptors,
        udp_ports=21,
        threads=5,
        cpu_s=1.0,
        gauges={"roomline_transports": transports},
    )


def soak(end_mib: float = 90, **end: float) -> list[Sample]:
    return [
        sample(30, "first", 88),
        sample(60, "first", 89),
        sample(90, "still", 89),
        *(sample(100 + 10 * n, "busy", 89 + (end_mib - 89) * n / 99) for n in range(100)),
        sample(1200, "still", end_mib, **end),  # type: ignore[arg-type]
    ]


def test_a_server_that_is_as_it_was_has_not_grown() -> None:
    assert growth(soak()) == []
    assert growth(soak(96)) == []


def test_memory_may_grow_by_what_an_allocator_keeps_and_no_more() -> None:
    assert growth(soak(120)) == [
        "memory when still: from 89.0 MiB to 120.0 MiB",
        "memory when busy: from 88.5 MiB to 115.3 MiB",
    ]


def test_one_descriptor_or_transport_more_is_growth() -> None:
    assert growth(soak(descriptors=41)) == [
        "descriptors: 40 after the first minutes, 41 at the end"
    ]
    assert growth(soak(transports=21)) == [
        "roomline_transports: 20 after the first minutes, 21 at the end"
    ]


def test_a_soak_that_was_never_still_is_none() -> None:
    assert growth([sample(1, "busy", 80)]) == ["everybody was never still at both ends"]


def test_one_action_in_a_hundred_may_fail_and_no_event_may_be_lost() -> None:
    figures = {"done": {"move": 99}, "failed": {"move": 1}, "disorder": 0}
    assert mishaps(figures) == []
    assert mishaps({**figures, "failed": {"move": 2}, "disorder": 1}) == [
        "2 of 101 actions failed: {'move': 2}",
        "1 events lost or doubled",
    ]
