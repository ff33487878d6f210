"""Every error Roomline raises on purpose.

::

    RoomlineError
    ├── ConfigError            a setting, a file or a port is wrong: one line, exit code 2
    │   └── AlreadyRunning     another process of this machine has the rooms: several workers
    ├── NotStarted             the lifespan of a `Roomline` has not begun, or is over
    ├── EngineFailure          the media engine refused or did not answer
    │   └── EngineClosed       it was used after it had stopped
    └── SignalingError         told to a client as `error {code, message, fatal}`
        ├── TokenError         `code` is one of the three below
        │   ├── TokenInvalid           token-invalid
        │   ├── TokenExpired           token-expired
        │   └── TokenNotYetValid       token-not-yet-valid
        ├── Refused                    refused
        ├── PermissionDenied           permission-denied
        ├── RoomFull                   room-full
        ├── PublishersFull             publishers-full
        ├── UnsupportedVersion         unsupported-version
        ├── BadMessage                 bad-message
        ├── BadOffer                   bad-offer
        ├── NotFound                   not-found
        ├── RateLimited                rate-limited
        ├── Draining                   draining
        ├── ResumeExpired              resume-expired
        ├── Replaced                   replaced
        ├── Removed                    removed
        ├── ConnectionFailed           connection-failed
        └── Internal                   internal

The codes are stable: clients may compare them. `fatal` says whether the server closes the session
after it told the error; `fatal_at_join` says the same for an error that answers a `join`.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "SIGNALING_ERRORS",
    "AlreadyRunning",
    "BadMessage",
    "BadOffer",
    "ConfigError",
    "ConnectionFailed",
    "Draining",
    "EngineClosed",
    "EngineFailure",
    "Internal",
    "NotFound",
    "NotStarted",
    "PermissionDenied",
    "PublishersFull",
    "RateLimited",
    "Refused",
    "Removed",
    "Replaced",
    "ResumeExpired",
    "RoomFull",
    "RoomlineError",
    "SignalingError",
    "TokenError",
    "TokenExpired",
    "TokenInvalid",
    "TokenNotYetValid",
    "UnsupportedVersion",
]


class RoomlineError(Exception):
    """The root: `except RoomlineError` catches everything Roomline raises on purpose."""


class ConfigError(RoomlineError):
    """A setting cannot be used. The message is one line: what is wrong, and what to do about it."""


class AlreadyRunning(ConfigError):
    """Rooms live in one process, and another one of this machine has them."""


class NotStarted(RoomlineError):
    """A `Roomline` is used outside of its lifespan."""


class EngineFailure(RoomlineError):
    """The media engine did not do what it was asked.

    `code` is the engine's stable word, for example `bad-offer`; see `Event.Failed` in
    `_engine.pyi`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EngineClosed(EngineFailure):
    """The engine has been stopped."""

    def __init__(self) -> None:
        super().__init__("closed", "the media engine is stopped")


class SignalingError(RoomlineError):
    """Something a client is told, with a stable code."""

    code: ClassVar[str]
    fatal: ClassVar[bool] = True
    fatal_at_join: ClassVar[bool] = True
    http_status: ClassVar[int] = 400


class TokenError(SignalingError):
    """An access token that lets nobody in."""

    http_status = 401


class TokenInvalid(TokenError):
    """Not a token, wrongly signed, of an unknown key, or without a claim it needs."""

    code = "token-invalid"


class TokenExpired(TokenError):
    """`exp` is past."""

    code = "token-expired"


class TokenNotYetValid(TokenError):
    """`nbf` is ahead."""

    code = "token-not-yet-valid"


class Refused(SignalingError):
    """The application does not let somebody in; the message is its reason."""

    code = "refused"
    http_status = 403


class PermissionDenied(SignalingError):
    """The token's grants do not allow it, or the application does not."""

    code = "permission-denied"
    fatal = False
    http_status = 403


class RoomFull(SignalingError):
    """The room has its maximum of participants."""

    code = "room-full"
    http_status = 409


class PublishersFull(SignalingError):
    """The room has its maximum of publishers."""

    code = "publishers-full"
    fatal = False
    fatal_at_join = False
    http_status = 409


class UnsupportedVersion(SignalingError):
    """The client speaks a version of the protocol that this server does not."""

    code = "unsupported-version"


class BadMessage(SignalingError):
    """Not a message of the protocol, or not at this point."""

    code = "bad-message"


class BadOffer(SignalingError):
    """An SDP offer that cannot be answered."""

    code = "bad-offer"
    fatal = False


class NotFound(SignalingError):
    """No such room, participant, track or transport."""

    code = "not-found"
    fatal = False
    fatal_at_join = False
    http_status = 404


class RateLimited(SignalingError):
    """More requests than a client may send."""

    code = "rate-limited"
    fatal = False
    fatal_at_join = False
    http_status = 429


class Draining(SignalingError):
    """The server is about to stop and takes no new joins."""

    code = "draining"
    http_status = 503


class ResumeExpired(SignalingError):
    """The session to resume is gone: join anew."""

    code = "resume-expired"


class Replaced(SignalingError):
    """The same identity joined again."""

    code = "replaced"


class Removed(SignalingError):
    """Taken out of the room by the API."""

    code = "removed"


class ConnectionFailed(SignalingError):
    """No transport connected in time, or the media stopped for too long."""

    code = "connection-failed"


class Internal(SignalingError):
    """A fault of the server."""

    code = "internal"
    http_status = 500


def _leaves(cls: type[SignalingError]) -> list[type[SignalingError]]:
    subclasses = cls.__subclasses__()
    return [cls] if not subclasses else [leaf for sub in subclasses for leaf in _leaves(sub)]


SIGNALING_ERRORS: dict[str, type[SignalingError]] = {
    leaf.code: leaf for leaf in _leaves(SignalingError)
}
"""Every code a client can be told, and its class."""
