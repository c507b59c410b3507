"""Passkeys (WebAuthn): a key pair in the person's phone or computer, bound to the relay's name.

A challenge is a code that is good once (store.codes); the browser gives it back in what it signs.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from edge.config.web import origin_of
from edge.relay.asking import wrong
from edge.relay.people.repository import Person, by_id
from edge.relay.refused import Refused
from edge.relay.store import codes

CHALLENGE_S = 300.0
MOST_EACH = 20
Use = Literal["passkey_register", "passkey_login"]


@dataclass(frozen=True, slots=True)
class Place:
    """Which page the browser says it is on, and the name that its passkeys are bound to."""

    origin: str
    name: str


def place(origin: str) -> Place:
    """Refused (409) where a browser makes no passkeys: under an address of numbers."""
    name = urlsplit(origin).hostname or ""
    numbers = ":" in name or name.replace(".", "").isdecimal()
    if origin_of(origin) != origin or numbers:
        raise Refused(409, "no_passkeys_here", "A browser has passkeys only for a name. Open this page by its name "
                      "(on this machine: localhost), or use a password.")  # fmt: skip
    return Place(origin, name)


def begin_register(db: sqlite3.Connection, at: Place, person: Person, now: float) -> dict[str, Any]:
    """The options of navigator.credentials.create, as JSON has them."""
    from webauthn import base64url_to_bytes, generate_registration_options
    from webauthn.helpers import options_to_json_dict, structs

    known = [row["id"] for row in db.execute("SELECT id FROM passkeys WHERE person = ?", (person.id,))]
    if len(known) >= MOST_EACH:
        raise Refused(409, "too_many_passkeys", "There are many passkeys already. Please remove one first.")
    options = generate_registration_options(
        rp_id=at.name, rp_name="edge-voice", user_id=person.id.encode(), user_name=person.name,
        challenge=_challenge(db, "passkey_register", person.id, now), timeout=int(CHALLENGE_S * 1000),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(base64url_to_bytes(one)) for one in known],
    )  # fmt: skip
    return options_to_json_dict(options)


def finish_register(  # noqa: PLR0913  a row
    db: sqlite3.Connection, at: Place, person: str, credential: Any, *, label: str, now: float
) -> None:
    """Keep the new passkey. Refused (400) when it does not prove itself."""
    from webauthn import base64url_to_bytes, verify_registration_response
    from webauthn.helpers import bytes_to_base64url

    challenge = _answered(db, "passkey_register", credential, now, person)
    try:
        found = verify_registration_response(
            credential=credential, expected_challenge=base64url_to_bytes(challenge), expected_rp_id=at.name,
            expected_origin=at.origin, require_user_verification=True,
        )  # fmt: skip
    except Exception as error:  # whatever its parsers make of bytes from outside
        raise _unproven() from error
    db.execute(
        "INSERT INTO passkeys (id, person, public_key, uses, label, created) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        (bytes_to_base64url(found.credential_id), person, found.credential_public_key, found.sign_count, label, now),
    )


def begin_login(db: sqlite3.Connection, at: Place, now: float) -> dict[str, Any]:
    """The options of navigator.credentials.get: any passkey of this relay; who it is, it says itself."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=at.name, challenge=_challenge(db, "passkey_login", "", now), timeout=int(CHALLENGE_S * 1000),
        user_verification=UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return options_to_json_dict(options)


def finish_login(db: sqlite3.Connection, at: Place, credential: Any, now: float) -> Person:
    """Whose passkey it is. Refused (401) when it is nobody's, or proves nothing."""
    from webauthn import base64url_to_bytes, verify_authentication_response

    challenge = _answered(db, "passkey_login", credential, now, "")
    row = db.execute("SELECT * FROM passkeys WHERE id = ?", (credential.get("id"),)).fetchone()
    if row is None:
        raise Refused(401, "unknown_passkey", "This passkey is not known here.")
    try:
        found = verify_authentication_response(
            credential=credential, expected_challenge=base64url_to_bytes(challenge), expected_rp_id=at.name,
            expected_origin=at.origin, credential_public_key=row["public_key"],
            credential_current_sign_count=row["uses"], require_user_verification=True,
        )  # fmt: skip
    except Exception as error:  # as above; also a count that goes back, which a copied key's does
        raise _unproven(401) from error
    db.execute("UPDATE passkeys SET uses = ?, used = ? WHERE id = ?", (found.new_sign_count, now, row["id"]))
    person = by_id(db, row["person"])
    assert person is not None  # a passkey goes with its person
    return person


def of(db: sqlite3.Connection, person: str) -> list[dict[str, object]]:
    """To be shown to whom they belong."""
    rows = db.execute("SELECT id, label, created, used FROM passkeys WHERE person = ? ORDER BY created", (person,))
    return [dict(row) for row in rows]


def remove(db: sqlite3.Connection, person: str, passkey: str) -> bool:
    """Refused (409) for the last way in."""
    ids = {row["id"] for row in db.execute("SELECT id FROM passkeys WHERE person = ?", (person,))}
    if passkey not in ids:
        return False
    found = by_id(db, person)
    if found is not None and found.password is None and len(ids) == 1:
        raise Refused(409, "last_way_in", "This is the only way to sign in. Set a password or add a passkey first.")
    db.execute("DELETE FROM passkeys WHERE id = ?", (passkey,))
    return True


def _challenge(db: sqlite3.Connection, use: Use, person: str, now: float) -> bytes:
    from webauthn import base64url_to_bytes

    challenge = codes.long()
    codes.make(db, use, challenge, now=now, seconds=CHALLENGE_S, subject=person)
    return base64url_to_bytes(challenge)


def _answered(db: sqlite3.Connection, use: Use, credential: Any, now: float, person: str) -> str:
    """The challenge that the browser was given by us, and that is used up by this."""
    from webauthn import base64url_to_bytes

    try:
        said = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        challenge = said["challenge"]
        known = isinstance(challenge, str) and isinstance(credential.get("id"), str)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise wrong("That is no passkey's answer.") from None
    code = codes.take(db, use, challenge, now=now) if known else None
    if code is None or code.subject != person:
        raise Refused(400, "challenge_expired", "That took too long. Please try again.")
    return str(challenge)


def _unproven(status: int = 400) -> Refused:
    return Refused(status, "passkey_refused", "This passkey could not be verified.")
