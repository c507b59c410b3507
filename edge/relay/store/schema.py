"""The tables, by the steps in which they came: PRAGMA user_version counts the steps that a file has had.

A step that has been released is never changed; a change is another step at the end. Times are seconds since 1970.
Codes, sessions and tokens are kept as SHA-256 of what their holder has.
"""

from __future__ import annotations

STEPS = (
    """
    CREATE TABLE people (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, owner INTEGER NOT NULL DEFAULT 0,
        password TEXT, created REAL NOT NULL
    ) STRICT;
    CREATE TABLE passkeys (
        id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people ON DELETE CASCADE, public_key BLOB NOT NULL,
        uses INTEGER NOT NULL, label TEXT NOT NULL, created REAL NOT NULL, used REAL
    ) STRICT;
    CREATE INDEX passkeys_of ON passkeys (person);
    CREATE TABLE sessions (
        hash TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
        created REAL NOT NULL, seen REAL NOT NULL, expires REAL NOT NULL
    ) STRICT;
    CREATE INDEX sessions_of ON sessions (person);
    CREATE TABLE devices (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, public_key BLOB NOT NULL UNIQUE, created REAL NOT NULL,
        seen REAL, transcripts INTEGER NOT NULL DEFAULT 0, revoked REAL
    ) STRICT;
    CREATE TABLE access (
        person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
        device TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('viewer', 'owner')), PRIMARY KEY (person, device)
    ) STRICT;
    CREATE INDEX access_to ON access (device);
    CREATE TABLE tokens (
        hash TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('client', 'device')), holder TEXT NOT NULL,
        name TEXT NOT NULL, created REAL NOT NULL, expires REAL
    ) STRICT;
    CREATE INDEX tokens_of ON tokens (kind, holder);
    CREATE TABLE codes (
        hash TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL DEFAULT '', data TEXT NOT NULL DEFAULT '{}',
        created REAL NOT NULL, expires REAL NOT NULL, used REAL
    ) STRICT;
    CREATE INDEX codes_by_end ON codes (expires);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL, name TEXT NOT NULL,
        what TEXT NOT NULL, device TEXT, fields TEXT NOT NULL DEFAULT '{}'
    ) STRICT;
    CREATE INDEX audit_of ON audit (device, id);
    CREATE TABLE usage (
        day TEXT NOT NULL, who TEXT NOT NULL, device TEXT NOT NULL DEFAULT '', model TEXT NOT NULL,
        seconds REAL NOT NULL DEFAULT 0, tokens INTEGER NOT NULL DEFAULT 0, cost REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (day, who, device, model)
    ) STRICT;
    CREATE TABLE calls (
        call_id TEXT PRIMARY KEY, who TEXT NOT NULL, started REAL NOT NULL, until REAL NOT NULL, node TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE INDEX devices_revoked ON devices (revoked) WHERE revoked IS NOT NULL;
    CREATE INDEX tokens_by_end ON tokens (expires)
    """,
    """
    ALTER TABLE tokens ADD COLUMN scope TEXT NOT NULL DEFAULT ''
    """,
)
