"""The browser SDK against a real server: what an application can rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser

from netlab.bidi import Firefox
from netlab.browser import Client
from netlab.firewall import CUT_TCP, MEND_TCP, Firewall
from netlab.topology import Site

from support.people import Meeting, Person, wait_until

GAP_MS = 1000
"""Longest time without a frame that counts as "media goes on" on a busy machine."""
CAMERA, MICROPHONE = ("video", "camera"), ("audio", "microphone")


def test_data_channels_in_all_four_reliability_modes(chromium: Browser, meeting: Meeting) -> None:
    modes: dict[str, dict[str, object]] = {
        "reliable": {},
        "unordered": {"ordered": False, "protocol": "chat"},
        "count": {"ordered": False, "maxRetransmits": 0},
        "time": {"maxPacketLifeTime": 500},
    }
    room = meeting.room()
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(chromium, meeting, "bob", room) as bob,
        Person(chromium, meeting, "cyd", room) as cyd,
    ):
        ada.join()
        bob.join()
        for label, options in modes.items():
            ada.do(f"probe.channel('{label}', {_js(options)})")
        bob.until("probe.channels.length === 4")
        for label in modes:
            ada.do(f"void probe.open['{label}'].send('hello on {label}')")
            ada.do(f"void probe.open['{label}'].send(new Uint8Array(60000))")
        bob.until("probe.channels.every(({ messages }) => messages.length === 2)")
        got = {each["label"]: each for each in bob.do("probe.channels")}
        for label, options in modes.items():
            assert sorted(got[label]["messages"]) == ["60000 bytes", f"hello on {label}"]
            for name in ("ordered", "maxRetransmits", "maxPacketLifeTime", "protocol"):
                default = {"ordered": True, "protocol": ""}.get(name)
                assert got[label][name] == options.get(name, default), (label, name)
            assert got[label]["from"] == "ada"

        cyd.join()  # Channels that are open are for those who come later, too.
        cyd.until("probe.channels.length === 4")
        ada.do("void probe.open['reliable'].send('and to you')")
        cyd.until("probe.channels.some(({ messages }) => messages.includes('and to you'))")


def test_an_ice_restart_leaves_the_media_alone(chromium: Browser, meeting: Meeting) -> None:
    room = meeting.room()
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(chromium, meeting, "bob", room) as bob,
    ):
        ada.join(CAMERA, MICROPHONE)
        bob.join(CAMERA)
        people = [ada, bob]
        for person in people:
            person.sees("camera")
        before = [(p.do("probe.ufrag()"), p.do("Object.values(probe.frames)[0]")) for p in people]
        told = [p.events for p in people]
        for person in people:
            # What the SDK does when the network changes: a new WebSocket, then an ICE restart.
            person.do("void dispatchEvent(new Event('online'))")
        for person, (ufrag, _) in zip(people, before, strict=True):
            person.until(f"probe.ufrag() !== '{ufrag}'")
            person.until("probe.room.peerConnection.iceConnectionState === 'connected'")
            person.until("probe.room.peerConnection.signalingState === 'stable'")
            person.sees("camera", 30)
        for person, (_, frames), events in zip(people, before, told, strict=True):
            (after,) = person.do("Object.values(probe.frames)")
            assert after["mediaTrack"] == frames["mediaTrack"]
            assert after["longestGapMs"] < GAP_MS
            assert person.events[len(events) :] == [
                ["stateChanged", "reconnecting"],
                ["stateChanged", "connected"],
            ]
            assert person.do("probe.room.localParticipant.connection.state") == "connected"


def test_a_lost_websocket_resumes_without_touching_the_media(
    chromium: Browser, other_chromium: Browser, meeting: Meeting
) -> None:
    room = meeting.room()
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(other_chromium, meeting, "bob", room) as bob,
    ):
        ada.join(CAMERA, MICROPHONE)
        bob.join(CAMERA)
        bob.sees("camera")
        ada.told("trackSubscribed", "bob", "camera")
        ufrag, begun = bob.do("probe.ufrag()"), len(bob.events)
        messages = [f"message {n}" for n in range(20)]
        with _cut(meeting.sites[2]):
            # The request finds the connection dead; it is made again when the session is resumed.
            bob.do("void (probe.muting = probe.own('camera').mute(true))")
            bob.told("stateChanged", "reconnecting")
            for message in messages:
                ada.do(f"probe.room.sendData('{message}')")
            ada.do("probe.own('microphone').mute(true)")
            bob.sees("camera", 20)
            assert len(bob.events) == begun + 1
        bob.told("trackMuted", "ada", "microphone", True)
        bob.do("probe.muting")
        ada.told("trackMuted", "bob", "camera", True)
        ada.do("probe.room.sendData('after')")
        bob.told("data", "ada", "after", None)
        assert bob.events[begun:] == [
            ["stateChanged", "reconnecting"],
            ["stateChanged", "connected"],
            *(["data", "ada", message, None] for message in messages),
            ["trackMuted", "ada", "microphone", True],
            ["data", "ada", "after", None],
        ]
        bob.sees("camera")
        assert bob.do("probe.framesOf('camera').longestGapMs") < GAP_MS
        assert bob.do("probe.ufrag()") == ufrag
        assert not [each for each in ada.events if each[0] in {"participantLeft", "stateChanged"}]


def test_mute_unmute_and_unpublish_are_seen_by_the_other(
    chromium: Browser, meeting: Meeting
) -> None:
    room = meeting.room()
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(chromium, meeting, "bob", room) as bob,
    ):
        ada.join(CAMERA, ("video", "clock", 8))
        bob.join()
        bob.sees("camera")
        bob.sees("clock")
        ada.do("probe.own('camera').mute(true)")
        bob.told("trackMuted", "ada", "camera", True)
        assert ada.do("probe.own('camera').muted")
        count = bob.do("probe.framesOf('camera').count")
        # What goes on shows that time passes.
        bob.sees("clock")
        assert bob.do("probe.framesOf('camera').count") <= count + 5
        ada.do("probe.own('camera').mute(false)")
        bob.told("trackMuted", "ada", "camera", False)
        bob.sees("camera")

        ada.do("probe.own('camera').unpublish()")
        bob.told("trackUnpublished", "ada", "camera")
        bob.told("trackUnsubscribed", "ada", "camera")
        ada.do(
            "probe.room.localParticipant.publish(lab.camera(), { source: 'screen', name: 'desk' })"
            ".then(() => null)"
        )
        bob.told("trackSubscribed", "ada", "desk")
        bob.sees("desk")
        assert ada.do("probe.room.peerConnection.getSenders().filter((s) => s.track).length") == 2


def test_more_tracks_than_slots(chromium: Browser, meeting: Meeting) -> None:
    room = meeting.room()
    videos = [("video", f"video {n}", 8) for n in range(5)]
    audios = [("audio", f"audio {n}") for n in range(5)]
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(chromium, meeting, "bob", room) as bob,
    ):
        ada.join(*videos, *audios)
        bob.join(slots={"audio": 1, "video": 1})
        for _, name, *_rest in [*videos, *audios]:
            bob.told("trackSubscribed", "ada", name)
        for _, name, _fps in videos:
            bob.sees(name, 5)
        receivers = "probe.room.peerConnection.getTransceivers().length"
        assert bob.do(receivers) == 10
        assert not [each for each in bob.events if each[0] == "error"]

        # Slots that are free again carry what comes next, without another offer.
        ada.do("probe.own('video 0').unpublish()")
        bob.told("trackUnsubscribed", "ada", "video 0")
        ada.do(
            "probe.room.localParticipant.publish(lab.camera(8), { name: 'video 5' })"
            ".then(() => null)"
        )
        bob.sees("video 5", 5)
        assert bob.do(receivers) == 10


def test_manual_subscription(chromium: Browser, meeting: Meeting) -> None:
    room = meeting.room()
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(chromium, meeting, "bob", room) as bob,
    ):
        ada.join(CAMERA, MICROPHONE)
        bob.join(subscribe="manual")
        bob.until("probe.remote('camera')")
        bob.do("probe.remote('camera').subscribe()")
        bob.told("trackSubscribed", "ada", "camera")
        bob.sees("camera")

        bob.do("probe.remote('camera').pause(true)")
        bob.told("trackPaused", "ada", "camera", "requested")
        bob.do("probe.remote('camera').pause(false)")
        bob.told("trackPaused", "ada", "camera", None)
        bob.sees("camera")

        bob.do("probe.remote('camera').unsubscribe()")
        bob.told("trackUnsubscribed", "ada", "camera")
        assert bob.do("probe.remote('camera').track") is None
        names = [each[2] for each in bob.events if each[0] == "trackSubscribed"]
        assert names == ["camera"]


def test_leaving_is_told_in_order(chromium: Browser, meeting: Meeting) -> None:
    room = meeting.room()
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(chromium, meeting, "bob", room) as bob,
        Person(chromium, meeting, "cyd", room) as cyd,
    ):
        ada.join(CAMERA)
        bob.join()
        cyd.join()
        bob.sees("camera")
        ada.do("probe.room.disconnect()")
        assert ada.events[-1] == ["disconnected", None]
        bob.told("participantLeft", "ada", "left")
        names = [each[0] for each in bob.events if each[1] == "ada"]
        assert names[-3:] == ["trackUnsubscribed", "trackUnpublished", "participantLeft"]
        assert bob.do("[...probe.room.participants.values()].map((p) => p.identity)") == ["cyd"]
        cyd.page.goto("about:blank")
        bob.told("participantLeft", "cyd", "left")


def test_a_late_joiner_sees_a_picture_within_one_keyframe(
    chromium: Browser, meeting: Meeting
) -> None:
    room = meeting.room()
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(chromium, meeting, "bob", room) as bob,
        Person(chromium, meeting, "late", room) as late,
    ):
        ada.join(CAMERA)
        bob.join()
        bob.sees("camera", 60)
        begun = late.do("performance.now()")
        late.join()
        late.sees("camera", 1)
        assert late.do("probe.framesOf('camera').at") - begun < 4000
        late.sees("camera")
        assert late.do(_INBOUND)["keyFramesDecoded"] <= 2


def test_a_forced_relay_is_reported_as_one(chromium: Browser, meeting: Meeting) -> None:
    room = meeting.room()
    with (
        Person(chromium, meeting, "ada", room) as ada,
        Person(chromium, meeting, "bob", room) as bob,
    ):
        ada.join(CAMERA)
        bob.join(iceTransportPolicy="relay")
        bob.sees("camera")
        bob.until("probe.room.localParticipant.connection.tier === 'turn-udp'")
        seen = "probe.other('bob').connection"
        ada.until(f"{seen}.tier === 'turn-udp' && {seen}.rttMs !== null")
        connection = ada.do(seen)
        assert connection["serverPort"] == 3478
        assert connection["protocol"] == "udp"
        assert ada.do("probe.room.localParticipant.connection.tier") == "direct"


def test_a_lost_path_is_replaced_by_a_relay(
    chromium: Browser, other_chromium: Browser, meeting: Meeting
) -> None:
    room, site = meeting.room(), meeting.sites[2]
    try:
        with (
            Person(chromium, meeting, "ada", room) as ada,
            Person(other_chromium, meeting, "bob", room) as bob,
        ):
            ada.join(CAMERA)
            bob.join()
            bob.sees("camera")
            bob.until("probe.room.localParticipant.connection.tier === 'direct'")
            site.set_firewall(Firewall.NO_MEDIA_PORTS)
            bob.until("probe.room.localParticipant.connection.tier === 'turn-udp'")
            bob.sees("camera")
            assert [each[0] for each in bob.events].count("trackSubscribed") == 1
            assert not [each for each in ada.events if each[0] == "participantLeft"]
    finally:
        site.set_firewall(Firewall.OPEN)


@pytest.mark.parametrize(
    "network",
    [
        (Firewall.OPEN, "direct", None),
        (Firewall.NO_MEDIA_PORTS, "turn-udp", 3478),
        (Firewall.NO_UDP, "turn-tls", 443),
    ],
    ids=["direct", "turn-udp", "turn-tls"],
)
def test_firefox_on_every_tier(
    network: tuple[Firewall, str, int | None],
    chromium: Browser,
    firefox: Firefox,
    meeting: Meeting,
) -> None:
    firewall, tier, port = network
    room = meeting.room()
    site = meeting.sites[1]
    site.set_firewall(firewall)
    try:
        with Person(chromium, meeting, "ada", room) as ada:
            ada.join(CAMERA, MICROPHONE)
            client = Client(firefox, meeting.server.url)
            client.join(meeting.token("fox", room), publish=True, ask=False)
            ada.sees("camera")

            def arrives() -> bool:
                stats = client.stats()
                return stats["videoFrames"] > 20 and stats["audioEnergy"] > 0

            wait_until(arrives, lambda: (client.state(), client.stats(), client.connection()))
            connection = client.connection() or {}
            assert connection["tier"] == tier
            assert connection["serverPort"] in ([port] if port else range(10_000, 60_001))
            ada.until(f"probe.other('fox').connection.tier === '{tier}'")
    finally:
        firefox.goto("about:blank")
        site.set_firewall(Firewall.OPEN)


def test_firefox_restarts_ice_and_finds_the_better_path(
    chromium: Browser, firefox: Firefox, meeting: Meeting
) -> None:
    room, site = meeting.room(), meeting.sites[1]
    site.set_firewall(Firewall.NO_UDP)
    try:
        with Person(chromium, meeting, "ada", room) as ada:
            ada.join(CAMERA)
            client = Client(firefox, meeting.server.url)
            client.join(meeting.token("fox", room), publish=True, ask=False)
            tier = "probe.other('fox').connection.tier"
            ada.until(f"{tier} === 'turn-tls'")
            ada.sees("camera")
            site.set_firewall(Firewall.OPEN)
            firefox.evaluate("void dispatchEvent(new Event('online'))")
            ada.until(f"{tier} === 'direct'")
            ada.sees("camera", 30)
            assert [each[0] for each in ada.events].count("trackSubscribed") == 2
    finally:
        firefox.goto("about:blank")
        site.set_firewall(Firewall.OPEN)


_INBOUND = """
probe.room.peerConnection.getStats().then((report) =>
  [...report.values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "video"))
"""


def _js(value: object) -> str:
    return json.dumps(value)


@contextmanager
def _cut(site: Site) -> Iterator[None]:
    """No TCP to the server; whoever tries is told at once."""
    site.router.nft(CUT_TCP)
    try:
        yield
    finally:
        site.router.nft(MEND_TCP)
