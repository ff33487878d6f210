from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomline.errors import PermissionDenied, TokenExpired, TokenInvalid, TokenNotYetValid
from roomline.tokens import (
    AccessToken,
    Grants,
    RoomLimits,
    admin_token,
    invite_token,
    verify,
    verify_admin,
    verify_invite,
)

SECRET = "a secret of at least thirty-two bytes"
KEYS = {"key": SECRET}
NOW = 1_800_000_000.0
TOKEN = AccessToken("key", SECRET).with_identity("alice", name="Alice").with_room("demo")


def signed(**claims: Any) -> str:
    whole = {"iss": "key", "sub": "a", "room": "r", "exp": NOW + 60, "grants": {"join": True}}
    kept = {k: v for k, v in {**whole, **claims}.items() if v is not None}
    return jwt.encode(kept, SECRET, algorithm="HS256")


def test_round_trip() -> None:
    grants = Grants(publish=False, sources=("screen",), max_bitrate=1000)
    limits = RoomLimits(max_participants=3)
    made = TOKEN.with_grants(grants).with_room_limits(limits).to_jwt(NOW)
    claims = verify(made, KEYS, NOW)
    assert (claims.identity, claims.name, claims.room) == ("alice", "Alice", "demo")
    assert (claims.grants, claims.room_limits) == (grants, limits)


def test_grants_default_to_everything_but_join() -> None:
    claims = verify(signed(), KEYS, NOW)
    assert claims.grants == Grants()
    with pytest.raises(PermissionDenied):
        verify(signed(grants={"publish": True}), KEYS, NOW)
    with pytest.raises(PermissionDenied):
        verify(signed(grants={"join": False}), KEYS, NOW)


def test_expiry_and_not_before() -> None:
    made = TOKEN.with_ttl(timedelta(minutes=1)).to_jwt(NOW)
    verify(made, KEYS, NOW + 59)
    with pytest.raises(TokenExpired):
        verify(made, KEYS, NOW + 60)
    later = TOKEN.with_not_before(NOW + 100).to_jwt(NOW)
    with pytest.raises(TokenNotYetValid):
        verify(later, KEYS, NOW)
    verify(later, KEYS, NOW + 100)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 10**400},
        {"nbf": "later"},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"room": None},
        {"room": "x" * 201},
        {"grants": None},
        {"grants": "all"},
        {"grants": {"join": True, "sources": ["kitchen"]}},
        {"grants": {"join": True, "maxBitrate": -1}},
        {"roomLimits": {"maxParticipants": "many"}},
        {"iss": "other"},
        {"iss": None},
    ],
)
def test_unusable_claims(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        verify(signed(**claims), KEYS, NOW)


def test_forged_tokens() -> None:
    good = TOKEN.to_jwt(NOW)
    head, body, signature = good.split(".")
    none = jwt.encode({"iss": "key", "sub": "a"}, "", algorithm="none")
    other = jwt.encode({"iss": "key", "sub": "a", "exp": NOW + 9}, "x" * 40, algorithm="HS256")
    for bad in ("", "x", f"{head}.{body}.", f"{head}.{body}.{signature[::-1]}", none, other):
        with pytest.raises(TokenInvalid):
            verify(bad, KEYS, NOW)


@given(st.text(max_size=200))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        verify(text, KEYS, NOW)


def test_administration_and_invitations_are_no_access_tokens() -> None:
    admin = admin_token("key", SECRET, now=NOW)
    invite = invite_token("key", SECRET, "demo", ttl=timedelta(hours=1), now=NOW)
    verify_admin(admin, KEYS, NOW)
    assert verify_invite(invite, KEYS, NOW) == "demo"
    for wrong in (admin, invite):
        with pytest.raises(TokenInvalid):
            verify(wrong, KEYS, NOW)
    for token in (invite, TOKEN.to_jwt(NOW)):
        with pytest.raises(PermissionDenied):
            verify_admin(token, KEYS, NOW)
    with pytest.raises(TokenExpired):
        verify_invite(invite, KEYS, NOW + 3600)


def test_a_token_needs_identity_and_room() -> None:
    with pytest.raises(ValueError, match="identity"):
        AccessToken("key", SECRET).with_room("r").to_jwt()


def test_the_secret_is_not_printed() -> None:
    assert SECRET not in repr(TOKEN)
