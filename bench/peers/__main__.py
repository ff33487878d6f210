"""Build the peers.

usage: python -m bench.peers [--cache FOLDER] (--list | --build [NAME …])
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.peers import PEERS
from bench.peers.building import say
from bench.peers.contract import Relay, Sfu

CACHE = Path(".bench")


def main() -> int:
    """Carry out what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="where built programs are kept")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="the peers and their versions")
    what.add_argument("--build", nargs="*", metavar="NAME", help="make these ready, or all")
    chosen = parser.parse_args()
    try:
        if chosen.list:
            for peer in PEERS.values():
                print(f"{peer.name}\t{peer.version}")
            return 0
        return _build(_named(chosen.build), chosen.cache.resolve())
    except BenchError as error:
        print(f"bench.peers: {error}", file=sys.stderr)
        return 2


def _named(names: Sequence[str]) -> list[Sfu | Relay]:
    for name in names:
        if name not in PEERS:
            raise BenchError(f"no peer is called {name}; there are {', '.join(PEERS)}")
    return [PEERS[name] for name in names or PEERS]


def _build(peers: Sequence[Sfu | Relay], cache: Path) -> int:
    """Build what can be built; the number of those that can't."""
    failed = 0
    for peer in peers:
        try:
            peer.build(cache)
        except BenchError as error:
            failed += 1
            say(f"{peer.name}: {error}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
