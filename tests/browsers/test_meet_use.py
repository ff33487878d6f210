"""The meet page in use, in Chromium and in Firefox alike: by keyboard, chat, hands, screens, trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from netlab.bidi import Firefox
from netlab.firewall import Firewall
from netlab.topology import Site

from support.people import Meeting
from support.visitors import ChromiumVisitor, FirefoxVisitor, Visitor, join, visit

MOST_BYTES = 60_000
ADAS_SCREEN = "Ada\N{RIGHT SINGLE QUOTATION MARK}s screen"
LOADED = """
[performance.getEntriesByType("navigation"), performance.getEntriesByType("resource")].flat()
    .filter(({ name }) => !name.includes("favicon"))
    .reduce((sum, each) => sum + each.encodedBodySize, 0)
"""
# A screen as the browser gives one; there is none in a namespace without a display.
SCREEN = """
if (navigator.mediaDevices) navigator.mediaDevices.getDisplayMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const drawing = canvas.getContext("2d");
  setInterval(() => drawing.fillRect(0, 0, Math.random() * 640, 480), 40);
  globalThis.screenTrack = canvas.captureStream(25).getVideoTracks()[0];
  return new MediaStream([globalThis.screenTrack]);
};
"""
# The browser's own bar ends a screen share, and a plug that is pulled a microphone, in the same way.
# Firefox does not pass on such an event that a script has made, so the listeners are called.
LISTENERS = """
MediaStreamTrack.prototype.addEventListener = function (type, listener, options) {
  if (type === "ended") (this.ears ??= []).push(listener);
  return EventTarget.prototype.addEventListener.call(this, type, listener, options);
};
"""
ENDED = "({0}.stop(), {0}.ears.forEach((ear) => ear(new Event('ended'))), true)"
BLOCKED = """
const play = HTMLAudioElement.prototype.play;
globalThis.touched = false;
addEventListener("click", ({ target }) => (touched ||= target.id === "banner-action"), true);
HTMLMediaElement.prototype.play = function () {
  if (this instanceof HTMLVideoElement || touched) return play.call(this);
  return Promise.reject(new DOMException("", "NotAllowedError"));
};
"""
DEVICES = """
const ask = (wanted) => MediaDevices.prototype.getUserMedia.call(navigator.mediaDevices, wanted);
globalThis.captured = [];
globalThis.refused = [];
if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async (wanted) => {
  if (globalThis.unplugged) throw new DOMException("", "NotFoundError");
  const stream = await ask(wanted).catch((error) => {
    refused.push(wanted.audio.deviceId.exact);
    throw error;
  });
  captured.push(...stream.getAudioTracks());
  return stream;
};
"""
PATH_NOW = "Your connection is now: Direct \N{MIDDLE DOT} UDP"
TOLD_PATH = f"""
[...document.querySelectorAll("p")].filter((each) => each.innerText.startsWith({PATH_NOW!r}))
    .map((each) => each.parentElement).map((each) => ({{
      role: each.closest("[role]").getAttribute("role"),
      buttons: each.querySelectorAll("button").length,
    }}))
"""
INTERRUPTING = """
[...document.querySelectorAll("[role=alert], [role=alertdialog], dialog, #banner")]
    .filter((each) => each.checkVisibility()).map((each) => each.outerHTML)
"""
GONE = """
if (location.protocol === "https:") {
  for (const kind of ["audioinput", "videoinput"]) localStorage[`roomline.${kind}`] = "gone";
}
"""
NO_HTTPS = """
table inet firewall
delete table inet firewall
table inet firewall {
    chain forward {
        type filter hook forward priority filter;
        tcp dport 443 drop
        tcp sport 443 drop
    }
}
"""


@pytest.fixture(params=["chromium", "firefox"])
def visitor(
    request: pytest.FixtureRequest, chromium: Browser, firefox: Firefox
) -> Iterator[Visitor]:
    """The one whose page is tested."""
    made: Visitor = (
        ChromiumVisitor(chromium, locale="en-GB")
        if request.param == "chromium"
        else FirefoxVisitor(firefox)
    )
    with made:
        yield made


@pytest.fixture
def site(visitor: Visitor, meeting: Meeting) -> Site:
    """The network of that one."""
    return meeting.sites[0 if isinstance(visitor, ChromiumVisitor) else 1]


Enter = Callable[[str], Visitor]


@pytest.fixture
def others(other_chromium: Browser, meeting: Meeting, room: str) -> Iterator[Enter]:
    """Somebody else comes into the room, as often as it is called."""
    here: list[Visitor] = []

    def enter(name: str) -> Visitor:
        other = ChromiumVisitor(other_chromium, locale="en-GB")
        here.append(other)
        join(other, meeting, room, name)
        return other

    yield enter
    for each in here:
        each.close()


@pytest.fixture
def room(meeting: Meeting) -> str:
    """One that no other test uses."""
    return meeting.room()


def test_a_whole_call_by_keyboard_alone(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    bob = others("Bob")
    visitor.goto(f"{meeting.server.url}/meet/{room}#token={meeting.token('kay', room)}")
    visitor.focused("Your name")
    visitor.type("Kay")
    visitor.tab_to("Join")
    visitor.press("Enter")
    visitor.focused("Turn microphone off")
    visitor.until("eyes.plays('Bob')")
    bob.until("eyes.plays('Kay')")

    visitor.press("Space")
    visitor.focused("Turn microphone on")
    bob.until("eyes.name(eyes.tile('Kay').querySelector('[role=img]')) === 'Microphone is off'")
    visitor.press("m")
    visitor.focused("Turn microphone off")

    visitor.press("c")
    visitor.focused("Message")
    visitor.type("chip m")
    visitor.press("Enter")
    bob.reads("Kay in the chat: chip m")
    visitor.reads("Delivered")
    visitor.press("Escape")
    visitor.focused("Chat")

    visitor.press("p")
    visitor.focused("Participants")
    visitor.reads("The shortest way")
    visitor.press("Escape")
    visitor.focused("Participants (2)")

    visitor.press("?")
    visitor.focused("Close")
    visitor.reads("Raise or lower the hand")
    visitor.press("m")
    assert visitor.evaluate("eyes.name(document.querySelector('#mic'))") == "Turn microphone off"
    visitor.press("Escape")
    visitor.focused("Participants (2)")

    visitor.tab_to("Settings")
    visitor.press("Enter")
    visitor.until("document.querySelector('#settings-dialog').open")
    visitor.press("Escape")
    visitor.focused("Settings")
    visitor.tab_to("Leave")
    visitor.press("Enter")
    visitor.focused("Join again")
    bob.hears("Kay left")


def test_chat_says_to_how_many_it_was_delivered(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    join(visitor, meeting, room, "Ada")
    bob = others("Bob")
    visitor.until("eyes.tile('Bob')")
    visitor.press("c")
    visitor.type("hello")
    visitor.press("Enter")
    visitor.until("document.querySelector('#chat-log .state').textContent === 'Delivered'")

    cleo = others("Cleo")
    visitor.until("eyes.tile('Cleo')")
    # Whose page does not answer does not count.
    cleo.evaluate("RTCDataChannel.prototype.send = () => undefined")
    visitor.type("all here")
    visitor.press("Enter")
    visitor.reads("Delivered to 1 of 2")
    cleo.reads("Ada in the chat: all here")
    cleo.click("Chat, 1 new message")
    cleo.reads("You see what is written from now on")
    assert "hello" not in cleo.evaluate("document.querySelector('#chat-log').innerText")

    bob.click("Chat, 2 new messages")
    bob.type("https://example.org/a. <b>")
    bob.press("Enter")
    visitor.reads("<b>")
    assert visitor.evaluate("document.querySelector('#chat-log a').href") == "https://example.org/a"


def test_a_raised_hand_is_seen_by_those_who_come_later_too(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    bob = others("Bob")
    join(visitor, meeting, room, "Ada")
    visitor.click("Raise your hand")
    bob.hears("Ada raised a hand")
    hand = "eyes.tile('Ada')?.querySelector('.hand').checkVisibility()"
    bob.until(hand)
    visitor.hears("Your hand is up")
    cleo = others("Cleo")
    cleo.until(hand)
    visitor.press("h")
    for each in (bob, cleo):
        each.until(f"!{hand}")
        each.hears("Ada lowered the hand")


def test_a_screen_is_shared_and_ended_by_the_browsers_own_bar(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    bob = others("Bob")
    visitor.before(LISTENERS + SCREEN)
    join(visitor, meeting, room, "Ada")
    for end in ("document.querySelector('#screen').click()", ENDED.format("screenTrack")):
        visitor.click("Share your screen")
        visitor.shows("button", "Stop sharing your screen")
        bob.until(f"eyes.plays('{ADAS_SCREEN}')")
        bob.until(f"eyes.width('{ADAS_SCREEN}') > 2 * eyes.width('Ada')")
        visitor.evaluate(end)
        visitor.hears("You stopped sharing your screen")
        visitor.shows("button", "Share your screen")
        bob.until(f"!eyes.tile('{ADAS_SCREEN}')")
        bob.until("eyes.width('Ada') === eyes.width('Bob (you)')")


def test_whoever_speaks_is_shown_and_large(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    join(visitor, meeting, room, "Ada")
    others("Bob").press("m")
    others("Cleo")
    visitor.until("eyes.plays('Cleo')")
    visitor.until("eyes.tile('Cleo').classList.contains('speaking')")
    visitor.click("Show one large")
    visitor.until("eyes.width('Cleo') > 2 * eyes.width('Bob')")
    visitor.click("Pin Bob")
    visitor.until("eyes.width('Bob') > 2 * eyes.width('Cleo')")
    visitor.click("Unpin Bob")
    visitor.until("eyes.width('Cleo') > 2 * eyes.width('Bob')")
    visitor.click("Show all alike")
    visitor.until("eyes.width('Cleo') === eyes.width('Bob')")


def test_another_language_is_spoken_at_once_and_kept(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    visit(visitor, meeting, room, "Ada")
    visitor.evaluate(
        "((list) => { list.value = 'de'; list.dispatchEvent(new Event('change')); })"
        "(document.querySelector('.languages'))"
    )
    visitor.reads("Gleich geht es in den Raum")
    assert visitor.evaluate("document.documentElement.lang") == "de"
    visitor.click("Teilnehmen")
    visitor.reads("Noch ist niemand sonst hier")
    visitor.reads("Andere brauchen einen eigenen Link")
    others("Bob")
    visitor.until("eyes.tile('Ada (Sie)') && eyes.tile('Bob')")
    visitor.reads("2 Personen")
    visitor.hears("Bob ist gekommen")
    visitor.reads("Direkt · UDP")
    visitor.shows("button", "Teilnehmende (2)")
    visitor.click("Verlassen")
    visitor.reads("Sie haben das Gespräch verlassen")


def test_the_browsers_language_is_spoken(chromium: Browser, meeting: Meeting) -> None:
    with ChromiumVisitor(chromium, locale="de-AT") as visitor:
        visitor.goto(f"{meeting.server.url}/meet/demo")
        visitor.reads("Dieser Link ist nicht vollständig")


def test_every_control_has_a_name(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    visit(visitor, meeting, room, "Ada")
    for role, name in (("textbox", "Your name"), ("combobox", "Camera"), ("combobox", "Language")):
        visitor.shows(role, name)
    assert visitor.evaluate("eyes.nameless()") == []
    visitor.click("Join")
    others("Bob")
    visitor.until("eyes.tile('Bob')")
    buttons = ("Turn microphone off", "Turn camera off", "Raise your hand", "Settings", "Leave")
    for name in (*buttons, "Show one large", "Participants (2)", "Chat", "Pin Bob"):
        visitor.shows("button", name)
    visitor.shows("article", "Bob")
    visitor.shows("region", "Participants")
    for button in ("Participants (2)", "Chat", "Settings"):
        visitor.click(button)
        assert visitor.evaluate("eyes.nameless()") == []
    visitor.shows("dialog", "Settings")
    if isinstance(visitor, ChromiumVisitor):
        assert nameless_nodes(visitor) == []


def nameless_nodes(visitor: ChromiumVisitor) -> list[str]:
    """Roles of controls in Chromium's accessibility tree that have no name."""
    tree = visitor.page.context.new_cdp_session(visitor.page).send("Accessibility.getFullAXTree")
    controls = {"button", "textbox", "combobox", "checkbox", "link", "dialog", "article", "image"}
    return [
        node["role"]["value"]
        for node in tree["nodes"]
        if not node["ignored"]
        and node["role"]["value"] in controls
        and not node.get("name", {}).get("value")
    ]


def test_a_lost_server_is_told_and_so_is_its_return(
    visitor: Visitor, meeting: Meeting, room: str, site: Site
) -> None:
    join(visitor, meeting, room, "Ada")
    visitor.until("eyes.reads('Direct · UDP')")
    try:
        site.router.nft(NO_HTTPS)
        visitor.evaluate("dispatchEvent(new Event('offline'))")
        visitor.reads("The server is out of reach, trying again.")
    finally:
        site.set_firewall(Firewall.OPEN)
    visitor.hears("Connected again after")
    visitor.until("!eyes.reads('The server is out of reach')")


def test_sound_that_the_browser_holds_back_is_offered(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    visitor.before(BLOCKED)
    others("Bob")
    join(visitor, meeting, room, "Ada")
    visitor.reads("The browser holds the sound back until you touch the page.")
    visitor.click("Turn sound on")
    visitor.until("!eyes.reads('holds the sound back')")


def test_a_microphone_that_is_pulled_out_is_replaced_or_missed(
    visitor: Visitor, meeting: Meeting, room: str, others: Enter
) -> None:
    visitor.before(LISTENERS + DEVICES)
    bob = others("Bob")
    join(visitor, meeting, room, "Ada")
    muted = "eyes.tile('Ada').querySelector('.caption svg').checkVisibility()"
    visitor.evaluate(ENDED.format("captured.at(-1)"))
    visitor.hears("is used instead")
    assert visitor.evaluate("captured.length") == 2
    bob.until(f"!{muted}")
    visitor.evaluate("globalThis.unplugged = true")
    visitor.evaluate(ENDED.format("captured.at(-1)"))
    visitor.hears("so nobody hears you")
    bob.until(muted)
    visitor.click("Turn microphone on")
    visitor.hears("No microphone was found. Plug one in and try again.")
    visitor.evaluate("globalThis.unplugged = false")
    visitor.click("Turn microphone on")
    bob.until(f"!{muted}")


def test_chosen_devices_that_are_gone_are_replaced(
    visitor: Visitor, meeting: Meeting, room: str
) -> None:
    visitor.before(GONE + DEVICES)
    visit(visitor, meeting, room, "Ada")
    visitor.shows("button", "Turn microphone off")
    assert visitor.evaluate("captured.length") == 1
    assert visitor.evaluate("refused") == ["gone"]
    assert not visitor.evaluate("document.querySelector('#device-notice').checkVisibility()")


def test_a_better_path_is_told_quietly(
    visitor: Visitor, meeting: Meeting, room: str, site: Site
) -> None:
    site.set_firewall(Firewall.NO_UDP)
    try:
        join(visitor, meeting, room, "Ada")
        visitor.until("eyes.reads('Relay over TLS 443')")
        visitor.focused("Turn microphone off")
        site.set_firewall(Firewall.OPEN)
        visitor.evaluate("dispatchEvent(new Event('online'))")
        visitor.until(f"eyes.reads('{PATH_NOW}')")
        (toast,) = visitor.evaluate(TOLD_PATH)
        assert toast == {"role": "status", "buttons": 0}
        assert visitor.evaluate(INTERRUPTING) == []
        visitor.focused("Turn microphone off")
        # It goes by itself, and was told once.
        visitor.until(f"!eyes.reads('{PATH_NOW}')")
        told = visitor.evaluate("eyes.told")
        assert [each.startswith(PATH_NOW) for each in told].count(True) == 1, told
    finally:
        site.set_firewall(Firewall.OPEN)


def test_the_page_is_small_on_the_wire(visitor: Visitor, meeting: Meeting) -> None:
    visitor.goto(f"{meeting.server.url}/meet/demo")
    visitor.reads("This link is not complete")
    loaded = visitor.evaluate(LOADED)
    assert 10_000 < loaded < MOST_BYTES
