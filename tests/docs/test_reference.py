"""The reference pages name what the code has: metrics, drops, routes, names, commands, errors."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

import roomline
from netlab.moves import MOVES
from netlab.scenarios import SCENARIOS
from roomline import _engine, errors
from roomline.api.metrics import LABELS, counters, gauges
from roomline.engine.facade import Sample
from roomline.signaling import core, json_dialect

from support.example import serving

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def first_cells(page: str, heading: str = "", end: str = "\n## ") -> set[str]:
    """What stands in code marks in the first cells of a page's tables, or of one section of it."""
    text = read(page)
    if heading:
        text = text.partition(f"{heading}\n")[2].partition(end)[0]
    cells = re.findall(r"^\| ([^|]+)\|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Sample], list[Sample]]:
    """Counters and gauges of a running server."""

    async def look() -> tuple[list[Sample], list[Sample]]:
        async with serving(tmp_path_factory.mktemp("state")) as server:
            owners = names(server.engine.counters()) & counted_by_python()
            assert not owners, "counted by the engine and by the core"
            assert not names(server.engine.gauges()) & names(server.hub.core.gauges())
            return counters(server.hub), gauges(server.hub)

    return asyncio.run(look())


def names(samples: list[Sample]) -> set[str]:
    return {name for name, _, _ in samples}


def counts_of_python() -> list[ast.Call]:
    """Every call of `count("…")`."""
    return [
        node
        for file in (ROOT / "python/roomline").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "count"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


def counted_by_python(with_label: bool = False) -> set[str]:
    """The names in these calls; only of those that give a label, if wanted."""
    return {
        str(ast.literal_eval(call.args[0]))
        for call in counts_of_python()
        if not with_label or len(call.args) > 1
    }


def test_every_metric_is_described(figures: tuple[list[Sample], list[Sample]]) -> None:
    totals, levels = figures
    shown = {f"roomline_{name}_total" for name in names(totals) | counted_by_python()}
    shown |= {f"roomline_{name}" for name in names(levels)} | {"roomline_move_gap_seconds"}
    assert first_cells("reference/metrics.md") == shown


def test_every_figure_has_one_source(figures: tuple[list[Sample], list[Sample]]) -> None:
    for samples in figures:
        series = [(name, label) for name, label, _ in samples]
        assert len(series) == len(set(series))
        labelled = {name for name, label in series if label}
        assert [name for name, label in series if not label and name in labelled] == []


def test_labels_are_named_as_they_are(figures: tuple[list[Sample], list[Sample]]) -> None:
    rows = re.findall(
        r"^\| `roomline_(\w+)` \| (.*?) \|", read("reference/metrics.md"), re.MULTILINE
    )
    written = {name: tuple(re.findall(r"`(\w+)`", label)) for name, label in rows}
    totals, levels = figures
    labelled = {f"{name}_total" for name in counted_by_python(with_label=True)}
    labelled |= {f"{name}_total" for name, label, _ in totals if label}
    labelled |= {name for name, label, _ in levels if label}
    assert {name for name, label in written.items() if label} == labelled
    for name in labelled:
        assert written[name] == LABELS.get(name.removesuffix("_total"), ("kind",)), name
    assert LABELS.keys() <= {name.removesuffix("_total") for name in labelled}


def test_every_reason_of_a_drop_is_explained(figures: tuple[list[Sample], list[Sample]]) -> None:
    reasons = {label for name, label, _ in figures[0] if name == "drops"}
    assert first_cells("how-to/monitor.md", "## Drops") == reasons
    forwarding = {reason for reason in reasons if reason.startswith("rtp-")}
    assert first_cells("how-to/monitor.md", "### In forwarding", "\n##") == forwarding
    assert len(forwarding) > 10


def test_every_route_is_described(tmp_path: Path) -> None:
    async def routes() -> set[str]:
        async with serving(tmp_path) as server:
            found = set()
            pending = list(server.app.routes)
            while pending:
                route = pending.pop()
                if isinstance(route, APIRoute):
                    found |= {f"{method} {route.path}" for method in route.methods}
                original = getattr(route, "original_router", None)
                if original is not None:
                    pending += original.routes
            return found

    written = {
        line.partition("?")[0].replace("{name:path}", "{name}")
        for line in first_cells("reference/rest.md")
        if re.match(r"(GET|PUT|DELETE|POST) ", line)
    }
    real = {route.replace("{name:path}", "{name}") for route in asyncio.run(routes())}
    assert written == real | {"GET /v1/openapi.json"}


def test_every_public_name_is_described() -> None:
    page = read("reference/python.md")
    assert [name for name in roomline.__all__ if f"`{name}" not in page] == []


@pytest.mark.parametrize(("base", "heading"), [("Command", "## Commands"), ("Event", "## Events")])
def test_every_command_and_event_is_described(base: str, heading: str) -> None:
    parent = getattr(_engine, base)
    names = {name for name in vars(parent) if name[:1].isupper()}
    assert first_cells("reference/engine.md", heading) == names


def test_every_error_code_is_described_as_it_is() -> None:
    text = read("reference/signaling.md").partition("## Error codes\n")[2]
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| (yes|no|at join)\b.*\|$", text, re.MULTILINE)
    fatal = {(True, True): "yes", (False, True): "at join", (False, False): "no"}
    real = {
        code: fatal[cls.fatal, cls.fatal_at_join] for code, cls in errors.SIGNALING_ERRORS.items()
    }
    assert dict(rows) == real


def test_http_statuses_are_those_of_the_errors() -> None:
    text = read("reference/rest.md").partition("## Errors\n")[2]
    for status, codes in re.findall(r"^\| (\d+) \| (.*) \|$", text, re.MULTILINE):
        for code in re.findall(r"`([a-z-]+)`", codes):
            assert errors.SIGNALING_ERRORS[code].http_status == int(status)


def test_every_row_of_the_lab_is_described_as_it_is() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| [^|]* \| ([^|]*) \| ([\d.]+) s \| ([^|]*) \|$",
        read("concepts/lab.md"),
        re.MULTILINE,
    )
    written = {
        name: (frozenset(re.findall(r"`([^`]+)`", tiers)), float(seconds) * 1000, added)
        for name, tiers, seconds, added in rows
    }
    real = {
        s.name: (
            s.tiers,
            s.first_frame_ms,
            "reported" if s.added_latency_ms is None else f"under {s.added_latency_ms:.0f} ms",
        )
        for s in SCENARIOS
    }
    assert written == real


def test_every_change_of_the_lab_is_described() -> None:
    text = read("concepts/lab.md").partition("## Rows in which the network changes")[2]
    names = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    written = [name for cell in names for name in re.findall(r"`([\w-]+)`", cell)]
    assert written == [step.name for move in MOVES for step in move.steps]


def test_every_close_code_is_described() -> None:
    text = read("reference/signaling.md").partition("## Close codes\n")[2].partition("\n## ")[0]
    real = {
        value
        for module in (core, json_dialect)
        for name, value in vars(module).items()
        if name.startswith("CLOSE_")
    }
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == real
