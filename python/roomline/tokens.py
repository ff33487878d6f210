"""Access tokens: HS256 JWTs that say who may join which room, and what they may do there.

>>> secret = "a secret of at least thirty-two bytes"
>>> token = AccessToken("key", secret).with_identity("alice").with_room("demo").to_jwt()
>>> verify(token, {"key": secret}, time.time()).identity
'alice'
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, Any

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from roomline.errors import PermissionDenied, TokenExpired, TokenInvalid, TokenNotYetValid
from roomline.protocol import ALL_SOURCES, TrackSource

ALGORITHM = "HS256"
DEFAULT_TTL = timedelta(hours=6)
NOT_BEFORE_LEEWAY = 5.0
"""Seconds by which the clock of the machine that made a token may be ahead of ours."""


class _Claims(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", strict=True, frozen=True
    )


class Grants(_Claims):
    """What a token allows in its room."""

    join: bool = True
    publish: bool = True
    subscribe: bool = True
    data: bool = True
    sources: tuple[TrackSource, ...] = Field(default=ALL_SOURCES, strict=False)
    """What may be published."""
    max_bitrate: Annotated[int, Field(ge=0)] = 0
    """Bound of all that the participant publishes, in bit/s; 0 is no limit."""


class RoomLimits(_Claims):
    """Limits of a room; 0 is no limit."""

    max_participants: Annotated[int, Field(ge=0)] = 0
    max_publishers: Annotated[int, Field(ge=0)] = 0
    max_bitrate: Annotated[int, Field(ge=0)] = 0
    """In bit/s: of all that one participant publishes, and of all that it is sent."""


class Claims(_Claims):
    """What a verified token says."""

    iss: str
    sub: Annotated[str, Field(min_length=1, max_length=200)]
    exp: Annotated[float, Field(strict=False, allow_inf_nan=False)]
    nbf: Annotated[float, Field(strict=False, allow_inf_nan=False)] = 0.0
    name: Annotated[str, Field(max_length=200)] = ""
    room: Annotated[str, Field(min_length=1, max_length=200)]
    grants: Grants
    room_limits: RoomLimits | None = None

    @property
    def identity(self) -> str:
        """Who the participant is to the application: `sub`."""
        return self.sub


@dataclass(frozen=True)
class AccessToken:
    """A token to be signed; every `with_…` gives a changed copy."""

    api_key: str
    api_secret: str = field(repr=False)
    identity: str = ""
    name: str = ""
    room: str = ""
    ttl: timedelta = DEFAULT_TTL
    not_before: float | None = None
    grants: Grants = field(default_factory=Grants)
    room_limits: RoomLimits | None = None

    def with_identity(self, identity: str, *, name: str = "") -> AccessToken:
        """Who it is to the application, and the name others see."""
        return replace(self, identity=identity, name=name or self.name)

    def with_room(self, room: str) -> AccessToken:
        """The room that may be joined."""
        return replace(self, room=room)

    def with_ttl(self, ttl: timedelta) -> AccessToken:
        """How long it may be used to join, from the moment of signing."""
        return replace(self, ttl=ttl)

    def with_not_before(self, unix: float) -> AccessToken:
        """From when on it may be used, in seconds since 1970."""
        return replace(self, not_before=unix)

    def with_grants(self, grants: Grants) -> AccessToken:
        """What it allows; everything when this is not called."""
        return replace(self, grants=grants)

    def with_room_limits(self, limits: RoomLimits) -> AccessToken:
        """Limits for the room, if the join with this token creates it."""
        return replace(self, room_limits=limits)

    def to_jwt(self, now: float | None = None) -> str:
        """The signed token. `now` is seconds since 1970; the machine's clock when left out.

        Raises ValueError when the identity or the room is missing.
        """
        if not self.identity or not self.room:
            raise ValueError("an access token needs an identity and a room")
        issued = time.time() if now is None else now
        claims: dict[str, Any] = {
            "iss": self.api_key,
            "sub": self.identity,
            "room": self.room,
            "exp": int(issued + self.ttl.total_seconds()),
            "grants": self.grants.model_dump(by_alias=True, mode="json"),
        }
        if self.name:
            claims["name"] = self.name
        if self.not_before is not None:
            claims["nbf"] = int(self.not_before)
        if self.room_limits is not None:
            claims["roomLimits"] = self.room_limits.model_dump(by_alias=True)
        return jwt.encode(claims, self.api_secret, algorithm=ALGORITHM)


def admin_token(
    api_key: str,
    api_secret: str,
    *,
    ttl: timedelta = timedelta(minutes=10),
    now: float | None = None,
) -> str:
    """A bearer token for the REST API: it administers every room of the server."""
    issued = time.time() if now is None else now
    claims = {"iss": api_key, "exp": int(issued + ttl.total_seconds()), "admin": True}
    return jwt.encode(claims, api_secret, algorithm=ALGORITHM)


def invite_token(
    api_key: str, api_secret: str, room: str, *, ttl: timedelta, now: float | None = None
) -> str:
    """An invitation to a room: whoever opens the link gets an access token of their own."""
    issued = time.time() if now is None else now
    claims = {
        "iss": api_key,
        "exp": int(issued + ttl.total_seconds()),
        "invite": room,
    }
    return jwt.encode(claims, api_secret, algorithm=ALGORITHM)


def verify(token: str, keys: Mapping[str, str], now: float) -> Claims:
    """What a participant's token says.

    `keys` maps API keys to secrets; `now` is seconds since 1970. Raises TokenInvalid,
    TokenExpired, TokenNotYetValid, or PermissionDenied for a token without the join grant.
    """
    payload = _verified(token, keys, now)
    try:
        claims = Claims.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TokenInvalid(f"the token's claim {place} is unusable: {first['msg']}") from None
    if "join" not in payload["grants"] or not claims.grants.join:
        raise PermissionDenied("the token does not grant join")
    return claims


def verify_admin(token: str, keys: Mapping[str, str], now: float) -> None:
    """Raises TokenError or PermissionDenied unless `token` may administer the server."""
    if _verified(token, keys, now).get("admin") is not True:
        raise PermissionDenied("the token does not grant administration")


def verify_invite(token: str, keys: Mapping[str, str], now: float) -> str:
    """The room that an invitation is for. Raises TokenError or PermissionDenied."""
    room = _verified(token, keys, now).get("invite")
    if not isinstance(room, str) or not room:
        raise PermissionDenied("the token is not an invitation")
    return room


def _verified(token: str, keys: Mapping[str, str], now: float) -> dict[str, Any]:
    """The payload of a token whose signature and times are right."""
    try:
        issuer = _claimed_issuer(token)
        secret = keys.get(issuer) if isinstance(issuer, str) else None
        if secret is None:
            raise TokenInvalid("the token's key is unknown to this server")
        # The times are checked below, against the `now` we were given.
        options: Any = {
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_aud": False,
        }
        payload: dict[str, Any] = jwt.decode(token, secret, algorithms=[ALGORITHM], options=options)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise TokenInvalid("not a token signed with this server's key") from None
    _check_times(payload, now)
    return payload


def _claimed_issuer(token: str) -> object:
    """Whose key to try; nothing is known of the token before. Raises ValueError."""
    _, _, rest = token.partition(".")
    payload, _, _ = rest.partition(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims.get("iss") if isinstance(claims, dict) else None


def _check_times(payload: dict[str, Any], now: float) -> None:
    if now >= _time(payload, "exp", None):
        raise TokenExpired("the token has expired")
    if now + NOT_BEFORE_LEEWAY < _time(payload, "nbf", 0.0):
        raise TokenNotYetValid("the token is not valid yet")


def _time(payload: dict[str, Any], claim: str, default: float | None) -> float:
    value = payload.get(claim, default)
    if not isinstance(value, bool) and isinstance(value, (int, float)):
        # An integer of JSON may be too large for a float.
        with contextlib.suppress(OverflowError):
            seconds = float(value)
            if math.isfinite(seconds):
                return seconds
    raise TokenInvalid(f"the token's claim {claim} must be a number of seconds")
