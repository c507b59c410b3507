"""The companion page: a handful of files, read once, packed once, and served with an ETag.

Comments and what lines are indented by stay here: a browser has no use for that sixth of them.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.relay.house import House
from edge.relay.refused import Refused

FOLDER = Path(__file__).parent / "page"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
COMMENT = re.compile(r"(^|\s+)// [^\"'`]*$|^// .*$")  # in a line of a script; after it no string ends, so it is in none
SPACES = re.compile(r"\s*([{};,])\s*|(?<=:)\s+")  # around signs that no string of the style sheet has
SMALL = 600  # bytes that are not worth packing


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file. `packed` is None where gzip would save nothing."""

    plain: bytes
    packed: bytes | None
    kind: str
    tag: str


def sheet(path: Path) -> Sheet:
    """A file of the page as it is served."""
    plain = path.read_bytes() if path.suffix == ".png" else lean(path.read_text(), path.suffix).encode()
    packed = gzip.compress(plain, 9, mtime=0) if len(plain) > SMALL and path.suffix != ".png" else None
    return Sheet(plain, packed, KINDS[path.suffix], f'"{hashlib.sha256(plain).hexdigest()[:20]}"')


def lean(text: str, suffix: str) -> str:
    """What there is stays on its line, for whoever looks for a fault. No string of the page goes over more than one."""
    lines = [line.strip() for line in text.splitlines()]
    if suffix == ".js":
        lines = [COMMENT.sub("", line) for line in lines]
    whole = "".join(f"{line}\n" for line in lines if line)
    return SPACES.sub(lambda found: found[1] or "", whole) if suffix == ".css" else whole


def routes(_: House) -> list[BaseRoute]:
    """See edge.relay.app."""
    sheets = {path.name: sheet(path) for path in FOLDER.iterdir() if path.suffix in KINDS}

    async def index(request: Request) -> Response:
        return _served(request, sheets["index.html"])

    async def file(request: Request) -> Response:
        found = sheets.get(request.path_params["name"])
        if found is None:
            raise Refused(404, "not_found", "There is nothing here.")
        return _served(request, found)

    return [Route("/", index, methods=["GET"]), Route("/page/{name}", file, methods=["GET"])]


def _served(request: Request, found: Sheet) -> Response:
    # no-cache: the browser asks each time whether it is still the same, which costs one small answer, and a page is
    # never half an old and half a new one after an update
    headers = {"ETag": found.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if found.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.kind)
    return Response(found.plain, headers=headers, media_type=found.kind)
