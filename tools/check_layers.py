"""Check that dependencies point downward, that pure crates are pure, and that files are short.

usage: python tools/check_layers.py [ROOT]

Prints one line per violation and exits with 1 if there is any. The levels are in `layers.toml`.
"""

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

MAX_LINES = 700
SKIPPED = {"build", "dist", "generated", "node_modules", "target", "tests", "vectors", "vendor"}

IMPURE = re.compile(
    r"\b(?:Udp|Tcp|Unix)(?:Socket|Stream|Listener|Datagram)\b"
    r"|\b(?:Instant|SystemTime)::now\b"
    r"|\bstd::(?:thread|fs)\b|\bstd::\{[^;]*?\b(?:thread|fs)\b"
    r"|\b(?:Mutex|RwLock)\b"
)
RUST_TEXT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\br(#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\[^']+|\\'|[^\\'])'""", re.DOTALL
)
CFG_TEST = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*")
MODULE = re.compile(r"(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;")


def main(root: Path) -> int:
    """Run every check on the repository at `root`; the number of violations."""
    levels = tomllib.loads((root / "layers.toml").read_text())
    violations = [
        *check_crates(root, levels["rust"]),
        *check_purity(root),
        *check_python(root, levels["python"]),
        *check_lengths(root),
    ]
    for violation in violations:
        print(violation)
    return len(violations)


def check_crates(root: Path, levels: dict[str, int]) -> Iterator[str]:
    """Dependencies between crates; those of tests may also point at development crates."""
    manifests = {
        path: tomllib.loads(path.read_text()) for path in root.glob("crates/*/*/Cargo.toml")
    }
    folders = {m["package"]["name"]: path.parts[-3] for path, m in manifests.items()}
    for path, manifest in sorted(manifests.items()):
        name = manifest["package"]["name"]
        where = path.relative_to(root)
        if name not in levels:
            yield f"{where}: {name} has no level in layers.toml"
            continue
        for table, dependency in crate_dependencies(manifest):
            if dependency not in folders or (
                table == "dev-dependencies" and folders[dependency] == "dev"
            ):
                continue
            if levels.get(dependency, sys.maxsize) >= levels[name]:
                yield f"{where}: {name} (level {levels[name]}) must not use {dependency} in {table}"


def crate_dependencies(manifest: dict) -> Iterator[tuple[str, str]]:
    """Every `(table, crate)` of a manifest, also of its per-target tables."""
    for scope in [manifest, *manifest.get("target", {}).values()]:
        for table in ("dependencies", "build-dependencies", "dev-dependencies"):
            for key, value in scope.get(table, {}).items():
                yield table, value.get("package", key) if isinstance(value, dict) else key


def check_purity(root: Path) -> Iterator[str]:
    """No clock, socket, thread, file or lock in pure crates, outside of their tests."""
    sources: dict[Path, str] = {}
    test_only: set[Path] = set()
    for path in sorted(root.glob("crates/pure/*/src/**/*.rs")):
        blank = RUST_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), path.read_text())
        sources[path], modules = without_tests(blank)
        base = path.parent if path.stem in {"lib", "mod"} else path.with_suffix("")
        test_only.update(base / module for module in modules)
    for path, source in sources.items():
        if test_only.isdisjoint([path.with_suffix(""), *path.parents]):
            for match in IMPURE.finditer(source):
                line = source.count("\n", 0, match.end()) + 1
                word = match[0].rpartition(" ")[2]
                yield f"{path.relative_to(root)}:{line}: {word} has no place in a pure crate"


def without_tests(source: str) -> tuple[str, list[str]]:
    """The source with `#[cfg(test)]` items blanked, and the modules in files of their own."""
    modules = []
    while found := CFG_TEST.search(source):
        if module := MODULE.match(source, found.end()):
            modules.append(module[1])
        end = item_end(source, found.end())
        blank = re.sub(r"[^\n]", " ", source[found.start() : end])
        source = source[: found.start()] + blank + source[end:]
    return source, modules


def item_end(source: str, start: int) -> int:
    """Where the item that begins at `start` ends: at its `;` or at its closing brace."""
    depth = 0
    for index in range(start, len(source)):
        depth += (source[index] == "{") - (source[index] == "}")
        if depth == 0 and source[index] in ";}":
            return index + 1
    return len(source)


def check_python(root: Path, levels: dict[str, int]) -> Iterator[str]:
    """Imports between the modules of the package, and cycles below the granularity of levels."""
    paths = {module_name(root, path): path for path in sorted(root.glob("python/roomline/**/*.py"))}
    known = {*paths, *levels}
    graph: dict[str, set[str]] = {name: set() for name in paths}
    for name, path in paths.items():
        where = path.relative_to(root)
        own = layer_of(name, levels)
        if own is None:
            yield f"{where}: {name} has no level in layers.toml"
            continue
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        for line, target in imports(ast.parse(path.read_text()), package, known):
            other = layer_of(target, levels)
            if other == own:
                graph[name].update({target} - {name})
            elif other is not None and levels[other] >= levels[own]:
                yield (
                    f"{where}:{line}: {own} (level {levels[own]}) must not import "
                    f"{target} (level {levels[other]})"
                )
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"python: {' imports '.join(reversed(error.args[1]))}, a cycle"


def module_name(root: Path, path: Path) -> str:
    """`python/roomline/api/__init__.py` is `roomline.api`."""
    parts = path.relative_to(root / "python").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str, levels: dict[str, int]) -> str | None:
    """The entry with a module's level: its own or that of the nearest package above.

    The root package's entry is for its `__init__` alone.
    """
    while module not in levels and "." in module:
        module = module.rpartition(".")[0]
        if "." not in module:
            return None
    return module if module in levels else None


def imports(tree: ast.AST, package: str, known: set[str]) -> Iterator[tuple[int, str]]:
    """Every `(line, module)` of ours that is imported at run time, also inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imports(ast.Module(node.orelse, []), package, known)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            full = [f"{base}.{alias.name}" for alias in node.names if is_ours(base)]
            targets = [name if name in known else base for name in full]
            yield from ((node.lineno, target) for target in dict.fromkeys(targets))
        else:
            yield from imports(node, package, known)


def is_ours(module: str) -> bool:
    """Whether a module belongs to the package."""
    return module.partition(".")[0] == "roomline"


def check_lengths(root: Path) -> Iterator[str]:
    """Source files of at most `MAX_LINES` lines; tests and generated files may be longer."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        for path in (Path(folder, file) for file in sorted(files)):
            if path.suffix not in {".py", ".rs", ".ts"} or path.stem == "tests":
                continue
            lines = path.read_text().splitlines()
            generated = any("generated by" in line.lower() for line in lines[:3])
            if len(lines) > MAX_LINES and not generated:
                yield f"{path.relative_to(root)}: {len(lines)} lines, and {MAX_LINES} are the most"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if sys.argv[1:] else Path(__file__).parents[1])) > 0)
