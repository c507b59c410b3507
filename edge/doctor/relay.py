"""The link to the relay, as the running daemon tells of it."""

from __future__ import annotations

from typing import Any

from edge.doctor.checks import Result, Results, fail, skipped, warn, well
from edge.doctor.site import BAD_CONFIG, Presence, Site

PAIR = "edge-voice pair"
LOG = "See: edge-voice status; journalctl -u edge-voice -n 30"


def check(site: Site) -> Results:
    """Only the daemon knows: it alone has the link."""
    if site.config is None:
        return [BAD_CONFIG]
    link = site.daemon.of("link")
    if site.daemon.presence is not Presence.RUNS or not link:
        wanted = site.config.relay.url
        return [skipped("No daemon runs that could have the link." if wanted else "No relay is configured.")]
    return [judged(link)]


def judged(link: dict[str, Any]) -> Result:
    """What `link` of the status means."""
    relay, problem, standing = link.get("relay"), str(link.get("problem") or ""), str(link.get("standing"))
    fine = {
        "off": skipped("No relay is configured."),
        "unpaired": warn(problem or f"This device is not known to {relay} yet.", PAIR),
        "pairing": warn(f"{relay} waits for the code to be typed.", f"Again: {PAIR}"),
        "online": well(f"Linked to {relay}, for {link.get('for_s')} s."),
        "unknown": fail(problem or f"{relay} does not know this device.", PAIR),
    }
    if standing == "connecting" and not problem:
        return warn(f"{relay} is being dialled.", LOG)
    return fine.get(standing) or fail(problem or f"There is no link to {relay}.", LOG)
