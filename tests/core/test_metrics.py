"""What Prometheus reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.metrics import MOST_SERIES, Labels, Metrics


def test_counters_gauges_and_histograms() -> None:
    metrics = Metrics("t_")
    metrics.counter("calls_total", "calls").add(way="webrtc")
    metrics.counter("calls_total", "calls").add(2, way="relay")
    metrics.gauge("links", "links").set(3)
    metrics.gauge("links", "links").add(-1)
    metrics.gauge("now", "asked", lambda: 1.5)
    took = metrics.histogram("took_seconds", "time", (0.1, 1))
    for value in (0.05, 0.1, 0.5, 7):
        took.observe(value)
    assert (
        metrics.text()
        == """\
# HELP t_calls_total calls
# TYPE t_calls_total counter
t_calls_total{way="webrtc"} 1
t_calls_total{way="relay"} 2
# HELP t_links links
# TYPE t_links gauge
t_links 2
# HELP t_now asked
# TYPE t_now gauge
t_now 1.5
# HELP t_took_seconds time
# TYPE t_took_seconds histogram
t_took_seconds_bucket{le="0.1"} 2
t_took_seconds_bucket{le="1"} 3
t_took_seconds_bucket{le="+Inf"} 4
t_took_seconds_sum 7.65
t_took_seconds_count 4
"""
    )


def test_a_name_has_one_kind() -> None:
    metrics = Metrics()
    metrics.counter("a_total", "a")
    with pytest.raises(AssertionError):
        metrics.gauge("a_total", "a")


def test_labels_from_outside_cannot_fill_the_memory() -> None:
    counter = Metrics().counter("a_total", "a")
    for number in range(3 * MOST_SERIES):
        counter.add(model=str(number))
    assert len(counter.values) == MOST_SERIES + 1
    assert counter.values[(("other", "true"),)] == 2 * MOST_SERIES


@given(st.text())
def test_no_label_forges_a_line(value: str) -> None:
    metrics = Metrics()
    metrics.counter("a_total", "a").add(name=value)
    lines = metrics.text().split("\n")
    assert len(lines) == 4
    assert re.fullmatch(r'edge_voice_relay_a_total\{name="(\\[\\n"]|[^"\\\n])*"\} 1', lines[2], re.DOTALL)


def test_a_gauge_is_asked_for_all_its_values_at_each_scrape() -> None:
    metrics = Metrics("t_")
    places: dict[Labels, float] = {(("where", "here"),): 1.0}
    metrics.gauge("people", "people").read_all = lambda: places
    assert 't_people{where="here"} 1' in metrics.text()
    places.clear()
    assert "where" not in metrics.text()
