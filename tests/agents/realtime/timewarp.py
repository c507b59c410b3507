"""An event loop whose time jumps to the next deadline: hours of waiting in milliseconds, for code without sockets."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable


class _Selector(selectors.DefaultSelector):
    """Never waits; says how long it was asked to."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for something that never comes"
        self.waited += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._warp = _Selector()
        super().__init__(self._warp)

    def time(self) -> float:
        return 1000.0 + self._warp.waited


def warped(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test on such a loop."""

    async def main() -> None:
        await test()

    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(main())
