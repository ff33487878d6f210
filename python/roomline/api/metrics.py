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
    "transports_closed": "reason",
}
"""What the label of a figure is called; `kind` for all others."""


class HubCollector(Collector):
    """Reads the figures when somebody asks."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Every counter and gauge of this instant."""
        core, engine = self._hub.core, self._hub.engine
        counters = _grouped([*engine.counters(), *core.counters()])
        for name, samples in counters.items():
            yield _fill(CounterMetricFamily, name, samples)
        for name, samples in _grouped([*engine.gauges(), *core.gauges()]).items():
            yield _fill(GaugeMetricFamily, name, samples)


def registry(hub: Hub) -> CollectorRegistry:
    """A registry of this server alone."""
    made = CollectorRegistry(auto_describe=False)
    made.register(HubCollector(hub))
    return made


def _grouped(samples: Iterable[Sample]) -> dict[str, dict[str, int]]:
    """By name, then by label; the engine and the core may know the same name."""
    groups: dict[str, dict[str, int]] = {}
    for name, label, value in samples:
        group = groups.setdefault(name.replace("-", "_"), {})
        group[label] = group.get(label, 0) + value
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
