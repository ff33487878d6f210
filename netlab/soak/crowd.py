"""All participants of the soak, in one process inside the clients' network.

`python -m netlab.soak.crowd URL STATE CA COUNT SEED PAUSE` reads words from its input: `busy` (go on
moving), `quiet` (everybody on the direct path and still; answered when that is so) and `stop`. It
writes one JSON object a line.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from netlab.soak.media import encode_picture, encode_sound
from netlab.soak.participant import Participant, Tally
from netlab.soak.signaling import Session
from roomline import AccessToken, load_credentials

ROOM = "soak"
JOIN_EVERY_S = 0.3
LOOK_EVERY_S = 2.0


class Crowd:
    """Everybody, and what they did."""

    def __init__(self, url: str, state: Path, ca: Path, size: int, seed: int) -> None:
        key, secret = load_credentials(state)
        trust = ssl.create_default_context(cafile=str(ca))
        canned = {"audio": encode_sound(), "video": encode_picture()}
        self.tally = Tally()
        self.everybody = [
            Participant(
                f"soak-{n}",
                f"soak-{(n + 1) % size}",
                token=lambda who: AccessToken(key, secret, identity=who, room=ROOM).to_jwt(),
                session=lambda event: Session(url, trust, event),
                canned=canned,
                tally=self.tally,
                rng=random.Random(seed * 1000 + n),
            )
            for n in range(size)
        ]
        self._moving = asyncio.Event()

    async def run(self, pause_s: float) -> None:
        """Do what the input says."""
        for each in self.everybody:
            await each.join()
            await asyncio.sleep(JOIN_EVERY_S)
        tell(joined=len(self.everybody))
        idle: list[asyncio.Event] = [asyncio.Event() for _ in self.everybody]
        lives = [
            asyncio.create_task(self._live(each, pause_s, still))
            for each, still in zip(self.everybody, idle, strict=True)
        ]
        while (word := (await asyncio.to_thread(sys.stdin.readline)).strip()) not in {"stop", ""}:
            if word == "busy":
                self._moving.set()
            elif word == "quiet":
                self._moving.clear()
                await asyncio.gather(*(still.wait() for still in idle))
            tell(word=word, **self.figures())
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
        await asyncio.gather(*(each.leave() for each in self.everybody), return_exceptions=True)
        tell(word="stop", **self.figures())

    async def _live(self, each: Participant, pause_s: float, still: asyncio.Event) -> None:
        rng = random.Random(each.identity)
        while True:
            if self._moving.is_set():
                still.clear()
                await each.act()
                await asyncio.sleep(rng.uniform(0.5, 1.5) * pause_s)
            else:
                await each.settle()
                still.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._moving.wait()

    def figures(self) -> dict[str, Any]:
        """What was done so far."""
        tally = self.tally
        return {
            "done": dict(tally.done),
            "failed": dict(tally.failed),
            "received": dict(tally.received),
            "stalled": tally.stalled,
            "disorder": tally.disorder,
            "errors": tally.errors,
        }


def tell(**what: Any) -> None:
    """One line for who started us."""
    print(json.dumps(what), flush=True)


def main(arguments: list[str]) -> None:
    """Parse the command line and run."""
    url, state, ca, size, seed, pause = arguments
    crowd = Crowd(url, Path(state), Path(ca), int(size), int(seed))
    asyncio.run(crowd.run(float(pause)))


if __name__ == "__main__":
    main(sys.argv[1:])
