"""`--app MODULE:NAME`: the user's ASGI application."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from functools import reduce
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from starlette.types import ASGIApp

from roomline.errors import ConfigError


def load_application(target: str) -> ASGIApp:
    """The application that `target` names, as `module:name` or `package.module:object.name`.

    Modules are looked for in the working directory first. Raises ConfigError.
    """
    module_name, colon, attribute = target.partition(":")
    if not (colon and module_name and attribute):
        raise ConfigError(f"--app {target}: write MODULE:NAME, for example myapp:app")
    module = _import(module_name, target)
    try:
        found = reduce(getattr, attribute.split("."), module)
    except AttributeError:
        raise ConfigError(f"--app {target}: {module_name} has no {attribute}") from None
    fault = _fault(found)
    if fault:
        raise ConfigError(f"--app {target}: {attribute} is {fault}")
    return cast("ASGIApp", found)


def _import(name: str, target: str) -> object:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigError(f"--app {target}: there is no module {error.name}") from None
        raise _broken(target, name, error) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything
        raise _broken(target, name, error) from None


def _broken(target: str, name: str, error: BaseException) -> ConfigError:
    where = _place(error.__traceback__)
    return ConfigError(f"--app {target}: {name} fails with {type(error).__name__}: {error}{where}")


def _place(trace: TracebackType | None) -> str:
    """The last line that ran outside of the import system: most often one of the user's."""
    frames = [
        frame
        for frame in traceback.extract_tb(trace)
        if not frame.filename.startswith("<")
        and frame.filename not in {__file__, importlib.__file__}
    ]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


_FAULTS = {
    2: "no ASGI application: it looks like WSGI, which a2wsgi.WSGIMiddleware can wrap",
    0: "a function without arguments: call it in the module and name what it returns",
}
"""What takes so many arguments is this."""


def _fault(found: Any) -> str:
    """Why this cannot be an ASGI 3 application; empty if it can."""
    if not callable(found):
        return f"no ASGI application, but {type(found).__name__}"
    if inspect.isclass(found):
        return "a class: name an instance of it"
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        # Not even Python knows what it takes.
        return ""
    if _takes(signature, 3):
        return ""
    known = (fault for count, fault in _FAULTS.items() if _takes(signature, count))
    return next(known, "no ASGI application: it does not take scope, receive, send")


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True
