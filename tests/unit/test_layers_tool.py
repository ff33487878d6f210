"""`tools/check_layers.py` finds what it is there to find."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LEVELS = """
[rust]
roomline-low = 1
roomline-high = 2
roomline-lab = 3
[python]
"roomline.ids" = 0
"roomline.rooms" = 1
"roomline.server" = 2
"roomline" = 3
"""


def load_tool():
    spec = importlib.util.spec_from_file_location("check_layers", ROOT / "tools/check_layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load_tool()


@pytest.fixture
def tree(tmp_path):
    """A small repository that keeps the rules."""
    (tmp_path / "layers.toml").write_text(LEVELS)
    files = {
        "crates/pure/low/Cargo.toml": '[package]\nname = "roomline-low"\n'
        "[dev-dependencies]\nroomline-lab.workspace = true\n",
        "crates/pure/low/src/lib.rs": "//! Not for `Instant::now()`.\npub mod clock;\n",
        "crates/pure/low/src/clock.rs": "pub fn now() {}\n",
        "crates/io/high/Cargo.toml": '[package]\nname = "roomline-high"\n'
        "[dependencies]\nroomline-low.workspace = true\n",
        "crates/io/high/src/lib.rs": "use std::time::Instant;\npub fn f() { Instant::now(); }\n",
        "crates/dev/lab/Cargo.toml": '[package]\nname = "roomline-lab"\n'
        "[dependencies]\nroomline-low.workspace = true\n",
        "python/roomline/__init__.py": "from roomline.server import serve\n",
        "python/roomline/ids.py": "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from roomline.rooms import Room\n",
        "python/roomline/rooms/__init__.py": "from .room import Room\n",
        "python/roomline/rooms/room.py": "from roomline import ids\n",
        "python/roomline/server.py": "from roomline.rooms import Room\n",
    }
    for name, text in files.items():
        write(tmp_path, name, text)
    return tmp_path


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_repository_keeps_the_rules(capsys):
    assert tool.main(ROOT) == 0, capsys.readouterr().out


def test_a_tree_that_keeps_the_rules_passes(tree, capsys):
    assert tool.main(tree) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "crates/pure/low/Cargo.toml",
            '[package]\nname = "roomline-low"\n[dependencies]\nroomline-high.workspace = true\n',
            "roomline-low (level 1) must not use roomline-high in dependencies",
        ),
        (
            "crates/pure/low/Cargo.toml",
            '[package]\nname = "roomline-low"\n[dev-dependencies]\nroomline-high = "1"\n',
            "roomline-low (level 1) must not use roomline-high in dev-dependencies",
        ),
        (
            "crates/io/high/Cargo.toml",
            (
                '[package]\nname = "roomline-high"\n'
                '[target."cfg(unix)".dependencies]\nlab = { package = "roomline-lab" }\n'
            ),
            "roomline-high (level 2) must not use roomline-lab in dependencies",
        ),
        (
            "crates/pure/new/Cargo.toml",
            '[package]\nname = "roomline-new"\n',
            "crates/pure/new/Cargo.toml: roomline-new has no level",
        ),
        (
            "crates/pure/low/src/clock.rs",
            "use std::time::Instant;\npub fn now() -> Instant { Instant::now() }\n",
            "crates/pure/low/src/clock.rs:2: Instant::now has no place",
        ),
        (
            "crates/pure/low/src/clock.rs",
            '#[cfg(test)]\nmod t { const S: &str = "}"; }\nuse std::sync::Mutex;\n',
            "crates/pure/low/src/clock.rs:3: Mutex has no place",
        ),
        (
            "crates/pure/low/src/clock.rs",
            "use std::{\n    fs,\n    io,\n};\n",
            "crates/pure/low/src/clock.rs:2: fs has no place",
        ),
        (
            "python/roomline/ids.py",
            "def late():\n    from roomline.rooms import Room\n",
            "python/roomline/ids.py:2: roomline.ids (level 0) must not import roomline.rooms",
        ),
        (
            "python/roomline/rooms/room.py",
            "from .. import server\n",
            "roomline.rooms (level 1) must not import roomline.server (level 2)",
        ),
        (
            "python/roomline/rooms/room.py",
            "import roomline\n",
            "roomline.rooms (level 1) must not import roomline (level 3)",
        ),
        (
            "python/roomline/rooms/room.py",
            "from roomline.rooms import Room\n",
            "roomline.rooms imports roomline.rooms.room imports roomline.rooms, a cycle",
        ),
        (
            "python/roomline/new.py",
            "",
            "python/roomline/new.py: roomline.new has no level",
        ),
        (
            "web/sdk/src/long.ts",
            "//\n" * 701,
            "web/sdk/src/long.ts: 701 lines, and 700 are the most",
        ),
    ],
)
def test_a_violation_is_found(tree, capsys, name, text, expected):
    write(tree, name, text)
    assert tool.main(tree) > 0
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "crates/pure/low/src/clock.rs",
            (
                "#[cfg(test)]\n#[allow(dead_code)]\nmod tests {\n"
                "    fn f() { std::time::Instant::now(); }\n}\n"
            ),
        ),
        ("crates/pure/low/src/clock.rs", 'const A: &str = r#"std::fs"#; const B: char = \'"\';\n'),
        ("web/sdk/src/protocol.ts", "// Generated by a tool.\n" + "//\n" * 701),
        ("tests/long.py", "#\n" * 701),
    ],
)
def test_what_the_rules_do_not_mean_is_let_pass(tree, capsys, name, text):
    write(tree, name, text)
    assert tool.main(tree) == 0, capsys.readouterr().out


def test_a_test_module_in_its_own_file_is_let_pass(tree, capsys):
    write(tree, "crates/pure/low/src/clock.rs", "#[cfg(test)]\nmod virtual_time;\n")
    write(tree, "crates/pure/low/src/clock/virtual_time.rs", "use std::sync::Mutex;\n")
    assert tool.main(tree) == 0, capsys.readouterr().out
