from __future__ import annotations

from ipaddress import ip_address

import pytest

from roomline.server import addresses


def given(
    monkeypatch: pytest.MonkeyPatch, routes: list[str], v4: list[str], v6: list[str]
) -> list[str]:
    found = iter([*(ip_address(a) for a in routes), None, None])
    monkeypatch.setattr(addresses, "_source_address", lambda family: next(found))
    monkeypatch.setattr(addresses, "_ipv4_addresses", lambda: [ip_address(a) for a in v4])
    monkeypatch.setattr(addresses, "_ipv6_addresses", lambda: [ip_address(a) for a in v6])
    return [str(a) for a in addresses.discover()]


def test_default_routes_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(monkeypatch, ["192.0.2.5", "2001:db8::5"], ["172.17.0.1", "192.0.2.5"], [])
    assert found == ["192.0.2.5", "2001:db8::5"]


def test_without_a_route_everything_but_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(monkeypatch, [], ["127.0.0.1", "192.0.2.5"], ["::1", "fe80::1", "2001:db8::5"])
    assert found == ["192.0.2.5", "2001:db8::5"]


def test_alone_there_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert given(monkeypatch, [], ["127.0.0.1"], ["::1"]) == ["127.0.0.1"]


def test_this_machine_has_an_address() -> None:
    assert addresses.discover()
