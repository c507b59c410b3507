"""What the fake needs of Deepgram's SDK, whose import warns: it uses the `legacy` client of `websockets`."""

from __future__ import annotations

import inspect
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from deepgram.listen.v1 import client as v1_client
    from deepgram.listen.v1 import types as v1
    from deepgram.listen.v2 import client as v2_client
    from deepgram.listen.v2 import types as v2
    from pydantic import BaseModel

__all__ = ["PARAMETERS", "BaseModel", "v1", "v2"]


def _parameters(connect: object) -> frozenset[str]:
    assert callable(connect)
    return frozenset(inspect.signature(connect).parameters) - {"self", "authorization", "request_options"}


# The query parameters that the vendor publishes, by the path.
PARAMETERS = {
    "/v1/listen": _parameters(v1_client.AsyncV1Client.connect),
    "/v2/listen": _parameters(v2_client.AsyncV2Client.connect),
}
