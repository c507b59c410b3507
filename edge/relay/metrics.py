"""The relay's metrics are of the same kind as a device's."""

from edge.core.metrics import MOST_SERIES, SECONDS, Counter, Gauge, Histogram, Labels, Metrics, Series

__all__ = ["MOST_SERIES", "SECONDS", "Counter", "Gauge", "Histogram", "Labels", "Metrics", "Series"]
