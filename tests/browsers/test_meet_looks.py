"""How the meet page looks: on a phone, in both colour schemes, with several devices. In Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright

from netlab.browser import launch

from support.people import Meeting
from support.visitors import ChromiumVisitor, join, visit

LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, level AA."""
SMALLEST_CONTROL = 40
# What is out of the window, lies under something else, or is too small for a finger.
LAYOUT = """
((wanted, least) => {
  const box = (element) => element.getBoundingClientRect();
  const describe = (element) => {
    const { left, top, width, height } = box(element);
    return [element.id || element.className, left, top, width, height].join(" ");
  };
  const isInside = (element) => {
    const { left, top, right, bottom } = box(element);
    return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
  };
  const isReached = (element) => {
    const { left, top, width, height } = box(element);
    return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
  };
  const isSmall = (element) => box(element).width < least || box(element).height < least;
  const all = [...document.querySelectorAll(wanted)].filter((each) => each.checkVisibility());
  return {
    window: [innerWidth, innerHeight],
    page: [document.documentElement.scrollWidth, document.documentElement.scrollHeight],
    seen: all.length,
    outside: all.filter((each) => !isInside(each)).map(describe),
    covered: all.filter((each) => !isReached(each)).map(describe),
    small: all.filter((each) => each.matches("button") && isSmall(each)).map(describe),
  };
})
"""
# Contrast by WCAG 2.2 of every text and control that can be seen, but for those over pictures.
CONTRASTS = """
(() => {
  const numbers = (color) => {
    const found = /^rgba?\\((\\d+), (\\d+), (\\d+)(?:, ([\\d.]+))?\\)$/.exec(color);
    if (!found) throw new Error(`not read: ${color}`);
    return found.slice(1).map((each) => Number(each ?? 1));
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const [red, green, blue, alpha] = numbers(getComputedStyle(each).backgroundColor);
      if (alpha === 1) return [red, green, blue];
      if (alpha !== 0) throw new Error(`half transparent: ${each.outerHTML}`);
    }
    throw new Error("no ground");
  };
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const ratio = (element) => {
    const text = luminance(numbers(getComputedStyle(element).color));
    const behind = luminance(ground(element));
    return (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
  };
  const controls = "button, input:not([type=checkbox]), select, textarea";
  const hasText = (element) => [...element.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
  return [...document.body.querySelectorAll("*")]
    .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest(".tile, .avatar, option, .unseen"))
    .filter((each) => each.matches(controls) || hasText(each))
    .map((each) => [eyes.name(each) || each.value, ratio(each)]);
})()
"""
COLOURS = """
[document.body, document.querySelector("#mic"), document.querySelector("#settings-dialog")]
    .map(getComputedStyle).map(({ color, backgroundColor }) => [color, backgroundColor])
"""

LISTS = {"Microphone": "audio", "Camera": "video"}
# Every track that the page gets from a microphone or a camera.
TAKEN = """
globalThis.taken = { audio: [], video: [] };
const ask = (wanted) => MediaDevices.prototype.getUserMedia.call(navigator.mediaDevices, wanted);
if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await ask(wanted);
  for (const track of stream.getTracks()) taken[track.kind].push({ track, id: track.getSettings().deviceId });
  return stream;
};
"""
LIST = "[...document.querySelectorAll('select')].find((each) => eyes.name(each) === '%s')"
SHOWN = f"{LIST}.value"
OPTIONS = f"[...{LIST}.options].map((each) => each.value)"
CAMERA = "document.querySelector('#preview-video').srcObject.getVideoTracks()[0]"
LOUD = "Number(document.querySelector('#%s').style.getPropertyValue('--level')) > 0.05"


@pytest.fixture
def room(meeting: Meeting) -> str:
    """One that no other test uses."""
    return meeting.room()


@pytest.fixture(params=[(390, 844), (320, 640)], ids=lambda size: f"{size[0]}x{size[1]}")
def phone(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[ChromiumVisitor]:
    """Held upright; the second is as narrow as WCAG 2.2, 1.4.10 has it."""
    width, height = request.param
    with ChromiumVisitor(
        chromium,
        locale="en-GB",
        viewport={"width": width, "height": height},
        has_touch=True,
        is_mobile=True,
    ) as made:
        yield made


@pytest.fixture
def bob(other_chromium: Browser, meeting: Meeting, room: str) -> Iterator[ChromiumVisitor]:
    """Somebody else, in the room."""
    with ChromiumVisitor(other_chromium, locale="en-GB") as made:
        join(made, meeting, room, "Bob")
        yield made


def fits(phone: ChromiumVisitor, wanted: str, count: int) -> None:
    """So many of those are seen, all where an eye and a finger reach them."""
    # Tiles glide to their place.
    phone.until("document.getAnimations().length === 0")
    size = phone.page.viewport_size
    assert size
    window = [size["width"], size["height"]]
    assert phone.evaluate(f"{LAYOUT}({json.dumps(wanted)}, {SMALLEST_CONTROL})") == {
        "window": window,
        "page": window,
        "seen": count,
        "outside": [],
        "covered": [],
        "small": [],
    }


def test_two_people_fit_on_a_phone(
    phone: ChromiumVisitor, bob: ChromiumVisitor, meeting: Meeting, room: str
) -> None:
    visit(phone, meeting, room, "Ada")
    wide = "document.documentElement.scrollWidth - innerWidth"
    assert phone.evaluate(wide) == 0
    phone.page.get_by_role("button", name="Join", exact=True).tap()
    for name in ("Ada (you)", "Bob"):
        phone.until(f"eyes.plays('{name}')")
    bob.until("eyes.plays('Ada')")
    fits(phone, ".controls button, .bar button, .bar h1, .bar p, article, article .caption", 14)
    fits(phone, ".controls button, article .pin", 7)
    # Oneself in the corner of the other one.
    assert phone.evaluate("eyes.width('Bob') / innerWidth") > 0.9
    assert 0.2 < phone.evaluate("eyes.width('Ada (you)') / innerWidth") < 0.5
    for name in ("Chat", "Participants (2)"):
        phone.page.get_by_role("button", name=name, exact=True).tap()
        phone.shows("complementary", name.removesuffix(" (2)"))
        fits(phone, ".controls button, .panel, .panel header *:is(h2, button)", 9)
        phone.page.get_by_role("button", name="Close", exact=True).tap()
    phone.page.get_by_role("button", name="Leave", exact=True).tap()
    phone.reads("You have left the call")
    assert phone.evaluate(wide) == 0


def test_both_colour_schemes_can_be_read(
    chromium: Browser, bob: ChromiumVisitor, meeting: Meeting, room: str
) -> None:
    light, dark = (seen_in(scheme, chromium, meeting, room) for scheme in ("light", "dark"))
    for pair in zip(light, dark, strict=True):
        for by_day, by_night in zip(*pair, strict=True):
            assert by_day != by_night
    bob.hears("Ada left")


def seen_in(scheme: str, chromium: Browser, meeting: Meeting, room: str) -> Any:
    """Visit every screen in a colour scheme, and look whether its words can be read. Colours."""
    with ChromiumVisitor(chromium, locale="en-GB", color_scheme=scheme) as ada:
        visit(ada, meeting, room, "Ada")
        readable(ada, "Join", "Your name", "Microphone", "Roomline", "Language")
        ada.click("Join")
        ada.until("eyes.plays('Bob')")
        controls = ("Turn camera off", "Raise your hand", "Settings", "Leave", "Chat")
        readable(ada, *controls, "Turn microphone off", "2 people")
        ada.click("Turn microphone off")
        ada.click("Raise your hand")
        readable(ada, "Turn microphone on", "Lower your hand")
        ada.click("Participants (2)")
        readable(ada, "Participants", "Close")
        ada.click("Chat")
        ada.type("hello https://example.org")
        ada.press("Enter")
        ada.reads("Delivered")
        readable(ada, "hello https://example.org", "Delivered", "Send")
        ada.click("Settings")
        readable(ada, "Settings", "Camera", "Keyboard shortcuts")
        colours = ada.evaluate(COLOURS)
        ada.press("Escape")
        ada.click("Leave")
        ada.reads("You have left the call")
        readable(ada, "You have left the call", "Join again")
    return colours


def readable(visitor: ChromiumVisitor, *names: str) -> None:
    """Every text that is seen stands out from its ground; these are among them."""
    for name in names:
        visitor.until(f"{CONTRASTS}.some(([each]) => each === {json.dumps(name)})")
    contrasts = visitor.evaluate(CONTRASTS)
    assert [each for each in contrasts if each[1] < LEAST_CONTRAST] == []


# Firefox's sound does not run without a sound card, so its meter can't be seen here.
def test_the_level_follows_the_microphone(chromium: Browser, meeting: Meeting, room: str) -> None:
    preview, settings = LOUD % "preview-level", LOUD % "settings-level"
    with ChromiumVisitor(chromium, locale="en-GB") as ada:
        visit(ada, meeting, room, "Ada")
        for _ in range(2):
            # A beep comes every half second, with silence between.
            for level in (preview, f"!({preview})", preview):
                ada.until(level)
            ada.click("Turn microphone off")
            ada.until(f"!({preview})")
            assert not ada.evaluate(f"eyes.until(() => {preview})")
            ada.click("Turn microphone on")
        ada.click("Join")
        ada.click("Settings")
        for level in (settings, f"!({settings})", settings):
            ada.until(level)


@pytest.fixture
def equipped(playwright: Playwright, meeting: Meeting) -> Iterator[ChromiumVisitor]:
    """With three microphones and three cameras; the second camera measures depth, though."""
    several = "--use-fake-device-for-media-stream=device-count=3"
    browser = launch(playwright, meeting.hosts[0], meeting.server.ca, flags=(several,))
    with ChromiumVisitor(browser, locale="en-GB") as made:
        made.before(TAKEN)
        yield made
    browser.close()


def test_another_device_is_taken_and_remembered(
    equipped: ChromiumVisitor, meeting: Meeting, room: str, bob: ChromiumVisitor
) -> None:
    visit(equipped, meeting, room, "Ada")
    chosen = {}
    for label, kind in LISTS.items():
        choice = equipped.page.get_by_label(label, exact=True)
        first, *_, last = equipped.evaluate(OPTIONS % label)
        assert equipped.evaluate(f"taken.{kind}.map((each) => each.id)") == [first]
        choice.select_option(last)
        equipped.until(f"taken.{kind}.length === 2")
        equipped.until(f"taken.{kind}[0].track.readyState === 'ended'")
        assert equipped.evaluate(f"taken.{kind}[1].id") == last != first
        equipped.until(f"{SHOWN % label} === {json.dumps(last)}")
        chosen[kind] = last
    assert equipped.evaluate(f"{CAMERA} === taken.video[1].track")
    assert equipped.evaluate("taken.video[1].track.readyState") == "live"
    equipped.until(LOUD % "preview-level")

    visit(equipped, meeting, room, "Ada")
    for label, kind in LISTS.items():
        assert equipped.evaluate(f"taken.{kind}.map((each) => each.id)") == [chosen[kind]]
        equipped.until(f"{SHOWN % label} === {json.dumps(chosen[kind])}")
    equipped.click("Join")
    bob.until("eyes.plays('Ada')")
