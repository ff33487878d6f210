from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from roomline import load_credentials
from roomline.certificates import CA_LIFETIME, LEAF_LIFETIME, expires_at
from roomline.errors import ConfigError
from roomline.state import State

NOW = 1_800_000_000.0
DAY = 86_400.0
NAMES = ["call.example", "localhost", "192.0.2.1", "2001:db8::1"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    state = State(folder)
    state.api_key()
    state.turn_secret()
    state.certificate(NAMES, NOW)
    assert mode(folder) == 0o700
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["api-key.json", "ca.key", "ca.pem", "server.key", "server.pem", "turn-secret"]
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_everything_is_kept(tmp_path: Path) -> None:
    first, second = State(tmp_path), State(tmp_path)
    assert first.api_key() == second.api_key()
    assert first.turn_secret() == second.turn_secret()
    assert first.certificate(NAMES, NOW) == second.certificate(NAMES, NOW + DAY)
    assert load_credentials(tmp_path) == (first.api_key().key, first.api_key().secret)


def test_the_leaf_carries_the_names(tmp_path: Path) -> None:
    pair = State(tmp_path).certificate(NAMES, NOW)
    leaf = x509.load_pem_x509_certificate(pair.certificate)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"call.example", "localhost"}
    assert {str(a) for a in names.get_values_for_type(x509.IPAddress)} == {
        "192.0.2.1",
        "2001:db8::1",
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")


def test_the_leaf_is_renewed_when_it_ends_or_names_change(tmp_path: Path) -> None:
    state = State(tmp_path)
    first = state.certificate(NAMES, NOW)
    ca = state.ca_file.read_bytes()
    assert state.certificate([*NAMES, "more.example"], NOW) != first
    second = state.certificate(NAMES, NOW)
    late = NOW + LEAF_LIFETIME.total_seconds() - 29 * DAY
    third = state.certificate(NAMES, late)
    assert third != second
    assert expires_at(third.certificate) > late
    assert state.ca_file.read_bytes() == ca


def test_the_authority_is_renewed_before_it_ends(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.certificate(NAMES, NOW)
    ca = state.ca_file.read_bytes()
    state.certificate(NAMES, NOW + CA_LIFETIME.total_seconds() - 100 * DAY)
    assert state.ca_file.read_bytes() != ca


@pytest.mark.parametrize("name", ["server.pem", "server.key", "ca.pem", "ca.key"])
def test_damaged_certificates_are_made_anew(tmp_path: Path, name: str) -> None:
    state = State(tmp_path)
    state.certificate(NAMES, NOW)
    (tmp_path / name).write_bytes(b"damaged")
    state.certificate(NAMES, NOW)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")


def test_a_damaged_key_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "api-key.json").write_text("{}")
    with pytest.raises(ConfigError, match="damaged"):
        State(tmp_path).api_key()


def test_an_unusable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--state-dir"):
        State(tmp_path / "file" / "below")
