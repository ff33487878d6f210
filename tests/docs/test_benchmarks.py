"""The page of results says what the committed results say."""

from __future__ import annotations

from bench import page
from bench.results import sheets


def test_the_page_is_what_the_results_say() -> None:
    assert page.differences(sheets()) == [], "run: python -m bench page"
