"""What is written down of who did what."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.relay import audit
from edge.relay.audit import Audit, entries
from edge.relay.doors import Who
from edge.relay.metrics import Metrics
from edge.relay.store.database import Store

ADA = Who("person", "a1", "Ada")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "relay.sqlite")
    yield found
    found.close()


def all_of(store: Store, devices: list[str] | None = None) -> list[dict[str, object]]:
    return store.do(lambda db: entries(db, devices, 2**62, 100))


def test_notes_come_in_their_order_with_their_fields(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    notes = Audit(store, Metrics(), now=lambda: 5.0)
    with caplog.at_level(logging.INFO, "edge-voice"):
        notes.note(ADA, "device_paired", "d1", name="kitchen", count=2)
        notes.note(None, "login_failed", address="198.51.100.1")
    newest, first = all_of(store)
    assert (first["who"], first["name"], first["what"], first["device"]) == ("a1", "Ada", "device_paired", "d1")
    assert first["fields"] == {"name": "kitchen", "count": 2}
    assert (newest["kind"], newest["who"], newest["at"]) == ("nobody", "", 5.0)
    assert "device_paired name=kitchen count=2 who=a1 device=d1" in caplog.messages


def test_a_list_is_of_these_devices_alone(store: Store) -> None:
    notes = Audit(store, Metrics())
    for device in ("d1", "d2", None):
        notes.note(ADA, "tested", device)
    assert [one["device"] for one in all_of(store, ["d2"])] == ["d2"]
    assert all_of(store, []) == []


def test_a_long_field_is_cut(store: Store) -> None:
    Audit(store, Metrics()).note(ADA, "tested", text="x" * 10_000)
    assert len(str(all_of(store)[0]["fields"])) < 300


def test_old_notes_go(store: Store) -> None:
    times = iter([1.0, 1.0 + 86400 * (audit.KEEP_DAYS + 1)])
    for what in ("old", "new"):
        Audit(store, Metrics(), now=lambda: next(times)).note(ADA, what)  # the first note of each clears
    assert [one["what"] for one in all_of(store)] == ["new"]


def test_a_flood_is_bounded_and_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_WAITING", 10)
    metrics, go = Metrics(), threading.Event()
    notes = Audit(store, metrics)
    store.later(lambda _: go.wait(10))
    for _ in range(25):
        notes.note(ADA, "tested")
    go.set()
    assert len(all_of(store)) == 10
    assert "edge_voice_relay_audit_lost_total 15" in metrics.text()
    notes.note(ADA, "tested")
    assert len(all_of(store)) == 11


def test_one_that_cannot_be_written_is_counted(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    store.do(lambda db: db.execute("DROP TABLE audit"))
    Audit(store, metrics).note(ADA, "tested")
    store.do(lambda _: None)
    assert "edge_voice_relay_audit_lost_total 1" in metrics.text()
    assert any("audit_lost" in message for message in caplog.messages)
