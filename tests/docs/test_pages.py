"""Links lead somewhere, code blocks are code, commands have the flags they are given."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main

from roomline.api.hook_runner import MAX_THREADS
from roomline.cli.main import app
from roomline.config import load

ROOT = Path(__file__).parents[2]
LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()
PAGES = [page for page in LISTED if not page.startswith("vendor/") and (ROOT / page).exists()]
OURS = [page for page in PAGES if page.startswith(("docs/", "examples/", "README"))]


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """A page without its code."""
    return re.sub(
        r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives headings."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(read(page))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file.read_text(encoding="utf-8")), target


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.startswith("docs/") and p != "docs/README.md"]
)
def test_every_page_is_in_the_index(page: str) -> None:
    assert f"({page.removeprefix('docs/')})" in read("docs/README.md")


@pytest.mark.parametrize("page", OURS)
def test_python_is_python(page: str) -> None:
    for code in blocks(page, "python"):
        compile(code, page, "exec")


@pytest.mark.parametrize("page", OURS)
def test_settings_are_settings(page: str, tmp_path: Path) -> None:
    for text in blocks(page, "toml"):
        tomllib.loads(text)
        file = tmp_path / "roomline.toml"
        file.write_text(text, encoding="utf-8")
        load(file)


@pytest.mark.parametrize("page", OURS)
def test_commands_have_these_flags(page: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    text = re.sub(r"\\\n\s*", "", read(page))
    for name, arguments in re.findall(r"roomline (serve|token|version)([^`)\n]*)", text):
        known = {flag for p in commands[name].params for flag in (*p.opts, *p.secondary_opts)}
        flags = set(re.findall(r"(?<=\s)--[a-z-]+", arguments))
        assert flags <= known | {"--help"}, arguments


def run(code: str, state: Path) -> str:
    environment = {"ROOMLINE_STATE_DIR": str(state), "PYTHONPATH": str(ROOT / "python")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_readme_s_python_runs_as_written(tmp_path: Path) -> None:
    (code,) = blocks("README.md", "python")
    told = run(f"{code}\nimport asyncio\nprint(asyncio.run(token('ada')))\n", tmp_path)
    assert re.match(r"[\w-]+\.[\w-]+\.[\w-]+\n$", told)


@pytest.mark.parametrize("page", ["behind-the-front-door", "mount", "decide-in-python"])
def test_python_in_an_application_is_python(page: str, tmp_path: Path) -> None:
    first, *rest = blocks(f"docs/how-to/{page}.md", "python")
    run(first, tmp_path)
    for code in rest:
        compile(code, page, "exec")


@pytest.mark.parametrize("code", blocks("docs/how-to/tokens.md", "python"))
def test_the_token_page_s_python_runs_as_written(code: str, tmp_path: Path) -> None:
    assert run(code, tmp_path)


def test_the_page_on_decisions_says_how_patient_the_sdk_is() -> None:
    source = (ROOT / "web/sdk/src/signaling.ts").read_text(encoding="utf-8")
    (ms,) = re.findall(r"const JOIN_TIMEOUT_MS = ([\d_]+);", source)
    page = (ROOT / "docs/how-to/decide-in-python.md").read_text(encoding="utf-8")
    assert f"A join has {int(ms) // 1000} seconds in all" in page
    assert f"up to\n{MAX_THREADS} at a time" in page
