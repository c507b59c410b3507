"""Under which names the relay is reached: what Host and Origin may say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.config.server import Server
from edge.config.web import address_of, is_everywhere, is_loopback, origin_of


@dataclass(frozen=True, slots=True)
class Origins:
    """`own` is the first one, where links point; `allowed` are compared as they stand, as are `hosts`."""

    own: str
    allowed: frozenset[str]
    hosts: frozenset[str]

    @property
    def secure(self) -> bool:
        """Whether people reach it by TLS."""
        return self.own.startswith("https:")

    @property
    def host(self) -> str:
        """The name without a port, as passkeys are bound to."""
        return urlsplit(self.own).hostname or ""


def origins(server: Server, port: int | None = None) -> Origins:
    """Of the configuration; `port` is the one in fact listened to, where the configured one is 0."""
    host, configured = address_of(server.listen) or ("127.0.0.1", 8080)
    port = port or configured
    scheme = "https" if server.tls_cert else "http"
    names = [host] if not is_everywhere(host) else []
    if is_loopback(host) or is_everywhere(host):
        names += ["localhost", "127.0.0.1", "::1"]
    here = [origin_of(f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}") for name in names]
    public = origin_of(server.public_url) if server.public_url else None
    found = [one for one in (public, *here, *map(origin_of, server.origins)) if one]
    reached = [one for one in (public, *here) if one]
    return Origins(found[0], frozenset(found), frozenset(one.partition("://")[2] for one in reached))
