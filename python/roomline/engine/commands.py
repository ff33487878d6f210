"""What Python tells the engine. Mirrors `Command` of `_engine.pyi`, field by field and in order.

Commands with a `request` are answered by one `Answered`, `Done` or `Failed` of the same number.
Bitrates are in bit/s and 0 is no bound.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenTransport:
    """Make a transport from a client's first offer."""

    request: int
    transport: int
    participant: int
    offer: str
    max_send_bitrate: int


@dataclass(frozen=True, slots=True)
class Renegotiate:
    """A further offer on a transport."""

    request: int
    transport: int
    offer: str


@dataclass(frozen=True, slots=True)
class CloseTransport:
    """Close a transport with everything on it."""

    transport: int


@dataclass(frozen=True, slots=True)
class Publish:
    """Make what a client sends in one media section a publication."""

    request: int
    publication: int
    transport: int
    mid: str
    max_bitrate: int


@dataclass(frozen=True, slots=True)
class MovePublication:
    """Let a publication go on with what the client sends in another media section."""

    request: int
    publication: int
    transport: int
    mid: str


@dataclass(frozen=True, slots=True)
class Unpublish:
    """End a publication and its subscriptions."""

    publication: int


@dataclass(frozen=True, slots=True)
class PausePublication:
    """Mute or unmute."""

    publication: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Bind a publication to a receive slot."""

    request: int
    subscription: int
    publication: int
    transport: int
    mid: str


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Free the slot of a subscription."""

    subscription: int


@dataclass(frozen=True, slots=True)
class PauseSubscription:
    """Stop or resume one subscription."""

    subscription: int
    paused: bool


@dataclass(frozen=True, slots=True)
class RelayData:
    """Send what arrives on a data channel to one more transport."""

    request: int
    channel: int
    transport: int
    label: str


@dataclass(frozen=True, slots=True)
class StopRelayData:
    """Stop that."""

    channel: int
    transport: int


@dataclass(frozen=True, slots=True)
class LimitPublication:
    """Change the bound asked of a publication's sender."""

    publication: int
    max_bitrate: int


@dataclass(frozen=True, slots=True)
class LimitTransport:
    """Change the bound of what a transport is sent."""

    transport: int
    max_send_bitrate: int


Question = OpenTransport | Renegotiate | Publish | MovePublication | Subscribe | RelayData
"""Commands that are answered."""

Order = (
    CloseTransport
    | Unpublish
    | PausePublication
    | Unsubscribe
    | PauseSubscription
    | StopRelayData
    | LimitPublication
    | LimitTransport
)
"""Commands that are not."""

Command = Question | Order
