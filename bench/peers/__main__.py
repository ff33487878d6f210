"""Build the peers, and check that the load client and each of them understand one another.

usage: python -m bench.peers [--cache FOLDER] (--list | --build [NAME …] | --check [NAME …])
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.peers import PEERS, RELAYS, SFUS
from bench.peers.building import say
from bench.peers.check import check_relay, check_sfu

CACHE = Path(".bench")
LOAD = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release", "roomline-load")


def main() -> int:
    """Carry out what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="where built programs are kept")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="the peers and their versions")
    what.add_argument("--build", nargs="*", metavar="NAME", help="make these ready, or all")
    what.add_argument("--check", nargs="*", metavar="NAME", help="let people meet at these, or all")
    parser.add_argument("--load", type=Path, default=LOAD, help="the load client")
    chosen = parser.parse_args()
    try:
        if chosen.list:
            for peer in PEERS.values():
                print(f"{peer.name}\t{peer.version}")
            return 0
        if chosen.build is not None:
            return _each(chosen.build, lambda name: PEERS[name].build(chosen.cache.resolve()))
        return _each(
            chosen.check,
            lambda name: _check(name, chosen.cache.resolve(), chosen.load.resolve()),
        )
    except BenchError as error:
        print(f"bench.peers: {error}", file=sys.stderr)
        return 2


def _each(names: Sequence[str], work: Callable[[str], None]) -> int:
    """Do it with those named, or with all; 1 if one of them failed."""
    for name in names:
        if name not in PEERS:
            raise BenchError(f"no peer is called {name}; there are {', '.join(PEERS)}")
    failed = 0
    for name in names or PEERS:
        try:
            work(name)
        except BenchError as error:
            failed = 1
            say(f"{name}: {error}")
    return failed


def _check(name: str, cache: Path, program: Path) -> None:
    relays = {relay.name: relay for relay in RELAYS}
    sfus = {sfu.name: sfu for sfu in SFUS}
    if name in relays:
        seen = check_relay(relays[name], cache, program)
    else:
        seen = check_sfu(sfus[name], cache, program)
    print("\n".join(seen), flush=True)


if __name__ == "__main__":
    sys.exit(main())
