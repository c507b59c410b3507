"""Web addresses as the configuration gives them."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str | None:
    """Scheme, host and port (if not the usual one) as a browser writes an Origin; None for what is no web address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not host or parts.username is not None or not _is_name(host):
        return None
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port not in {None, PORTS[parts.scheme]} else "")


def address_of(listen: str) -> tuple[str, int] | None:
    """Host and port of "127.0.0.1:8080" or "[::]:443"; None for what is neither."""
    try:
        parts = urlsplit(f"//{listen}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or port is None or parts.netloc != listen or "@" in listen or not _is_name(host):
        return None
    return host, port


def is_everywhere(host: str) -> bool:
    """Whether it stands for all of the machine's addresses."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether nobody else's machine reaches it."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_name(host: str) -> bool:
    return host.isascii() and all(c.isalnum() or c in "-._:" for c in host)
