"""Somebody who uses a page of ours with keyboard and eyes, in Chromium or in Firefox."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.sync_api import Browser

from netlab.bidi import Firefox
from netlab.namespaces import LabError

from support.people import Meeting

EYES = Path(__file__).with_name("eyes.js")
PATIENCE_S = 30.0
# WebDriver's names for keys that are no characters (W3C WebDriver, section 17.4.2).
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue006",
    "Escape": "\ue00c",
    "Shift": "\ue008",
    "Space": " ",
    "PageDown": "\ue00f",
    "ArrowDown": "\ue015",
}


class Visitor(ABC):
    """A page and what one can do with it and see in it, the same for every browser."""

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, awaited."""

    @abstractmethod
    def goto(self, url: str) -> None:
        """Open a page; `eyes` and whatever `before` gave run first in it."""

    @abstractmethod
    def before(self, script: str) -> None:
        """A script that runs before those of every page that is opened from now on."""

    @abstractmethod
    def press(self, *keys: str) -> None:
        """Press keys one after the other; "Shift+Tab" holds the first while pressing the second."""

    @abstractmethod
    def close(self) -> None:
        """Leave the page."""

    @abstractmethod
    def has(self, role: str, name: str) -> bool:
        """Whether the accessibility tree has a node of that role and name that can be seen."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def type(self, text: str) -> None:
        """Press the keys of a text."""
        self.press(*("Space" if each == " " else each for each in text))

    def until(self, condition: str) -> None:
        """Wait until an expression is true in the page."""
        deadline = time.monotonic() + PATIENCE_S
        # The page looks for a second itself, so that not every look costs a message.
        look = f"eyes.until(() => Boolean({condition}))"
        while not self.evaluate(look):
            if time.monotonic() > deadline:
                pytest.fail(f"never: {condition}\n{self.evaluate('eyes.all()')}")

    def reads(self, text: str) -> None:
        """Wait until a text can be seen."""
        self.until(f"eyes.reads({json.dumps(text)})")

    def hears(self, text: str) -> None:
        """Wait until a live region has told a text."""
        self.until(f"eyes.told.some((each) => each.includes({json.dumps(text)}))")

    def focused(self, name: str) -> None:
        """Wait until what has the focus has that name."""
        self.until(f"eyes.focused() === {json.dumps(name)}")

    def shows(self, role: str, name: str) -> None:
        """Wait for a node of the accessibility tree."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.has(role, name):
            if time.monotonic() > deadline:
                pytest.fail(f"no {role} {name!r}\n{self.evaluate('eyes.all()')}")

    def click(self, name: str) -> None:
        """Press a button by its name."""
        self.until(f"eyes.press({json.dumps(name)})")

    def tab_to(self, name: str) -> None:
        """Press Tab until what has the focus has that name."""
        passed = []
        for _ in range(60):
            passed.append(self.evaluate("eyes.focused()"))
            if passed[-1] == name:
                return
            self.press("Tab")
        pytest.fail(f"Tab never comes to {name!r}, but to {passed}")


class ChromiumVisitor(Visitor):
    """A context of its own in a running Chromium."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self._context = browser.new_context(**options)
        self.page = self._context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.set_default_timeout(PATIENCE_S * 1000)
        self.before(EYES.read_text())

    def evaluate(self, expression: str) -> Any:
        """See Visitor."""
        return self.page.evaluate(expression)

    def goto(self, url: str) -> None:
        """See Visitor."""
        # Between two addresses that differ in their fragment alone nothing would be loaded.
        self.page.goto("about:blank")
        self.page.goto(url)

    def before(self, script: str) -> None:
        """See Visitor."""
        self.page.add_init_script(script)

    def press(self, *keys: str) -> None:
        """See Visitor."""
        for key in keys:
            self.page.keyboard.press(key)

    def has(self, role: str, name: str) -> bool:
        """See Visitor."""
        where: Any = self.page
        return bool(where.get_by_role(role, name=name, exact=True).count())

    def close(self) -> None:
        """See Visitor."""
        self._context.close()
        assert not self.errors, self.errors


class FirefoxVisitor(Visitor):
    """The page of a running Firefox, as a new visitor finds it."""

    def __init__(self, firefox: Firefox) -> None:
        self._firefox = firefox
        self._scripts: list[str] = []
        self.before(EYES.read_text())

    def evaluate(self, expression: str) -> Any:
        """See Visitor."""
        return self._firefox.evaluate(expression)

    def goto(self, url: str) -> None:
        """See Visitor."""
        self._firefox.goto("about:blank")
        self._firefox.goto(url)
        if self.evaluate("localStorage.length"):
            self.evaluate("localStorage.clear()")
            self._firefox.goto("about:blank")
            self._firefox.goto(url)

    def before(self, script: str) -> None:
        """See Visitor."""
        added = self._firefox.command(
            "script.addPreloadScript", {"functionDeclaration": f"() => {{ {script}\n }}"}
        )
        self._scripts.append(added["script"])

    def press(self, *keys: str) -> None:
        """See Visitor."""
        actions: list[dict[str, str]] = []
        for key in keys:
            held = [KEYS.get(each, each) for each in (key.split("+") if len(key) > 1 else [key])]
            actions += [{"type": "keyDown", "value": each} for each in held]
            actions += [{"type": "keyUp", "value": each} for each in reversed(held)]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self._firefox.command(
            "input.performActions", {"context": self._firefox.page.context, "actions": [source]}
        )

    def has(self, role: str, name: str) -> bool:
        """See Visitor."""
        locator = {"type": "accessibility", "value": {"role": role, "name": name}}
        found = self._firefox.command(
            "browsingContext.locateNodes",
            {"context": self._firefox.page.context, "locator": locator},
        )
        return bool(found["nodes"])

    def close(self) -> None:
        """See Visitor."""
        try:
            problems = self.evaluate("eyes.problems")
        except LabError:
            problems = []
        for script in self._scripts:
            self._firefox.command("script.removePreloadScript", {"script": script})
        self._firefox.goto("about:blank")
        assert not problems, problems


def visit(visitor: Visitor, meeting: Meeting, room: str, name: str) -> None:
    """Open a personal link, and wait for the preview."""
    token = meeting.token(name.lower(), room, name=name)
    visitor.goto(f"{meeting.server.url}/meet/{room}#token={token}")
    visitor.until("document.querySelector('#preview-video').videoWidth > 0")


def join(visitor: Visitor, meeting: Meeting, room: str, name: str) -> None:
    """Open a personal link, and join."""
    visit(visitor, meeting, room, name)
    visitor.click("Join")
    visitor.until(f"eyes.plays('{name} (you)')")
