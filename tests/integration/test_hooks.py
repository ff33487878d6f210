"""Functions of an application that decide and listen, on a real event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from roomline import (
    Admission,
    AdmitRequest,
    ConfigError,
    Grants,
    ParticipantLeft,
    Permission,
    PublishRequest,
    SubscribeRequest,
    TierChanged,
)
from roomline.api.hook_runner import MAX_THREADS
from roomline.engine import events as e
from roomline.hooks import Hooks

from support.house import Browser, House, join, joined, run
from support.turns import until

SOON = timedelta(milliseconds=20)
LATER = timedelta(seconds=30)


def with_hooks(
    folder: Path, hooks: Hooks, work: Callable[[House], Coroutine[Any, Any, None]]
) -> None:
    async def attached(house: House) -> None:
        house.server.hub.attach(hooks)
        await work(house)

    run(folder, attached)


async def ask(house: House, identity: str = "ada", **more: Any) -> Browser:
    browser = await house.socket()
    await join(house, browser, identity, **more)
    return browser


def counted(house: House) -> dict[str, int]:
    """The counters of hooks, by `name hook`."""
    return {
        f"{name} {label}": value
        for name, label, value in house.server.hub.core.counters()
        if name.startswith("hook_")
    }


def connect(house: House, transport: int) -> None:
    """The media path of somebody works."""
    path = e.Path("turn-udp", 3478, "203.0.113.9", 4711)
    assert house.engine.deliver
    house.engine.deliver(
        [e.PathChanged(transport, path), e.TransportConnected(transport, "DTLS 1.3", "X")]
    )


def test_a_coroutine_admits_with_other_grants(tmp_path: Path) -> None:
    hooks = Hooks()

    @hooks.on_admit
    async def admit(request: AdmitRequest) -> Admission:
        await asyncio.sleep(0)
        if request.person.identity == "eve":
            return Admission.refuse("not you")
        return Admission.allow(name="Countess", grants=Grants(publish=False))

    async def work(house: House) -> None:
        ada = await ask(house)
        participant = (await ada.receive("joined"))["participant"]
        assert (participant["name"], participant["grants"]["publish"]) == ("Countess", False)
        eve = await ask(house, "eve")
        assert (await eve.receive("error"))["message"] == "not you"
        assert await eve.closed() == 4000
        assert counted(house) == {"hook_calls on_admit": 2}

    with_hooks(tmp_path, hooks, work)


def test_a_plain_function_runs_beside_the_loop(tmp_path: Path) -> None:
    hooks = Hooks()
    threads: list[int] = []

    @hooks.on_admit
    def admit(request: AdmitRequest) -> bool:
        threads.append(threading.get_ident())
        request.wait("A moment.")
        return request.person.identity == "ada"

    async def work(house: House) -> None:
        ada, eve = await ask(house), await ask(house, "eve")
        assert (await ada.receive("waiting"))["message"] == "A moment."
        await ada.receive("joined")
        assert (await eve.receive("error"))["code"] == "refused"
        assert threading.get_ident() not in threads

    with_hooks(tmp_path, hooks, work)


def test_slow_plain_functions_leave_the_threads_of_others_alone(tmp_path: Path) -> None:
    hooks = Hooks()
    go_on = threading.Event()
    running: list[int] = []

    @hooks.on_publish(timeout=LATER)
    def publish(_: PublishRequest) -> bool:
        running.append(threading.get_ident())
        return go_on.wait(30)

    async def work(house: House) -> None:
        guests = [
            await ask(house, str(number), tracks=[{"mid": "1", "source": "camera"}])
            for number in range(MAX_THREADS + 1)
        ]
        try:
            await until(lambda: len(running) == MAX_THREADS)
            # asyncio's own threads, of which there are as many at most.
            await asyncio.wait_for(asyncio.to_thread(threading.get_ident), 5)
            assert len(running) == MAX_THREADS
        finally:
            go_on.set()
        for guest in guests:
            await guest.receive("joined")

    with_hooks(tmp_path, hooks, work)
    for each in threading.enumerate():
        if each.name.startswith("roomline-hook"):
            each.join(5)
            assert not each.is_alive()


class Slow:
    """An object is a function too."""

    async def __call__(self, _: object) -> bool:
        await asyncio.Event().wait()
        return True


@pytest.mark.parametrize(
    ("default", "answer"),
    [(Admission.refuse("nobody is there"), "error"), (Admission.allow(), "joined")],
)
def test_the_default_holds_when_time_is_up(tmp_path: Path, default: Admission, answer: str) -> None:
    hooks = Hooks()
    hooks.on_admit(timeout=SOON, default=default)(Slow())

    async def work(house: House) -> None:
        ada = await ask(house)
        assert (await ada.receive(answer)).get("message", "") == default.reason
        assert counted(house)["hook_timeouts on_admit"] == 1

    with_hooks(tmp_path, hooks, work)


@pytest.mark.parametrize(
    ("more", "answer", "told"),
    [
        ({}, "error", "the application did not decide in time"),
        ({"default": Permission.refuse("nobody is there")}, "error", "nobody is there"),
        ({"default": Permission.allow()}, "joined", ""),
    ],
    ids=["unsaid", "refuse", "allow"],
)
def test_a_track_that_nobody_decides_about_gets_the_default(
    tmp_path: Path, more: dict[str, Permission], answer: str, told: str
) -> None:
    hooks = Hooks()
    hooks.on_publish(timeout=SOON, **more)(Slow())

    async def work(house: House) -> None:
        ada = await ask(house, tracks=[{"mid": "1", "source": "camera"}])
        assert (await ada.receive(answer)).get("message", "") == told
        assert counted(house) == {"hook_calls on_publish": 1, "hook_timeouts on_publish": 1}

    with_hooks(tmp_path, hooks, work)


@pytest.mark.parametrize(
    ("more", "answer", "told"),
    [
        ({}, "error", "the application did not decide in time"),
        ({"default": Permission.refuse("nobody is there")}, "error", "nobody is there"),
        ({"default": Permission.allow()}, "ok", ""),
    ],
    ids=["unsaid", "refuse", "allow"],
)
def test_a_subscription_that_nobody_decides_about_gets_the_default(
    tmp_path: Path, more: dict[str, Permission], answer: str, told: str
) -> None:
    hooks = Hooks()
    wanted: list[str] = []

    class Forgets(Slow):
        async def __call__(self, question: object) -> bool:
            assert isinstance(question, SubscribeRequest)
            wanted.append(question.track)
            return await super().__call__(question)

    hooks.on_subscribe(timeout=SOON, **more)(Forgets())

    async def work(house: House) -> None:
        await joined(house, "ada")
        bob = await ask(house, "bob")
        await until(lambda: counted(house).get("hook_timeouts on_subscribe") == 1)
        if answer == "ok":
            assert (await bob.receive("bound"))["track"] == wanted[0]
        await bob.send(type="subscribe", request=2, track=wanted[0])
        reply = await bob.receive(answer)
        assert (reply["request"], reply.get("message", "")) == (2, told)
        assert counted(house)["hook_timeouts on_subscribe"] == 2

    with_hooks(tmp_path, hooks, work)


@pytest.mark.parametrize(
    "raised",
    [RuntimeError("no database"), TimeoutError("the database's"), asyncio.CancelledError()],
)
def test_an_exception_refuses_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, raised: BaseException
) -> None:
    hooks = Hooks()

    @hooks.on_admit
    async def admit(_: AdmitRequest) -> Admission:
        raise raised

    async def work(house: House) -> None:
        ada = await ask(house)
        assert (await ada.receive("error"))["code"] == "refused"
        assert counted(house)["hook_errors on_admit"] == 1

    with_hooks(tmp_path, hooks, work)
    assert "a hook failed" in caplog.text
    assert type(raised).__name__ in caplog.text


def test_an_answer_that_is_none_refuses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hooks = Hooks()

    @hooks.on_admit  # type: ignore[type-var]
    async def admit(_: AdmitRequest) -> None:
        """Forgets to say."""

    async def work(house: House) -> None:
        assert (await (await ask(house)).receive("error"))["code"] == "refused"

    with_hooks(tmp_path, hooks, work)
    assert "must return Admission or a bool" in caplog.text


def test_a_waiting_room(tmp_path: Path) -> None:
    hooks = Hooks()
    waiting: dict[str, asyncio.Future[Admission]] = {}
    gone = asyncio.Event()

    @hooks.on_admit(timeout=SOON)
    async def admit(request: AdmitRequest) -> Admission:
        if request.person.identity != "impatient":
            request.wait("The host will let you in.", timeout=LATER)
        decision = waiting[request.person.identity] = asyncio.get_running_loop().create_future()
        try:
            return await decision
        finally:
            del waiting[request.person.identity]
            gone.set()

    async def work(house: House) -> None:
        ada = await ask(house)
        assert (await ada.receive("waiting"))["timeoutMs"] == 30_000
        # Who came later and was not told to wait has been given up: ada's time would be over, too.
        impatient = await ask(house, "impatient")
        assert (await impatient.receive("error"))["code"] == "refused"
        await ada.send(type="ping", request=2, sent=1)
        await ada.receive("pong")
        waiting["ada"].set_result(Admission.allow())
        await ada.receive("joined")
        gone.clear()
        bob = await ask(house, "bob")
        await bob.receive("waiting")
        bob.plain.close()
        await asyncio.wait_for(gone.wait(), 5)
        assert waiting == {}
        assert "hook_errors on_admit" not in counted(house)

    with_hooks(tmp_path, hooks, work)


def test_tracks_and_subscriptions(tmp_path: Path) -> None:
    hooks = Hooks()

    @hooks.on_publish
    def publish(request: PublishRequest) -> Permission:
        return Permission(request.source == "camera", "only cameras")

    @hooks.on_subscribe
    async def subscribe(request: SubscribeRequest) -> bool:
        return (request.person.identity, request.publisher.identity) == ("bob", "ada")

    async def work(house: House) -> None:
        await joined(house, "ada")
        bob = await joined(house, "bob")
        await bob.receive("bound")
        eve = await ask(house, "eve", tracks=[{"mid": "1", "source": "screen"}])
        assert (await eve.receive("error"))["message"] == "only cameras"
        assert counted(house) == {"hook_calls on_publish": 3, "hook_calls on_subscribe": 2}

    with_hooks(tmp_path, hooks, work)


def test_listeners_hear_everything_to_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = Hooks()
    heard: list[Any] = []

    @hooks.on_tier_changed
    def changed(change: TierChanged) -> None:
        heard.append((change.person.identity, change.before, change.after))

    @hooks.on_participant_left
    async def left(departure: ParticipantLeft) -> None:
        heard.append((departure.person.identity, departure.reason))

    @hooks.on_participant_left
    async def fails(_: ParticipantLeft) -> None:
        raise RuntimeError("full disk")

    async def work(house: House) -> None:
        ada = await joined(house, "ada")
        connect(house, *house.engine.transports)
        await ada.receive("connection")
        await house.server.close()
        assert counted(house)["hook_errors on_participant_left"] == 1

    with_hooks(tmp_path, hooks, work)
    assert set(heard) == {("ada", "drained"), ("ada", None, "turn-udp")}
    assert "full disk" in caplog.text


def test_nothing_waits_for_listeners_that_take_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomline.hooks.DEFAULT_TIMEOUT", LATER)
    hooks = Hooks()
    go_on = asyncio.Event()
    begun: list[str] = []
    ended: list[str] = []

    @hooks.on_tier_changed
    async def changed(change: TierChanged) -> None:
        begun.append(f"{change.person.identity} on {change.after}")
        await go_on.wait()
        ended.append(change.person.identity)

    @hooks.on_participant_left
    async def left(departure: ParticipantLeft) -> None:
        begun.append(f"{departure.person.identity} {departure.reason}")
        await go_on.wait()
        ended.append(departure.person.identity)

    async def work(house: House) -> None:
        for name in ("ada", "bob"):
            someone = await joined(house, name)
            connect(house, max(house.engine.transports))
            await someone.receive("connection")
            await someone.send(type="leave", request=2)
            assert await someone.closed() == 1000
        await until(lambda: len(begun) == 4)
        assert sorted(begun) == ["ada left", "ada on turn-udp", "bob left", "bob on turn-udp"]
        assert ended == []
        go_on.set()
        await until(lambda: len(ended) == 4)

    with_hooks(tmp_path, hooks, work)


def test_listeners_whose_time_is_up_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("roomline.hooks.DEFAULT_TIMEOUT", SOON)
    hooks = Hooks()
    given_up: list[object] = []

    async def never_ends(notice: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.append(type(notice))

    hooks.on_tier_changed(never_ends)
    hooks.on_participant_left(never_ends)

    async def work(house: House) -> None:
        ada = await joined(house, "ada")
        connect(house, max(house.engine.transports))
        await until(lambda: given_up == [TierChanged])
        await ada.send(type="ping", request=2, sent=1)
        await ada.receive("pong")
        # Whoever is in a call at the end is gone then: its listener has its time, and no more.
        await asyncio.wait_for(house.server.close(), 5)
        assert given_up == [TierChanged, ParticipantLeft]
        assert counted(house) == {
            "hook_calls on_tier_changed": 1,
            "hook_timeouts on_tier_changed": 1,
            "hook_calls on_participant_left": 1,
            "hook_timeouts on_participant_left": 1,
        }

    with_hooks(tmp_path, hooks, work)
    assert caplog.text.count("a hook took too long") == 2


def test_one_application_to_a_server(tmp_path: Path) -> None:
    async def work(house: House) -> None:
        with pytest.raises(ConfigError, match="already"):
            house.server.hub.attach(Hooks())

    with_hooks(tmp_path, Hooks(), work)
