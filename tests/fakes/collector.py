"""A collector of traces: OTLP over HTTP, parsed by OpenTelemetry's own messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet  # type: ignore[import-untyped]  # protobuf has no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """`spans` are what it has taken; it answers with the `refusals` first: a status, and headers."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.refusals: list[tuple[int, Mapping[str, str]]] = []
        self.bytes = 0
        self.url = ""

    def named(self, name: str) -> list[Span]:
        """Those of this name."""
        return [span for span in list(self.spans) if span.name == name]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Mapping[str, str]]:
        """A request, and the answer."""
        self.paths.append(path)
        self.headers.append(headers)
        if self.refusals:
            return self.refusals.pop(0)
        message = ExportTraceServiceRequest.FromString(body)
        for of_one in message.resource_spans:
            self.resources.append(attributes(of_one.resource))
            for scope in of_one.scope_spans:
                assert (scope.scope.name, bool(scope.scope.version)) == ("edge-voice", True)
                assert not any(len(UnknownFieldSet(part)) for part in (message, of_one, scope, *scope.spans))
                self.spans += scope.spans
        self.bytes += len(body)
        return 200, {}


def attributes(holder: Any) -> dict[str, Any]:
    """Of a span or a resource."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in holder.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """One that listens on the loopback."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = collector.take(self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)
