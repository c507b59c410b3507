"""The section [server] of the configuration: `edge-voice relay`."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config.fields import setting


@dataclass(frozen=True, slots=True)
class Server:
    """The section [server]. Redis' password is the credential or variable redis_password."""

    listen: str = setting("127.0.0.1:8080", "address and port to serve at, such as 0.0.0.0:443 or [::]:443")
    public_url: str = setting("", "where people and devices find it, such as https://voice.example; needed when it "
                                  "listens on every address, or a proxy stands before it")  # fmt: skip
    origins: tuple[str, ...] = setting((), "other origins whose pages may talk to it, such as https://other.example")
    proxies: tuple[str, ...] = setting((), "addresses or networks of proxies whose X-Forwarded-For is believed")
    tls_cert: str = setting("", "file with the certificate and its chain, for TLS without a proxy")
    tls_key: str = setting("", "file with its key")
    workers: int = setting(1, "processes; more than one needs redis", 1, 64)
    redis: str = setting("", "the Redis that all processes share, such as redis://localhost:6379/0; none when empty")
    database: str = setting("", "file of people and devices; relay.sqlite in the state directory when empty")
    engine: str = setting("auto", "who answers: the vendor where there is a key (auto, realtime), or this project's "
                                  "own engines", choices=("auto", "realtime", "chained", "local"))  # fmt: skip
    sessions: int = setting(50, "most conversations at once, in each process", 1, 10_000)
    sessions_each: int = setting(2, "most conversations at once, of a person or device", 1, 100)
    call_minutes: float = setting(15.0, "longest conversation", 0.1, 60)
    daily_each: float = setting(2.0, "most money that a person or device may spend in a day, in budget.currency; "
                                     "0 sets no limit (budget.daily limits all together)", 0, 10_000)  # fmt: skip
    devices: int = setting(5000, "most device links at once, in each process", 1, 100_000)
    links_per_address: int = setting(64, "most connections at once from an address (IPv6: a /64)", 1, 100_000)
    requests_per_second: float = setting(20.0, "requests from an address in the long run; five seconds' worth at once",
                                         0.1, 10_000)  # fmt: skip
    log: str = setting("auto", "how it logs: lines to read (text), or one of JSON each (json); auto is journal fields "
                               "under systemd, else text", choices=("auto", "text", "json"))  # fmt: skip
