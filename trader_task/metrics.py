"""Prometheus metrics of the trader: the process's own, and the kernel's gauges.

Kernel gauges are read when scraped (``engine.metrics.gauges``), so a quiet scraper costs
nothing. Names start with ``twinleg_``; times are seconds, as Prometheus wants them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.domain.events import Event

_BUCKETS: Final = (5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.25, 1.0)
_GAUGE: Final = re.compile(r"(?:twinleg_)?([a-zA-Z0-9_]+)(?:\{(.*)\})?\Z")
_LABEL: Final = re.compile(r'([a-zA-Z0-9_]+)="([^"]*)"')


class _GaugesCollector(Collector):
    """Reads dictionaries of gauges at scrape time; names may carry labels (``n{k="v"}``)."""

    def __init__(self, sources: list[Callable[[], Mapping[str, float]]]) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for source in self._sources:
            for text, value in source().items():
                match = _GAUGE.match(text)
                if match is None:
                    continue
                name = f"twinleg_{match.group(1)}"
                labels = dict(_LABEL.findall(match.group(2) or ""))
                family = families.get(name)
                if family is None:
                    words = match.group(1).replace("_", " ")
                    family = GaugeMetricFamily(name, words, labels=list(labels))
                    families[name] = family
                family.add_metric(list(labels.values()), float(value))
        return families.values()


class Metrics:
    """Counters and histograms of this process, and a registry to scrape."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._sources: list[Callable[[], Mapping[str, float]]] = []
        self.registry.register(_GaugesCollector(self._sources))
        self._events = Counter(
            "twinleg_events", "Events stepped, by body", ["body"], registry=self.registry
        )
        self._queued = Histogram(
            "twinleg_queue_seconds",
            "From stamp to step",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._stepped = Histogram(
            "twinleg_step_seconds",
            "Step and dispatch of one event",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.restarts = Counter(
            "twinleg_task_failures", "Tasks that failed, by task", ["task"], registry=self.registry
        )
        self.queued_ns_last = 0

    def add_gauges(self, source: Callable[[], Mapping[str, float]]) -> None:
        self._sources.append(source)

    def observe(self, event: Event, queued_ns: int, stepped_ns: int) -> None:
        """Take the times of one event (nanoseconds)."""
        self.queued_ns_last = queued_ns
        self._events.labels(type(event.body).__name__).inc()
        self._queued.observe(queued_ns / 1e9)
        self._stepped.observe(stepped_ns / 1e9)

    def render(self) -> bytes:
        return generate_latest(self.registry)
