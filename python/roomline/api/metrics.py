"""Prometheus metrics: the engine's figures and the core's, under `roomline_`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from roomline.api.hub import Hub
from roomline.engine.facade import Sample

LABELS = {
    "drops": "reason",
    "errors": "code",
    "frames_refused": "close_code",
    "participants_by_tier": "tier",
    "path_changes": "tier",
    "sessions_ended": "reason",
    "transports_lost": "reason",
}
"""What the label of a figure is called; `kind` for all others."""


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
    text = name.replace("_", " ")
    labelled = [label for label in samples if label]
    names = [LABELS.get(name, "kind")] if labelled else []
    metric = family(f"roomline_{name}", f"{text[:1].upper()}{text[1:]}.", labels=names)
    for label, value in samples.items():
        metric.add_metric([label] if names else [], value)
    return metric
