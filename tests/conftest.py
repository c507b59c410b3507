"""What holds for all tests."""

from __future__ import annotations

import os

# Tests must not talk to a vendor, whatever keys their developer has about them.
for _name in ("OPENAI_API_KEY", "CREDENTIALS_DIRECTORY"):
    os.environ.pop(_name, None)
