"""Bad frames, tokens and offers: each gets its typed error, and the server goes on."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import re
import time
from typing import Any

import pytest
from hostile.server import Call, Server, wait_until
from hostile.signaling import answer_to, assert_closed, join_frame, make_offer, reply_to
from hostile.websocket import ConnectionClosed

FRAME_LIMIT = 256 * 1024


@pytest.fixture(scope="module")
def offer() -> str:
    return make_offer()


def assert_refused(answer: dict[str, Any], code: str) -> None:
    assert answer["type"] == "error", answer
    assert answer["code"] == code, answer
    assert answer["fatal"] is True
    assert answer["message"]
    assert "Traceback" not in answer["message"]


def joins(server: Server, offer: str, identity: str) -> None:
    """A newcomer is still welcome."""
    answer = answer_to(server, join_frame(server.token(identity, "welcome"), offer))
    assert answer["type"] == "joined", answer


NOW = int(time.time())
TOKENS: dict[str, tuple[str, dict[str, Any]]] = {
    "expired": ("token-expired", {"exp": NOW - 10}),
    "not yet valid": ("token-not-yet-valid", {"nbf": NOW + 3600}),
    "wrong secret": ("token-invalid", {"secret": "another secret of thirty-two bytes!!"}),
    "no signature": ("token-invalid", {"secret": "", "algorithm": "none"}),
    "unknown key": ("token-invalid", {"iss": "RKnobody"}),
    "no key": ("token-invalid", {"iss": ""}),
    "another algorithm": ("token-invalid", {"algorithm": "HS512"}),
    "no expiry": ("token-invalid", {"exp": "never"}),
    "endless": ("token-invalid", {"exp": 10**400}),
    "a room that is none": ("token-invalid", {"room": ["attack"]}),
    "an empty room": ("token-invalid", {"room": ""}),
    "no identity": ("token-invalid", {"identity": ""}),
    "grants that are none": ("token-invalid", {"grants": "all"}),
    "a grant of another type": ("token-invalid", {"grants": {"join": True, "publish": "yes"}}),
    "no join grant": ("permission-denied", {"grants": {}}),
    "join denied": ("permission-denied", {"grants": {"join": False}}),
}


@pytest.mark.parametrize("case", TOKENS)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_tokens_that_let_nobody_in(case: str, server: Server, offer: str) -> None:
    code, claims = TOKENS[case]
    assert_refused(answer_to(server, join_frame(server.token(**claims), offer)), code)


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "é.é.é", "." * 1000, "e30.e30.e30", "A" * 16000]
)
def test_tokens_that_are_none(token: str, server: Server, offer: str) -> None:
    assert_refused(answer_to(server, join_frame(token, offer)), "token-invalid")


def test_a_token_with_one_bit_changed(server: Server, offer: str) -> None:
    rng = random.Random(7)
    good = server.token()
    for _ in range(40):
        at = rng.randrange(len(good) - 1)
        bad = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        assert_refused(answer_to(server, join_frame(bad, offer)), "token-invalid")


def test_a_token_opens_no_other_room(server: Server, call: Call, offer: str) -> None:
    """The token alone names the room: a frame that asks for another is refused or ignored."""
    frame = join_frame(server.token("mallory", "elsewhere"), offer, room="call")
    answer = answer_to(server, frame)
    if answer["type"] == "joined":
        assert answer["room"]["name"] == "elsewhere"
        assert answer["participants"] == []
    else:
        assert_refused(answer, "bad-message")


DEEP = "[" * 100_000
FRAMES: dict[str, str | bytes] = {
    "nothing": "",
    "no JSON": "{",
    "deep": DEEP,
    "no object": "[]",
    "a number": "7",
    "null": "null",
    "no type": "{}",
    "an unknown type": '{"type": "shutdown", "request": 1}',
    "a type that is none": '{"type": {"join": 1}, "request": 1}',
    "no request number": '{"type": "leave"}',
    "a huge number": '{"type": "ping", "request": 1e999, "sent": 0}',
    "not a number": '{"type": "ping", "request": 1, "sent": NaN}',
    "another request first": '{"type": "ping", "request": 1, "sent": 0}',
    "join without fields": '{"type": "join", "request": 1}',
    "a lone surrogate": '{"type": "join", "request": 1, "token": "\\ud800"}',
    "wrong types": '{"type":"join","request":1,"version":"1","token":1,"offer":[],"tracks":{}}',
    "too large": '{"type": "ping", "request": 1, "sent": "' + "x" * FRAME_LIMIT + '"}',
    "binary": b"\x00\x01\x02",
    "binary JSON": b'{"type": "ping", "request": 1, "sent": 0}',
}


@pytest.mark.parametrize("case", FRAMES)
def test_first_frames_that_are_no_join(case: str, server: Server) -> None:
    assert_refused(answer_to(server, FRAMES[case]), "bad-message")


def test_a_frame_far_beyond_the_limit_is_not_read(server: Server) -> None:
    """64 MiB in fragments: the connection ends long before, whatever it says."""
    with server.flat(growth=16 * 1024 * 1024), server.signal() as socket:
        with contextlib.suppress(ConnectionClosed):
            for number in range(1024):
                socket.send_fragment(b"x" * 65536, first=number == 0)
            pytest.fail("all of it was taken")
        assert_closed(socket)


def test_another_version(server: Server, offer: str) -> None:
    answer = answer_to(server, join_frame(server.token(), offer, version=99))
    assert_refused(answer, "unsupported-version")
    assert "1" in answer["message"]


def test_a_resume_token_that_was_never_given(server: Server) -> None:
    frame = {"type": "resume", "request": 1, "version": 1, "resumeToken": "x" * 40, "lastSeq": 0}
    assert_refused(answer_to(server, frame), "resume-expired")


def test_bad_frames_after_a_join_end_only_that_session(server: Server, offer: str) -> None:
    later = {**FRAMES, "another request first": json.dumps(join_frame("", offer, request=2))}
    for number, frame in enumerate(later.values()):
        with server.signal() as socket:
            socket.send(json.dumps(join_frame(server.token(f"m{number}"), offer)))
            assert json.loads(socket.recv(10))["type"] == "joined"
            socket.send(frame)
            answer = {"type": ""}
            while answer["type"] != "error":
                answer = json.loads(socket.recv(10))
            assert_refused(answer, "bad-message")


def test_requests_about_what_is_not_there(server: Server, offer: str) -> None:
    requests: list[dict[str, Any]] = [
        {"type": "unpublish", "track": "TR_nobody"},
        {"type": "mute", "track": "TR_nobody", "muted": True},
        {"type": "subscribe", "track": "TR_nobody"},
        {"type": "unsubscribe", "track": "TR_"},
        {"type": "pauseSubscription", "track": "x" * 60, "paused": True},
        {"type": "offer", "transport": "TP_nobody", "offer": offer, "tracks": []},
    ]
    with server.signal() as socket:
        socket.send(json.dumps(join_frame(server.token(), offer)))
        assert json.loads(socket.recv(10))["type"] == "joined"
        for number, request in enumerate(requests, 10):
            socket.send(json.dumps({"request": number, **request}))
            answer = reply_to(socket, number)
            assert (answer["code"], answer["fatal"]) == ("not-found", False), answer


def test_more_requests_than_allowed(server: Server, offer: str) -> None:
    with server.signal() as socket:
        socket.send(json.dumps(join_frame(server.token(), offer)))
        assert json.loads(socket.recv(10))["type"] == "joined"
        for number in range(2, 400):
            frame = {"type": "mute", "request": number, "track": "TR_nobody", "muted": True}
            socket.send(json.dumps(frame))
        messages = (json.loads(socket.recv(10)) for _ in itertools.count())
        errors = (message for message in messages if message["type"] == "error")
        codes = [error["code"] for error in itertools.islice(errors, 398)]
    assert codes.count("rate-limited") >= 200
    assert set(codes) == {"rate-limited", "not-found"}


def _without(pattern: str, sdp: str) -> str:
    return re.sub(rf"(?m)^{pattern}.*\r\n", "", sdp)


def many_sections(sdp: str, count: int) -> str:
    """The first section again and again, each with a mid of its own."""
    head, first, *_ = re.split(r"(?m)^(?=m=)", sdp)
    first = _without(r"a=(?:candidate|ssrc|fmtp|rtcp-fb|extmap|fingerprint:sha-[35])", first)
    sections = [re.sub(r"a=mid:.*", f"a=mid:{n}", first.replace("\r", "")) for n in range(count)]
    bundle = " ".join(str(n) for n in range(count))
    head = re.sub(r"a=group:BUNDLE.*", f"a=group:BUNDLE {bundle}", head.replace("\r", ""))
    return (head + "".join(sections)).replace("\n", "\r\n")


OFFERS = {
    "empty": lambda sdp: "",
    "no SDP": lambda sdp: "hello",
    "cut off": lambda sdp: sdp[: len(sdp) // 3],
    "no sections": lambda sdp: sdp[: sdp.index("m=")],
    "no BUNDLE": lambda sdp: _without("a=group:BUNDLE", sdp),
    "no fingerprint": lambda sdp: _without("a=fingerprint", sdp),
    "a broken fingerprint": lambda sdp: re.sub(r"(a=fingerprint:sha-\d+) .*", r"\1 zz:zz", sdp),
    "no rtcp-mux": lambda sdp: _without("a=rtcp-mux", sdp),
    "no ICE": lambda sdp: _without("a=ice-", sdp),
    "no mids": lambda sdp: _without("a=mid", sdp),
    "one mid twice": lambda sdp: re.sub(r"a=mid:\S+", "a=mid:0", sdp),
    "plain RTP": lambda sdp: (
        _without("a=fingerprint", sdp)
        .replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")
        .replace("UDP/DTLS/SCTP", "RTP/AVP")
    ),
    "ICE-lite": lambda sdp: sdp.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"),
    "passive": lambda sdp: sdp.replace("a=setup:actpass", "a=setup:passive"),
    "unknown codecs": lambda sdp: re.sub(
        r"a=rtpmap:(\d+) \S+", r"a=rtpmap:\1 NOVELTY/90000", sdp[: sdp.index("m=application")]
    ),
    "hundreds of sections": lambda sdp: many_sections(sdp, 300),
    "200 KB of attributes": lambda sdp: sdp + "a=x-noise:y\r\n" * 15_000,
    "200 KB in one line": lambda sdp: "v=0\r\ns=" + "x" * 200_000,
    "a port beyond": lambda sdp: re.sub(r"m=audio \d+", "m=audio 99999999999999999999", sdp),
    "zero bytes": lambda sdp: sdp.replace("\r\n", "\x00"),
}
SERVABLE = {"200 KB of attributes"}
"""Odd, yet nothing forbids them: RFC 8866 §5 says that unknown attributes are ignored."""


@pytest.mark.parametrize("case", OFFERS)
def test_offers_that_cannot_be_served(case: str, server: Server, offer: str) -> None:
    answer = answer_to(server, join_frame(server.token(), OFFERS[case](offer)))
    if case in SERVABLE and answer["type"] == "joined":
        return
    assert_refused(answer, "bad-offer")


def test_bad_offers_leave_nothing_behind(server: Server, offer: str) -> None:
    rng = random.Random(8)
    transports = server.metrics()["roomline_transports", ""]

    def attack() -> None:
        for number in range(60):
            text = list(offer)
            for _ in range(rng.randint(1, 20)):
                at = rng.randrange(len(text))
                text[at] = rng.choice("\r\n:= azAZ09\x00é")
            answer = answer_to(server, join_frame(server.token(f"fuzz{number}"), "".join(text)))
            assert answer["type"] in {"joined", "error"}

    attack()
    with server.flat():
        attack()
    joins(server, offer, "newcomer")
    wait_until(
        lambda: server.metrics()["roomline_transports", ""] <= transports + 1,
        "transports are gone",
        60,
    )


def test_a_connection_that_never_joins_is_closed_after_ten_seconds(server: Server) -> None:
    begin = time.monotonic()
    with server.signal() as socket:
        assert_refused(json.loads(socket.recv(15)), "bad-message")
    assert 9 < time.monotonic() - begin < 13
