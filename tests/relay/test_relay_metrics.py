"""Who spends most, as Prometheus is told: never more than 21 labels, whoever comes."""

from __future__ import annotations

from edge.core.metrics import Metrics
from edge.relay.metrics import MOST_KNOWN, OTHER, SHOWN, Spenders


def shown(metrics: Metrics, name: str = "cost") -> dict[str, float]:
    lines = [line for line in metrics.text().splitlines() if line.startswith(f"edge_voice_relay_voice_{name}_today{{")]
    return {line.partition('"')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_those_who_spend_most_are_told_apart() -> None:
    metrics, day = Metrics(), ["2026-11-25"]
    spenders = Spenders(metrics, lambda: day[0])
    for number in range(3 * MOST_KNOWN):
        spenders.add(day[0], f"device:{number}", float(number % MOST_KNOWN), 2.0)
    found = shown(metrics)
    assert len(found) == SHOWN + 1
    assert found["device:999"] == 999.0
    assert sum(found.values()) == 3 * sum(range(MOST_KNOWN))
    assert sum(shown(metrics, "seconds").values()) == 6.0 * MOST_KNOWN
    spenders.add(day[0], "device:0", 5000.0, 0.0)
    assert shown(metrics)["device:0"] == 5000.0
    assert OTHER in shown(metrics)
    day[0] = "2026-11-26"
    assert shown(metrics) == {}
    spenders.add(day[0], "person:ann", 0.5, 60.0)
    assert (shown(metrics), shown(metrics, "seconds")) == ({"person:ann": 0.5}, {"person:ann": 60.0})
