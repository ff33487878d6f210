"""What was measured, run by run, as it is kept in `bench/results/`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.statistics import Spread

FOLDER = Path(__file__).parent / "results"
FORMAT = 1


@dataclass(frozen=True)
class Run:
    """One window of one server."""

    workload: str
    """As in `bench.workloads`."""
    case: str
    """What is sent: `frames`, `even`, …"""
    load: str
    """`fixed`, `maximum`, or a share of the maximum such as `50%`."""
    peer: str
    """Which server, or which way to one."""
    round: int
    """From 1; runs of one round alternate between the peers."""
    figures: dict[str, float] = field(default_factory=dict)
    """By name; see `docs/reference/benchmarks.md`."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What was negotiated and set."""
    void: str | None = None
    """Why this run doesn't count; it has no figures to compare then."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Runs with the same key are repetitions."""
        return self.workload, self.case, self.load, self.peer


@dataclass
class Sheet:
    """One file of results."""

    taken: str
    """ISO 8601 date and time, UTC, of the first run."""
    machine: dict[str, Any]
    versions: dict[str, str]
    """Of every server, and `roomline` with the commit."""
    setup: dict[str, Any]
    """What holds for all runs: features of the device, windows, addresses."""
    runs: list[Run] = field(default_factory=list)

    @property
    def offload(self) -> bool:
        """Whether runs of datagrams were not cut up in the kernel."""
        return bool(self.setup.get("offload"))

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """Raises ValueError if the file has another format."""
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.pop("format", None) != FORMAT:
            raise ValueError(f"{path} is not a file of results of format {FORMAT}")
        runs = [Run(**run) for run in told.pop("runs")]
        return cls(**told, runs=runs)

    def write(self, path: Path) -> None:
        """One run a line, so that versions can be compared."""
        head = {"format": FORMAT, **dataclasses.asdict(self)}
        runs = head.pop("runs")
        lines = ",\n".join("  " + json.dumps(run, sort_keys=True) for run in runs)
        text = json.dumps(head, indent=1, sort_keys=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{text[:-2]},\n "runs": [\n{lines}\n ]\n}}\n', encoding="utf-8")

    def add(self, run: Run, path: Path) -> None:
        """Add a run, and write all of them down."""
        self.runs.append(run)
        self.write(path)

    def next_rounds(self, workload: str, count: int) -> range:
        """The numbers of the next so many rounds."""
        done = max((run.round for run in self.runs if run.workload == workload), default=0)
        return range(done + 1, done + 1 + count)

    def values(
        self, workload: str, case: str, load: str, peer: str, figure: str
    ) -> dict[int, float]:
        """A figure by round; of several good runs in a round the last one counts."""
        wanted = (workload, case, load, peer)
        return {
            run.round: run.figures[figure]
            for run in self.runs
            if run.key == wanted and run.void is None and figure in run.figures
        }

    def spread(self, workload: str, case: str, load: str, peer: str, figure: str) -> Spread | None:
        """Median and spread of a figure, or None if there is no good run."""
        return Spread.of(self.values(workload, case, load, peer, figure).values())

    def peers(self, workload: str) -> list[str]:
        """Who took part, in order of appearance."""
        return list(dict.fromkeys(run.peer for run in self.runs if run.workload == workload))

    def cases(self, workload: str) -> list[str]:
        """What was sent, in order of appearance."""
        return list(dict.fromkeys(run.case for run in self.runs if run.workload == workload))


def sheets(folder: Path = FOLDER) -> list[Sheet]:
    """All committed results, oldest first."""
    return [Sheet.read(path) for path in sorted(folder.glob("*.json"))]


def newest(every: Iterable[Sheet], workload: str, load: str | None = None) -> Sheet | None:
    """The last sheet that has this workload, at this load if one is named."""

    def has(sheet: Sheet) -> bool:
        return any(r.workload == workload and load in {None, r.load} for r in sheet.runs)

    return max(filter(has, every), key=lambda sheet: sheet.taken, default=None)


def now() -> str:
    """The date and time, as `taken` has it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="minutes")
