"""Trace ids: as W3C wants them, the same for the same turn, others for all others."""

from __future__ import annotations

import re

from edge.core.trace import span_of, trace_of


def test_ids_are_as_w3c_wants_them() -> None:
    traces = {trace_of(run, turn) for run in ("ab", "a") for turn in range(500)}
    assert len(traces) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{32}", trace) and int(trace, 16) for trace in traces)
    spans = {span_of(trace, name) for trace in traces for name in ("", "listen")}
    assert len(spans) == 2000
    assert all(re.fullmatch(r"[0-9a-f]{16}", span) and int(span, 16) for span in spans)


def test_a_turn_has_one_id() -> None:
    assert trace_of("ab", 7) == trace_of("ab", 7)
