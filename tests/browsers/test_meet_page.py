"""The meet page as people use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from netlab.browser import launch
from netlab.firewall import Firewall
from roomline import load_credentials
from roomline.tokens import RoomLimits, invite_token

from support.people import Meeting

PATIENCE_MS = 30_000
GIVEN_UP_MS = 45_000
"""The server gives up on media after 30 s."""
DIRECT = re.compile(r"^Direct · UDP [1-6]\d{4} · \d+ ms$")
PLAYING = "(video) => video.videoWidth > 0 && !video.paused && video.currentTime > 0"
# From now on one connection to the server, which the WebSocket takes, and nothing else.
ONE_CONNECTION = """
table inet firewall
delete table inet firewall
table inet firewall {
    chain forward {
        type filter hook forward priority filter;
        ct state established,related meta l4proto tcp accept
        iifname "lan" tcp dport 443 limit rate 1/day burst 1 packets accept
        %s
        iifname "lan" drop
    }
}
"""
SILENT = ONE_CONNECTION % ""
RESETTING = ONE_CONNECTION % 'iifname "lan" meta l4proto tcp reject with tcp reset'

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def visitor(browser: Browser, link: str) -> Iterator[Page]:
    """Somebody opens a link in a browser of their own."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(link)
        yield page
    finally:
        context.close()


def printed_link(meeting: Meeting) -> str:
    """The link that `roomline serve` prints for two people."""
    found = re.search(r"https://\S+/meet/demo\?invite=\S+", meeting.server.log())
    assert found
    return found[0]


def link_for(meeting: Meeting, token: str) -> str:
    return f"{meeting.server.url}/meet/x#token={token}"


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def tile(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def plays(where: Locator) -> None:
    """Wait for moving pictures."""
    video = where.locator("video")
    expect(video).to_be_visible()
    handle = video.element_handle()
    where.page.wait_for_function(PLAYING, arg=handle, timeout=PATIENCE_MS)


def join(page: Page, name: str = "") -> None:
    """Wait for the preview, type a name, join."""
    plays(page.get_by_label("Your preview"))
    if name:
        page.get_by_label("Your name").fill(name)
    button(page, "Join").click()
    expect(button(page, "Leave")).to_be_visible()


def path(where: Locator) -> Locator:
    """The line with tier and round trip."""
    return where.locator(".caption-path")


def test_two_people_meet_by_the_printed_link(
    chromium: Browser, other_chromium: Browser, meeting: Meeting
) -> None:
    link = printed_link(meeting)
    with visitor(chromium, link) as ada, visitor(other_chromium, link) as bob:
        expect(ada.get_by_role("heading", name="demo")).to_be_visible()
        join(ada, "Ada")
        expect(ada.get_by_text("Nobody else is here yet")).to_be_visible()
        expect(ada.get_by_label("Link to this room").first).to_have_value(link)
        join(bob, "Bob")
        for page, own, other in ((ada, "Ada (you)", "Bob"), (bob, "Bob (you)", "Ada")):
            expect(page.get_by_text("2 people")).to_be_visible()
            for each in (tile(page, own), tile(page, other)):
                plays(each)
                expect(path(each)).to_have_text(DIRECT)

        muted = tile(bob, "Ada").get_by_label("Microphone is off")
        expect(muted).to_be_hidden()
        button(ada, "Turn microphone off").click()
        expect(muted).to_be_visible()
        button(ada, "Turn microphone on").click()
        expect(muted).to_be_hidden()

        button(ada, "Turn camera off").click()
        expect(tile(bob, "Ada").locator("video")).to_be_hidden()
        expect(tile(bob, "Ada").get_by_text("A", exact=True)).to_be_visible()
        button(ada, "Turn camera on").click()
        plays(tile(bob, "Ada"))

        button(ada, "Leave").click()
        expect(ada.get_by_role("heading", name="You have left the call")).to_be_visible()
        expect(bob.get_by_text("Nobody else is here yet")).to_be_visible()
        expect(tile(bob, "Ada")).to_have_count(0)
        button(ada, "Join again").click()
        join(ada)
        plays(tile(bob, "Ada"))


def test_a_name_in_the_token_stands(chromium: Browser, meeting: Meeting) -> None:
    token = meeting.token("ada", meeting.room(), name="Ada Lovelace")
    with visitor(chromium, link_for(meeting, token)) as page:
        expect(page.get_by_label("Your name")).to_have_value("Ada Lovelace")
        expect(page.get_by_label("Your name")).not_to_be_editable()
        join(page)
        expect(tile(page, "Ada Lovelace (you)")).to_be_visible()


def test_a_refused_camera_does_not_keep_anybody_out(
    playwright: Playwright, chromium: Browser, meeting: Meeting
) -> None:
    room = meeting.room()
    refusing = launch(
        playwright,
        meeting.hosts[0],
        meeting.server.ca,
        flags=("--use-fake-ui-for-media-stream=deny",),
    )
    with (
        visitor(refusing, link_for(meeting, meeting.token("ada", room, name="Ada"))) as ada,
        visitor(chromium, link_for(meeting, meeting.token("bob", room, name="Bob"))) as bob,
    ):
        notice = ada.get_by_text("The browser refused this page your camera and microphone")
        expect(notice).to_be_visible()
        expect(button(ada, "Try again")).to_be_visible()
        expect(ada.get_by_text("Camera is off")).to_be_visible()
        join(bob)
        button(ada, "Join").click()
        plays(tile(ada, "Bob"))
        expect(path(tile(ada, "Ada (you)"))).to_have_text(DIRECT)
        expect(tile(bob, "Ada").get_by_label("Microphone is off")).to_be_visible()
        expect(path(tile(bob, "Ada"))).to_have_text(DIRECT)
        button(ada, "Turn camera on").click()
        expect(ada.get_by_text("The browser refused this page your camera.")).to_be_visible()
    refusing.close()


def test_links_that_do_not_work_say_why(chromium: Browser, meeting: Meeting) -> None:
    key, secret = load_credentials(meeting.server.state)
    past = timedelta(seconds=-1)
    invite = invite_token(key, secret, "demo", ttl=past)
    room, limits = meeting.room(), RoomLimits(max_participants=1)
    cases = {
        f"{meeting.server.url}/meet/demo?invite={invite}": "This link has expired",
        f"{meeting.server.url}/meet/demo?invite=x": "This link is not valid",
        f"{meeting.server.url}/meet/demo": "This link is not complete",
        link_for(meeting, meeting.token("ada", room, ttl=past)): "This link has expired",
        link_for(meeting, "x.y.z"): "This link is not valid",
        link_for(meeting, meeting.token("bob", room, room_limits=limits)): "The room is full",
    }
    first = link_for(meeting, meeting.token("ada", room, room_limits=limits))
    with visitor(chromium, first) as ada:
        join(ada)
        for link, title in cases.items():
            with visitor(chromium, link) as page:
                if "#token" in link:
                    button(page, "Join").click()
                expect(page.get_by_role("heading", name=title)).to_be_visible()
        with visitor(chromium, list(cases)[-1]) as page:
            button(page, "Join").click()
            again = button(page, "Try again")
            expect(again).to_be_focused()
            button(ada, "Leave").click()
            expect(button(ada, "Join again")).to_be_visible()
            again.click()
            join(page)


@pytest.mark.parametrize(
    ("firewall", "words"),
    [
        (Firewall.NO_MEDIA_PORTS, r"^Relay over UDP 3478 · \d+ ms · \+\d+ ms$"),
        (Firewall.NO_UDP, r"^Relay over TLS 443 · \d+ ms · \+\d+ ms$"),
    ],
    ids=["turn-udp", "turn-tls"],
)
def test_a_relay_is_named_on_the_tile(
    firewall: Firewall, words: str, other_chromium: Browser, meeting: Meeting
) -> None:
    site = meeting.sites[2]
    site.set_firewall(firewall)
    try:
        token = meeting.token("ada", meeting.room(), name="Ada")
        with visitor(other_chromium, link_for(meeting, token)) as ada:
            join(ada)
            expect(path(tile(ada, "Ada (you)"))).to_have_text(re.compile(words))
    finally:
        site.set_firewall(Firewall.OPEN)


def test_when_nothing_gets_through_the_words_say_what_to_ask_for(
    chromium: Browser, other_chromium: Browser, meeting: Meeting
) -> None:
    here, there = meeting.sites[0], meeting.sites[2]
    room = meeting.room()
    links = [link_for(meeting, meeting.token(who, room, name=who)) for who in ("Ada", "Bob")]
    try:
        with visitor(chromium, links[0]) as ada, visitor(other_chromium, links[1]) as bob:
            for page, site, rules in ((ada, here, SILENT), (bob, there, RESETTING)):
                plays(page.get_by_label("Your preview"))
                site.router.nft(rules)
                button(page, "Join").click()
            expect(path(tile(ada, "Ada (you)"))).to_have_text("Connecting…")
            for page in (ada, bob):
                expect(page.get_by_text("A firewall may be dropping them")).to_be_visible()
            for page in (ada, bob):
                title = page.get_by_role("heading", name="Nothing gets through")
                expect(title).to_be_visible(timeout=GIVEN_UP_MS)
                asked = page.get_by_role("listitem")
                expect(asked).to_have_count(3)
                for n, words in enumerate(
                    ("media ports (10000", "UDP, port 3478", "TCP, port 443")
                ):
                    expect(asked.nth(n)).to_contain_text(words)
                    expect(asked.nth(n)).to_contain_text("to meet.roomline.test")
            # A connection that is refused may also be one whose certificate is not trusted.
            expect(bob.get_by_text("the browser does not trust")).to_be_visible()
            expect(ada.get_by_text("certificate")).to_have_count(0)

            here.set_firewall(Firewall.OPEN)
            button(ada, "Try again").click()
            join(ada)
            expect(path(tile(ada, "Ada (you)"))).to_have_text(DIRECT)
    finally:
        for site in (here, there):
            site.set_firewall(Firewall.OPEN)
