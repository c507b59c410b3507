"""What no single key of [server] can tell."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

from edge.config.merging import shown
from edge.config.server import Server
from edge.config.web import address_of, is_everywhere, origin_of


def wrong_server(server: Server) -> list[str]:
    """All mistakes in it."""
    return [*_places(server), *_proxies(server), *_tls(server), *_workers(server)]


def _places(server: Server) -> Iterator[str]:
    address = address_of(server.listen)
    if address is None:
        yield f"server.listen = {shown(server.listen)} is no address with a port; one looks like 127.0.0.1:8080."
    elif is_everywhere(address[0]) and not server.public_url:
        yield (
            "server.listen takes every address, so server.public_url must say under which one people come, "
            "such as https://voice.example: a page under another name could talk to it otherwise."
        )
    if server.public_url and not _is_origin(server.public_url):
        yield (
            f"server.public_url = {shown(server.public_url)} must be scheme and host alone; "
            "one looks like https://voice.example."
        )
    for one in server.origins:
        if not _is_origin(one):
            yield f"server.origins: {shown(one)} is no origin; one looks like https://voice.example."


def _proxies(server: Server) -> Iterator[str]:
    for one in server.proxies:
        try:
            everyone = ip_network(one, strict=False).prefixlen == 0
        except ValueError:
            yield f"server.proxies: {shown(one)} is no address or network; one looks like 10.0.0.0/8."
        else:
            if everyone:
                yield f"server.proxies: {one} would believe anybody's X-Forwarded-For; name the proxies alone."


def _tls(server: Server) -> Iterator[str]:
    if bool(server.tls_cert) is not bool(server.tls_key):
        yield "server.tls_cert and server.tls_key need each other."


def _workers(server: Server) -> Iterator[str]:
    if server.workers > 1 and not server.redis:
        yield "server.workers > 1 needs server.redis, which the processes share."
    try:
        parts = urlsplit(server.redis)
        good = parts.scheme in {"redis", "rediss", "unix"} and bool(parts.hostname or parts.path)
        secret = parts.password is not None
    except ValueError:
        good = secret = False
    if server.redis and not good:
        yield f"server.redis = {shown(server.redis)} is no address of a Redis; one looks like redis://localhost:6379/0."
    elif secret:
        yield "server.redis must not hold a password; it is the credential or variable redis_password."


def _is_origin(text: str) -> bool:
    origin = origin_of(text)
    return origin is not None and text.rstrip("/").lower() == origin
