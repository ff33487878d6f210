"""Samples of `perf` are sorted into what a server did."""

from __future__ import annotations

import pytest

from bench.errors import BenchError
from bench.profile import IDLE, OWN, Profile, part_of, read

SEND = ["udp_sendmsg", "inet_sendmsg", "__sys_sendmsg", "do_syscall_64", "__libc_sendmsg"]


def script(*samples: tuple[str, list[str]]) -> str:
    """As `perf script -F comm,ip,sym` prints them."""
    blocks = [
        "\n".join(
            [name, *(f"\tffffffff8100{n:04x} {function}" for n, function in enumerate(stack))]
        )
        for name, stack in samples
    ]
    return "\n\n".join(blocks) + "\n\n"


def test_a_stack_belongs_to_the_first_part_that_it_has_a_function_of() -> None:
    assert part_of(SEND) == "UDP, IP and the route"
    assert part_of(["__alloc_skb", "skb_segment", *SEND]) == "runs cut up"
    deep = ["udp_queue_rcv_one_skb", "__netif_receive_skb_one_core", "net_rx_action", *SEND]
    assert part_of(deep) == "received at the client's socket"
    assert part_of(["__fget_light", "do_syscall_64"]) == "other system calls"
    assert part_of(["[unknown]"]) == OWN


def test_samples_become_shares_and_costs() -> None:
    told = read(
        script(
            *[(IDLE, ["pv_native_safe_halt"])] * 6,
            *[("media", SEND)] * 2,
            ("media", ["[unknown]"]),
            ("python", ["do_syscall_64"]),
        ),
        received=1_000_000,
    )
    assert told.threads == {IDLE: 6, "media": 3, "python": 1}
    assert told.parts == {"UDP, IP and the route": 2, OWN: 1}
    text = told.text()
    assert "| idle | 60.0% |  |" in text
    assert "| media | 30.0% | 1,500 |" in text
    assert "| UDP, IP and the route | 66.7% | 1,000 |" in text


def test_an_idle_server_is_no_profile() -> None:
    with pytest.raises(BenchError, match="did nothing"):
        read(script((IDLE, ["pv_native_safe_halt"])), received=5)
    assert isinstance(read(script(("media", SEND)), received=5), Profile)
