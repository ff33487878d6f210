"""Prometheus metrics: the engine's figures and the core's, under `roomline_`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from roomline.api.hub import Hub
from roomline.engine.facade import Sample

LABELS = {
    "drops": ("reason",),
    "errors": ("code",),
    "frames_refused": ("close_code",),
    "hook_calls": ("hook",),
    "hook_errors": ("hook",),
    "hook_timeouts": ("hook",),
    "moves": ("from", "to", "why"),
    "moves_refused": ("code",),
    "participants_by_tier": ("tier",),
    "path_changes": ("tier",),
    "sessions_ended": ("reason",),
    "transports_lost": ("reason",),
}
"""What the label of a figure is called; `kind` for all others. Several are parted by slashes."""


class HubCollector(Collector):
    """Reads the figures when somebody asks."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Every counter and gauge of this instant."""
        for name, samples in _grouped(counters(self._hub)).items():
            yield _fill(CounterMetricFamily, name, samples)
        for name, samples in _grouped(gauges(self._hub)).items():
            yield _fill(GaugeMetricFamily, name, samples)
        for name, histogram in self._hub.core.histograms():
            metric = HistogramMetricFamily(f"roomline_{name}", _text(name))
            metric.add_metric([], histogram.buckets(), histogram.total)
            yield metric


def registry(hub: Hub) -> CollectorRegistry:
    """A registry of this server alone."""
    made = CollectorRegistry(auto_describe=False)
    made.register(HubCollector(hub))
    return made


def counters(hub: Hub) -> list[Sample]:
    """Every counter as it is shown. The engine and the core share no name."""
    return [*map(_as_shown, hub.engine.counters()), *hub.core.counters()]


def gauges(hub: Hub) -> list[Sample]:
    """Every gauge as it is shown. The engine and the core share no name."""
    return [*hub.engine.gauges(), *hub.core.gauges()]


def _as_shown(sample: Sample) -> Sample:
    """What forwarding drops is a drop like any other; padding it takes as a probe is none."""
    name, label, value = sample
    if name != "rtp_dropped":
        return sample
    return ("rtp_probes", "", value) if label == "probe" else ("drops", f"rtp-{label}", value)


def _grouped(samples: Iterable[Sample]) -> dict[str, dict[str, int]]:
    """By name, then by label."""
    groups: dict[str, dict[str, int]] = {}
    for name, label, value in samples:
        groups.setdefault(name.replace("-", "_"), {})[label] = value
    return groups


def _fill(
    family: type[CounterMetricFamily | GaugeMetricFamily], name: str, samples: dict[str, int]
) -> Metric:
    names = LABELS.get(name, ("kind",)) if any(samples) else ()
    metric = family(f"roomline_{name}", _text(name), labels=names)
    for label, value in samples.items():
        # Only what has several labels has slashes to part them.
        labels = label.split("/") if len(names) > 1 else [label]
        metric.add_metric(labels if names else [], value)
    return metric


def _text(name: str) -> str:
    text = name.replace("_", " ")
    return f"{text[:1].upper()}{text[1:]}."
