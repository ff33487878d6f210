from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from roomline.config import PortRange, load
from roomline.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "roomline.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_defaults() -> None:
    settings = load()
    assert (settings.https.port, settings.turn.port) == (443, 3478)
    assert settings.media.ports == PortRange(10000, 60000)


def test_precedence(file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(
        'host = "file.example"\npublic_ip = "192.0.2.9"\n[https]\nport = 1001\n[turn]\nport = 1002\n'
        '[media]\nports = "2000-3000"\naddresses = ["192.0.2.1", "2001:db8::5"]\n'
    )
    monkeypatch.setenv("ROOMLINE_HTTPS_PORT", "2001")
    monkeypatch.setenv("ROOMLINE_HOST", "environment.example")
    monkeypatch.setenv("ROOMLINE_MEDIA_ADDRESSES", "192.0.2.7,192.0.2.8")
    settings = load(path, {"host": "flag.example", "https": {"port": None}})
    assert settings.host == "flag.example"
    assert settings.https.port == 2001
    assert settings.turn.port == 1002
    assert settings.media.ports == PortRange(2000, 3000)
    assert [str(a) for a in settings.media.addresses] == ["192.0.2.7", "192.0.2.8"]
    assert [str(a) for a in settings.public_ip] == ["192.0.2.9"]


@pytest.mark.parametrize("ports", ["0-5", "5-1", "0-0-1", "70000"])
def test_ports_are_a_range_or_one_or_zero(ports: str) -> None:
    assert load(None, {"media": {"ports": "0"}}).media.ports == PortRange(0, 0)
    with pytest.raises(ConfigError, match=r"media\.ports"):
        load(None, {"media": {"ports": ports}})


def test_environment_alone(monkeypatch: pytest.MonkeyPatch, file: Any) -> None:
    monkeypatch.setenv("ROOMLINE_PUBLIC_IP", "192.0.2.3")
    monkeypatch.setenv("ROOMLINE_LIMITS_MAX_PARTICIPANTS", "4")
    monkeypatch.setenv("ROOMLINE_STATE_DIR", "/somewhere")
    monkeypatch.setenv("ROOMLINE_CONFIG", str(file("[media]\nports = 5000\n")))
    settings = load()
    assert str(settings.public_ip[0]) == "192.0.2.3"
    assert settings.limits.max_participants == 4
    assert settings.state_dir == Path("/somewhere")
    assert settings.media.ports == PortRange(5000, 5000)


@pytest.mark.parametrize(
    ("flags", "port"), [({}, 8443), ({"https": {"port": 9443}}, 9443)], ids=["default", "flag"]
)
def test_dev_uses_8443_unless_told(flags: dict[str, Any], port: int) -> None:
    assert load(None, {"dev": True, **flags}).https.port == port


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hots = 'a'", "unknown key hots: did you mean host?"),
        ("[https]\nprot = 1", "unknown key https.prot: did you mean https.port?"),
        ("[media]\nport = '1-2'", "did you mean media.ports?"),
        ("[tls]\ncert = 'a'", "give both or neither"),
        ("[https]\nport = 99999", "https.port = 99999"),
        ("[media]\nports = '9-5'", "ports go from 1 to 65535"),
        ("[media]\nports = 'all'", "write a range such as 10000-60000"),
        ("host = '192.0.2.1'", "give a DNS name"),
        ("public_ip = 'here'", "public_ip = 'here'"),
        ("host = ", "is not TOML"),
        ("https = 5", "https"),
    ],
)
def test_a_fault_in_the_file_is_one_helpful_line(file: Any, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file(text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_variables_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMLINE_HTTPS_PROT", "1")
    with pytest.raises(ConfigError, match="did you mean ROOMLINE_HTTPS_PORT"):
        load()


def test_the_source_of_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMLINE_TURN_PORT", "70000")
    with pytest.raises(ConfigError, match=r"turn.port = '70000' \(ROOMLINE_TURN_PORT\)"):
        load()
    with pytest.raises(ConfigError, match=r"\(flag\)"):
        load(None, {"https": {"port": -1}, "turn": {"port": 1}})


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
