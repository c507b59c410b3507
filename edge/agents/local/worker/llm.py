"""The small language model, on llama.cpp."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import xllamacpp

from edge.errors import ModelError

CONTEXT = 2048  # eight short exchanges; more costs memory and first-token time
MEMORY_MB = 900  # 650 resident for the 0.5 B model, and room for the rest of the device


class Mind:
    """A chat model. `socket` is where llama.cpp's own server listens: a private Unix socket, no port."""

    def __init__(self, model: Path, socket: Path, threads: int) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.n_ctx, params.n_parallel, params.n_gpu_layers = CONTEXT, 1, 0
        params.cpuparams.n_threads = threads
        params.hostnames = [str(socket)]
        params.verbosity = -1
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:  # noqa: BLE001  the binding raises bare RuntimeErrors
            raise ModelError(f"The language model {model.name} cannot be loaded: {error}.") from None

    def answer(self, messages: list[dict[str, str]], most: int, token: Callable[[str], bool]) -> None:
        """Stream a reply; `token` gets each piece and returns False to stop."""

        def arrived(chunk: object) -> bool:
            pieces = chunk if isinstance(chunk, list) else [chunk]
            texts = [t for piece in pieces if (t := _content(piece))]
            wanted = [token(text) for text in texts]
            return not all(wanted)

        request = {"messages": messages, "max_tokens": most, "temperature": 0.3, "stream": True, "cache_prompt": True}
        self._server.handle_chat_completions(request, arrived)


def _content(piece: object) -> str:
    choices = piece.get("choices") if isinstance(piece, dict) else None
    if not choices:
        return ""
    content = choices[0].get("delta", {}).get("content")
    return content if isinstance(content, str) else ""
