"""What the fleet asks of a relay, with a token that adds and revokes devices and does nothing else."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from provision.fleeting.errors import FleetError

LIMIT_S = 15
MOST_BYTES = 1 << 20
NOT_OURS = {401, 403}  # unknown or taken back; a token for talking


class Relay:
    """One relay, by its address; raises FleetError with its own words."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self._token = url.rstrip("/"), token

    def enrolment_code(self) -> str:
        """A code that is good once, for a day."""
        code = self._ask("POST", "/api/fleet/enrolments", {}).get("code")
        if not isinstance(code, str) or not code:
            raise FleetError(f"{self.url} gave no code.")
        return code

    def revoke(self, device: str) -> bool:
        """Every device of that name: its live link is cut within a second. False where there is none."""
        known = [one for one in self._ask("GET", "/api/fleet/devices").get("devices", ()) if one.get("name") == device]
        for one in known:
            self._ask("DELETE", f"/api/fleet/devices/{one['id']}")
        return bool(known)

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310  http(s) by fleet.toml's check
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:  # noqa: S310  the same
                return _object(answer.read(MOST_BYTES))
        except urllib.error.HTTPError as error:
            raise FleetError(_words(error, self.url)) from None
        except (OSError, ValueError) as error:
            raise FleetError(f"{self.url} cannot be reached: {getattr(error, 'reason', error)}") from None


def _object(text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        raise FleetError("The relay's answer is not JSON; is that address a relay's?") from None
    return said if isinstance(said, dict) else {}


def _words(error: urllib.error.HTTPError, url: str) -> str:
    if error.code in NOT_OURS:
        return f"{url} does not take this token; on the relay: edge-voice relay fleet-token NAME"
    try:
        return f"{url}: {json.loads(error.read(MOST_BYTES))['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{url}: {error.code} {error.reason}"
