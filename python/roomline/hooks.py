"""What an application decides and is told: the hooks, what they are asked, what they answer.

Pure: who calls a hook, and for how long, is the business of `roomline.api`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, KeysView
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar, overload

from roomline.errors import ConfigError
from roomline.protocol import ChangeReason, LeaveReason, Tier, TrackKind, TrackSource
from roomline.tokens import Grants

DEFAULT_TIMEOUT = timedelta(seconds=5)
WAITING_TIMEOUT = timedelta(minutes=10)
MAX_NAME_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Person:
    """A participant, as an application knows it."""

    id: str
    """Of this stay: `PA_…`."""
    identity: str
    """Who it is to the application, from the token."""
    name: str
    room: str
    grants: Grants = field(default_factory=Grants)


def _nobody_waits(message: str, until: timedelta) -> None:
    """What `wait` does when no server has asked: in tests of a hook."""


@dataclass(frozen=True, kw_only=True)
class AdmitRequest:
    """Somebody with a good token wants in."""

    person: Person
    on_wait: Callable[[str, timedelta], None] = field(
        default=_nobody_waits, repr=False, compare=False
    )
    """Called by `wait`."""

    def wait(self, message: str = "", *, timeout: timedelta = WAITING_TIMEOUT) -> None:
        """Tell the client that it waits, and take up to `timeout` from now to decide.

        `message` is shown to whoever waits. Call it again to change the message or the time.
        """
        self.on_wait(message, timeout)


@dataclass(frozen=True, kw_only=True)
class PublishRequest:
    """A participant wants to publish a track, which its grants allow."""

    person: Person
    source: TrackSource
    name: str
    muted: bool


@dataclass(frozen=True, kw_only=True)
class SubscribeRequest:
    """A participant is to get a track, which its grants allow."""

    person: Person
    publisher: Person
    track: str
    """The track's id, `TR_…`."""
    kind: TrackKind
    source: TrackSource
    name: str


@dataclass(frozen=True, kw_only=True)
class ParticipantLeft:
    """A participant is gone."""

    person: Person
    reason: LeaveReason


@dataclass(frozen=True, kw_only=True)
class TierChanged:
    """A participant's media takes another path."""

    person: Person
    before: Tier | None
    """None the first time."""
    after: Tier
    why: ChangeReason | None = None
    """None the first time."""
    gap: timedelta | None = None
    """How long nothing came before the new path carried; None the first time."""


@dataclass(frozen=True)
class Admission:
    """Whether somebody may come in. Use `allow` and `refuse`."""

    admitted: bool
    reason: str = ""
    name: str | None = None
    grants: Grants | None = None

    @classmethod
    def allow(cls, *, name: str | None = None, grants: Grants | None = None) -> Admission:
        """Let it in; a name and grants given here replace those of the token."""
        if name is not None and not 0 < len(name) <= MAX_NAME_LENGTH:
            raise ValueError(f"a name has 1 to {MAX_NAME_LENGTH} characters")
        return cls(admitted=True, name=name, grants=grants)

    @classmethod
    def refuse(cls, reason: str = "") -> Admission:
        """Keep it out; the client is told the reason."""
        return cls(admitted=False, reason=reason)


@dataclass(frozen=True)
class Permission:
    """Whether a participant may publish or get a track. Use `allow` and `refuse`."""

    allowed: bool
    reason: str = ""

    @classmethod
    def allow(cls) -> Permission:
        """It may."""
        return cls(allowed=True)

    @classmethod
    def refuse(cls, reason: str = "") -> Permission:
        """It may not; the client is told the reason."""
        return cls(allowed=False, reason=reason)


Question = AdmitRequest | PublishRequest | SubscribeRequest
Decision = Admission | Permission
Notice = ParticipantLeft | TierChanged

UNDECIDED = "the application did not decide in time"

AdmitHook = Callable[[AdmitRequest], Awaitable[Admission | bool] | Admission | bool]
PublishHook = Callable[[PublishRequest], Awaitable[Permission | bool] | Permission | bool]
SubscribeHook = Callable[[SubscribeRequest], Awaitable[Permission | bool] | Permission | bool]
LeftHook = Callable[[ParticipantLeft], Awaitable[None] | None]
TierHook = Callable[[TierChanged], Awaitable[None] | None]

A = TypeVar("A", bound=AdmitHook)
P = TypeVar("P", bound=PublishHook)
S = TypeVar("S", bound=SubscribeHook)
L = TypeVar("L", bound=LeftHook)
T = TypeVar("T", bound=TierHook)
D = TypeVar("D", Admission, Permission)


@dataclass(frozen=True)
class Decider(Generic[D]):
    """A function that decides, for how long it may think, and what holds when it does not answer."""

    name: str
    function: Callable[[Any], Any]
    timeout: timedelta
    default: D
    allow: D
    """What True stands for."""
    refuse: D
    """What False stands for."""

    def decision(self, answer: object) -> D:
        """What the function's answer means. Raises TypeError if it is none."""
        if isinstance(answer, bool):
            return self.allow if answer else self.refuse
        if isinstance(answer, type(self.default)):
            return answer
        wanted = type(self.default).__name__
        raise TypeError(f"{self.name} must return {wanted} or a bool, not {answer!r}")


@dataclass(frozen=True)
class Listener:
    """A function that is told."""

    name: str
    function: Callable[[Any], Any]
    timeout: timedelta


class Hooks:
    """The functions of an application, and the decorators that add them.

    A function may be a coroutine or plain; plain ones run in threads. Without a function
    for it, a decision is what the token grants.
    """

    def __init__(self) -> None:
        self._deciders: dict[type[Question], Decider[Any]] = {}
        self._listeners: dict[type[Notice], list[Listener]] = {}

    @property
    def questions(self) -> KeysView[type[Question]]:
        """What the application wants to be asked, as it is now and will be."""
        return self._deciders.keys()

    @property
    def notices(self) -> KeysView[type[Notice]]:
        """What the application wants to be told, as it is now and will be."""
        return self._listeners.keys()

    def names(self) -> Iterator[str]:
        """What has a function: `on_admit` and so on."""
        yield from (decider.name for decider in self._deciders.values())
        yield from (each[0].name for each in self._listeners.values())

    def decider(self, question: Question) -> Decider[Any]:
        """Who decides this. Raises KeyError if nobody does."""
        return self._deciders[type(question)]

    def listeners(self, notice: Notice) -> list[Listener]:
        """Who is told this."""
        return self._listeners.get(type(notice), [])

    @overload
    def on_admit(self, hook: A, /) -> A: ...
    @overload
    def on_admit(
        self, *, timeout: timedelta = ..., default: Admission = ...
    ) -> Callable[[A], A]: ...
    def on_admit(
        self,
        hook: Any = None,
        *,
        timeout: timedelta = DEFAULT_TIMEOUT,
        default: Admission = Admission(admitted=False, reason=UNDECIDED),
    ) -> Any:
        """Add the function that decides who comes in; it is asked after the token was found good.

        `default` holds when it has not answered after `timeout`, or raises.
        """

        def add(function: A) -> A:
            decider = Decider(
                "on_admit", function, timeout, default, Admission.allow(), Admission.refuse()
            )
            self._add(AdmitRequest, decider)
            return function

        return add if hook is None else add(hook)

    @overload
    def on_publish(self, hook: P, /) -> P: ...
    @overload
    def on_publish(
        self, *, timeout: timedelta = ..., default: Permission = ...
    ) -> Callable[[P], P]: ...
    def on_publish(
        self,
        hook: Any = None,
        *,
        timeout: timedelta = DEFAULT_TIMEOUT,
        default: Permission = Permission(allowed=False, reason=UNDECIDED),
    ) -> Any:
        """Add the function that decides about each track that is to be published."""

        def add(function: P) -> P:
            decider = Decider(
                "on_publish", function, timeout, default, Permission.allow(), Permission.refuse()
            )
            self._add(PublishRequest, decider)
            return function

        return add if hook is None else add(hook)

    @overload
    def on_subscribe(self, hook: S, /) -> S: ...
    @overload
    def on_subscribe(
        self, *, timeout: timedelta = ..., default: Permission = ...
    ) -> Callable[[S], S]: ...
    def on_subscribe(
        self,
        hook: Any = None,
        *,
        timeout: timedelta = DEFAULT_TIMEOUT,
        default: Permission = Permission(allowed=False, reason=UNDECIDED),
    ) -> Any:
        """Add the function that decides who gets which track.

        It is asked once for each participant and track, and again whenever the client asks for that
        track by itself.
        """

        def add(function: S) -> S:
            decider = Decider(
                "on_subscribe", function, timeout, default, Permission.allow(), Permission.refuse()
            )
            self._add(SubscribeRequest, decider)
            return function

        return add if hook is None else add(hook)

    def on_participant_left(self, hook: L) -> L:
        """Add a function that is told of everybody who is gone."""
        self._listen(ParticipantLeft, "on_participant_left", hook)
        return hook

    def on_tier_changed(self, hook: T) -> T:
        """Add a function that is told when a participant's media takes another path."""
        self._listen(TierChanged, "on_tier_changed", hook)
        return hook

    def _add(self, question: type[Question], decider: Decider[Any]) -> None:
        if question in self._deciders:
            raise ConfigError(f"there is a function for {decider.name} already")
        self._deciders[question] = decider

    def _listen(self, notice: type[Notice], name: str, function: Callable[[Any], Any]) -> None:
        listener = Listener(name, function, DEFAULT_TIMEOUT)
        self._listeners.setdefault(notice, []).append(listener)
