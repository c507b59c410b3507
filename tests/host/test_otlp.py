"""Spans on their way to a collector: a real HTTP server that reads them with OpenTelemetry's own messages."""

from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2 as proto

from edge.host import otlp
from edge.host.otlp import Exporter, collector
from edge.host.spans import CLIENT, Span, Value
from tests.fakes.collector import Collector, attributes, collecting
from tests.rig import wait_for

TRACE, ROOT, PART = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
WORDS: dict[str, Value] = {
    "text": "groß \ud800",
    "yes": True,
    "no": False,
    "many": 2**40,
    "less": -3,
    "none": 0,
    "share": 0.25,
}
SPANS = [
    Span(TRACE, ROOT, "", "whole", 1_795_600_000.25, 1_795_600_003.5, {}, error="engine"),
    Span(TRACE, PART, ROOT, "part", 1_795_600_001.0, 1_795_600_002.0, WORDS, CLIENT),
]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "GATHER_S", 0.0)
    monkeypatch.setattr(otlp, "FIRST_WAIT_S", 0.01)


def sent(there: Collector, times: int = 1, url: str = "", headers: str = "") -> Exporter:
    exporter = Exporter(collector(url or there.url, headers, {"service.name": "edge-voice"}))
    for _ in range(times):
        exporter.put(SPANS)
    wait_for(lambda: exporter.sent + exporter.dropped == times * len(SPANS), 40, "the spans to be sent or dropped")
    exporter.close()
    return exporter


def test_spans_arrive_as_they_were() -> None:
    with collecting() as there:
        sent(there, headers="authorization=Basic%20abc=,x-team=a")
        whole, part = there.spans
        assert there.paths == ["/v1/traces"]
        assert (there.headers[0]["Authorization"], there.headers[0]["X-Team"]) == ("Basic abc=", "a")
        assert there.headers[0]["Content-Type"] == "application/x-protobuf"
        assert there.resources == [{"service.name": "edge-voice"}]
        assert [whole.trace_id.hex(), whole.span_id.hex(), whole.parent_span_id] == [TRACE, ROOT, b""]
        assert (part.parent_span_id.hex(), part.name, part.kind) == (ROOT, "part", proto.Span.SPAN_KIND_CLIENT)
        assert (whole.start_time_unix_nano, whole.end_time_unix_nano) == (1795600000250000000, 1795600003500000000)
        assert (whole.status.code, whole.status.message) == (proto.Status.STATUS_CODE_ERROR, "engine")
        assert part.status.code == proto.Status.STATUS_CODE_UNSET
        assert attributes(part) == {**WORDS, "text": "groß ?"}


def test_the_path_is_ours_unless_it_is_given() -> None:
    urls = ("http://a:4318", "http://a:4318/", "http://a/otlp/", "http://a/x/v1/traces")
    assert [collector(url, "", {}).url for url in urls] == [
        "http://a:4318/v1/traces", "http://a:4318/v1/traces", "http://a/otlp/v1/traces", "http://a/x/v1/traces"
    ]  # fmt: skip


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_be_tried_again_is(status: int) -> None:
    with collecting() as there:
        there.refusals = [(status, {"Retry-After": "0"}), (status, {})]
        exporter = sent(there)
        assert (exporter.sent, exporter.dropped, len(there.paths), len(there.spans)) == (2, 0, 3, 2)


@pytest.mark.parametrize("refusal", [(400, {}), (401, {}), (500, {}), (302, {"Location": "http://127.0.0.1:9/"})])
def test_what_is_refused_is_dropped_and_counted(refusal: tuple[int, dict[str, str]]) -> None:
    with collecting() as there:
        there.refusals = [refusal]
        exporter = sent(there)
        assert (exporter.sent, exporter.dropped, len(there.paths)) == (0, 2, 1)
        assert exporter.problem == f"HTTP {refusal[0]}"


def test_nobody_there_is_tried_some_times_and_no_more() -> None:
    with collecting() as there:
        pass
    exporter = sent(there)
    assert (exporter.sent, exporter.dropped, exporter.problem) == (0, 2, "URLError")


def test_the_queue_has_a_bound() -> None:
    """It holds so many turns; the thread may have taken some more."""
    with collecting() as there:
        there.refusals = [(503, {"Retry-After": "30"})]
        exporter = Exporter(collector(there.url, "", {}))
        exporter.put(SPANS)
        wait_for(lambda: there.paths, 40, "the first request")
        for _ in range(otlp.MOST_WAITING + 10):
            exporter.put(SPANS)
        assert exporter.dropped == 10 * len(SPANS)
        exporter.close()  # ends its wait
        wait_for(lambda: not exporter._thread.is_alive(), 40, "the thread to end")


def test_what_waits_at_the_end_is_sent() -> None:
    with collecting() as there:
        exporter = Exporter(collector(there.url, "", {}))
        for _ in range(100):
            exporter.put(SPANS)
        exporter.close()
        exporter.close()
        wait_for(lambda: len(there.spans) == 200, 40, "all spans")
        exporter.put(SPANS)  # too late, and harmless
