"""The command line of a module that measures our server alone."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from bench.own_server import own_server
from bench.visitors import LOAD


def run(parser: argparse.ArgumentParser, measure: Callable[..., dict[str, float]]) -> None:
    """Start a server, call `measure` with it, the parser's options and the load client; print."""
    parser.add_argument("--load", default=str(LOAD), help="the load client; empty for no media")
    chosen = vars(parser.parse_args())
    load = Path(given) if (given := chosen.pop("load")) else None
    with own_server() as server:
        figures = measure(server, **chosen, load=load)
    print(json.dumps({**chosen, "dtls": load is not None, **figures}, indent=1))
