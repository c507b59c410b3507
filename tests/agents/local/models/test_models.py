"""`edge-voice models`, and what it knows of the disk."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.local.models import catalogue, command, load_manifest, main, path_of, state_of, verify
from edge.agents.local.models.catalogue import HubSource, Model, PackageSource
from edge.errors import ModelError
from tests.fakes.model_server import ModelServer, model_of

BODY = b"weights" * 1000


def run(*argv: str, directory: Path, known: list[Model]) -> tuple[int, str]:
    out = io.StringIO()
    return main(list(argv), directory, out, known), out.getvalue()


def put(model: Model, directory: Path, body: bytes = BODY) -> Path:
    path = path_of(model.id, directory) / "model.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def test_the_manifest_adds_up() -> None:
    known = load_manifest()
    assert [(model.id, model.required) for model in known] == [
        ("whisper-base", True),
        ("qwen2.5-coder-0.5b-instruct", False),
    ]
    for file in (file for model in known for file in model.files):
        hub, package = file.sources
        assert isinstance(hub, HubSource)
        assert len(hub.revision) == 40
        assert isinstance(package, PackageSource)
        assert sum(member.size for member in package.members) == file.size
        assert all(len(pin) == 64 for pin in (file.sha256, *(each.archive.sha256 for each in package.members)))


def test_no_registry_is_named_in_the_package() -> None:
    folder = Path(catalogue.__file__).parent
    text = "".join(path.read_text() for path in (*folder.glob("*.py"), *folder.glob("*.toml")))
    assert "pypi" not in text.lower()
    assert "pythonhosted" not in text.lower()


def test_a_broken_manifest_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(
        "[[model]]\nid = 'x'\nfile = [{name = '../x', size = 1, sha256 = '', sources = []}]"
    )
    with pytest.raises(ModelError, match=r"cannot be used .*'../x' is not a plain file name"):
        load_manifest(tmp_path / "m.toml")


def test_states(tmp_path: Path) -> None:
    model = model_of(BODY)
    assert state_of(model, tmp_path) == "missing"
    path = put(model, tmp_path)
    assert state_of(model, tmp_path) == "damaged"  # there, but nobody has vouched for it
    assert verify(model, tmp_path) == []
    assert state_of(model, tmp_path) == "ok"
    os.utime(path, ns=(1, 1))
    assert state_of(model, tmp_path) == "damaged"
    path.unlink()
    assert state_of(model, tmp_path) == "missing"
    path.with_name("model.bin.part").write_bytes(b"w")
    assert state_of(model, tmp_path) == "partial"


def test_one_of_two_files_is_partial(tmp_path: Path) -> None:
    one = model_of(BODY)
    two = replace(one, files=(*one.files, replace(one.files[0], name="other.bin")))
    put(one, tmp_path)
    verify(one, tmp_path)
    assert state_of(two, tmp_path) == "partial"


@pytest.mark.parametrize("stamp", ["", "[]", '{"model.bin": 1}', '{"model.bin": [1, 2, "x"]}', "\0"])
def test_a_damaged_stamp_vouches_for_nothing(tmp_path: Path, stamp: str) -> None:
    model = model_of(BODY)
    path = put(model, tmp_path)
    verify(model, tmp_path)
    path.with_name(".verified.json").write_text(stamp)
    assert state_of(model, tmp_path) == "damaged"
    assert verify(model, tmp_path) == []
    assert state_of(model, tmp_path) == "ok"


def test_a_stamp_of_an_older_manifest_does_not_count(tmp_path: Path) -> None:
    model = model_of(BODY)
    put(model, tmp_path)
    verify(model, tmp_path)
    newer = replace(model, files=(replace(model.files[0], sha256="0" * 64),))
    assert state_of(newer, tmp_path) == "damaged"


def test_verify_says_what_is_wrong(tmp_path: Path) -> None:
    model = model_of(BODY)
    path = path_of("m", tmp_path) / "model.bin"
    assert verify(model, tmp_path) == [f"{path} is missing"]
    put(model, tmp_path, BODY[:-1])
    assert verify(model, tmp_path) == [f"{path} has 6999 bytes instead of 7000"]
    put(model, tmp_path, BODY[:-1] + b"!")
    assert verify(model, tmp_path) == [f"{path} is damaged: its SHA-256 is not the expected one"]


def test_list(tmp_path: Path) -> None:
    known = [model_of(BODY), replace(model_of(BODY, name="extra"), required=False)]
    code, text = run("list", directory=tmp_path, known=known)
    assert code == 0
    assert text.splitlines()[1].split() == ["m", "0", "MB", "missing", "MIT", "testing"]
    assert text.splitlines()[2].endswith("testing (optional)")
    code, text = run("list", "--json", directory=tmp_path, known=known)
    assert [(row["id"], row["state"], row["size"]) for row in json.loads(text)] == [
        ("m", "missing", 7000), ("extra", "missing", 7000)
    ]  # fmt: skip


def test_fetch_then_nothing_to_do_then_verify(server: ModelServer, tmp_path: Path) -> None:
    model = model_of(BODY)
    server.put_hub(model, BODY)
    code, text = run("fetch", directory=tmp_path, known=[model])
    assert code == 0
    assert text.splitlines()[-1] == f"m: ok, in {tmp_path / 'm'}"
    assert run("fetch", "m", directory=tmp_path, known=[model]) == (0, f"already there: m in {tmp_path}\n")
    assert run("verify", directory=tmp_path, known=[model]) == (0, "m: ok\n")


def test_fetch_from_a_stick(tmp_path: Path) -> None:
    model = model_of(BODY, hub=False)
    (tmp_path / "model.bin").write_bytes(BODY)
    code, _ = run("fetch", "--offline-dir", str(tmp_path), directory=tmp_path / "to", known=[model])
    assert code == 0
    assert state_of(model, tmp_path / "to") == "ok"


def test_one_failure_does_not_stop_the_others(
    server: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = model_of(BODY, name="bad"), model_of(BODY, name="good")
    server.put_hub(good, BODY)
    code, text = run("fetch", directory=tmp_path, known=[bad, good])
    assert code == 1
    assert "good: ok" in text
    assert capsys.readouterr().err.startswith("edge-voice models: model.bin of bad could not be fetched; tried:\n  hub")


@pytest.mark.parametrize(
    ("memory", "free", "reason"),
    [
        (1_000, 10_000, "wants a device with 1800 MB of memory, this one has 1000"),
        (1_900, 50, "wants 100 MB of disk, 50 are left"),
        (1_900, -1, "wants 100 MB of disk, 0 are left"),
        (1_900, 10_000, ""),
    ],
)
def test_optional_models_only_where_they_fit(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, memory: int, free: int, reason: str
) -> None:
    monkeypatch.setattr(command, "_total_memory", lambda: memory * 1_000_000)
    monkeypatch.setattr(command, "_free_bytes", lambda _: free * 1_000_000)
    extra = replace(model_of(BODY, name="extra"), required=False, min_total_memory_mb=1800)
    known = [model_of(BODY), extra]
    for model in known:
        server.put_hub(model, BODY)
    code, text = run("fetch", directory=tmp_path, known=known)
    assert code == 0
    assert ("extra: left out" in text) == bool(reason)
    assert reason in text
    assert state_of(extra, tmp_path) == ("missing" if reason else "ok")
    assert run("fetch", "extra", directory=tmp_path, known=known)[0] == 0
    assert state_of(extra, tmp_path) == "ok"


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ((), "required"),
        (("list", "--nonsense"), "unrecognized arguments"),
        (("fetch", "n"), "there is no model 'n'; there are: m"),
        (("fetch", "--offline-dir", "/nowhere"), "--offline-dir /nowhere: is not a directory"),
    ],
)
def test_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], complaint: str) -> None:
    assert run(*argv, directory=tmp_path, known=[model_of(BODY)]) == (2, "")
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("argv", [("--help",), ("list", "--help"), ("fetch", "--help"), ("verify", "--help")])
def test_help_has_an_example(tmp_path: Path, argv: tuple[str, ...]) -> None:
    code, text = run(*argv, directory=tmp_path, known=[model_of(BODY)])
    assert code == 0
    assert "example" in text
    assert "edge-voice models " in text


def test_verify_fails_with_1(tmp_path: Path) -> None:
    code, text = run("verify", directory=tmp_path, known=[model_of(BODY)])
    assert code == 1
    assert "is missing" in text
    assert "`edge-voice models fetch`" in text


def test_ctrl_c_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "fetch", interrupt)
    assert run("fetch", directory=tmp_path, known=[model_of(BODY)])[0] == 1
    assert "what has arrived is kept" in capsys.readouterr().err


def test_asking_for_the_state_loads_no_network_code(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from edge.agents.local import models;"
        "models.main(['list'], Path(sys.argv[1]), sys.stdout); sys.exit('urllib.request' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True)
