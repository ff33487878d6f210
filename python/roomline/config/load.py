"""Settings from the file, the environment and the flags; every fault is one line that helps."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource

from roomline.config.schema import Settings
from roomline.errors import ConfigError

CONFIG_VARIABLE = "ROOMLINE_CONFIG"
"""Names the TOML file when `--config` does not."""

_PREFIX = "ROOMLINE_"


def load(file: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings in force.

    `flags` is nested like the file; a value of None is a flag that was not given. Raises
    ConfigError for an unknown key, with the nearest right one, and for a value out of bounds.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    path = file or (Path(named) if named else None)
    content = _read(path) if path else {}
    given = _given(flags or {})
    if path:
        _check_file(content, path)
    _check_environment()
    environment = EnvSettingsSource(Settings)()
    try:
        return Settings(**_merge(_merge(content, environment), given))
    except ValidationError as error:
        raise ConfigError(_explain(error, path, content, given)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Only the flags that were given."""
    found: dict[str, Any] = {}
    for name, value in flags.items():
        if isinstance(value, Mapping):
            inner = _given(value)
            if inner:
                found[name] = inner
        elif value is not None:
            found[name] = value
    return found


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[name] = _merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _keys() -> Iterator[str]:
    """Every setting, with dots: `host`, `https.port` and so on."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from (f"{name}.{inner}" for inner in section.model_fields)
        else:
            yield name


def _flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _check_file(content: Mapping[str, Any], path: Path) -> None:
    known = list(_keys())
    for key in _flatten(content):
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key}{_suggest(key, known)}")


def _check_environment() -> None:
    known = [_variable(key) for key in _keys()]
    for variable in os.environ:
        if not variable.startswith(_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        if variable not in known:
            raise ConfigError(f"unknown variable {variable}{_suggest(variable, known)}")


def _suggest(key: str, known: list[str]) -> str:
    # A key in the wrong section is nearer by its last word than by the whole.
    last = key.rpartition(".")[2]
    same = [name for name in known if "." in key and name.rpartition(".")[2] == last]
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5) or same
    return f": did you mean {near[0]}?" if near else ""


def _variable(key: str) -> str:
    return _PREFIX + key.replace(".", "_").upper()


def _explain(
    error: ValidationError, path: Path | None, content: dict[str, Any], given: dict[str, Any]
) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    key = ".".join(str(part) for part in first["loc"][:2] if isinstance(part, str))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}{_suggest(key, list(_keys()))}"
    value = first["input"]
    shown = f" = {value!r}" if isinstance(value, (str, int, float)) else ""
    return f"{key}{shown}{_origin(key, path, content, given)}: {message[:1].lower()}{message[1:]}"


def _origin(key: str, path: Path | None, content: dict[str, Any], given: dict[str, Any]) -> str:
    if key in _flatten(given):
        return " (flag)"
    if _variable(key) in os.environ:
        return f" ({_variable(key)})"
    return f" ({path})" if path and key in _flatten(content) else ""
