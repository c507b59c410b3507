"""A stand-in for the offline engine's worker: the true protocol, no models, and bad days on demand.

`python worker.py FOLDER {"crash": {"read": [1]}, ...}`. FOLDER outlives crashes: what was asked is kept
there, one numbered file a request, so that "the second read" means the second ever.

    crash    {request: [numbers]}: dies at these; "*" dies at every one
    half     {"speak": [numbers]}: sends half of the sound, then dies
    garbage  {request: text}: writes this to stdout instead of an answer
    hold     {request: [numbers]}: answers only once FOLDER/go exists
    refuse   part that cannot be loaded
    unsaid   part of which it never says that it is loaded
    dead     dies at the start
    deaf     does not end with its input
    text     what `read` understands (default: "tell me about {seconds:.1f} dogs")
    mind     tokens of the language model; absent: there is none
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.agents.local import wire

RATE = 24_000
WORD_S = 0.1


class StandIn:
    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder, self.plan = folder, plan
        self.out = os.fdopen(os.dup(1), "wb")
        self.cancelled: set[int] = set()

    def send(self, event: str, body: bytes = b"", **fields: object) -> None:
        self.out.write(wire.pack({"event": event, **fields}, body))
        self.out.flush()

    def take(self, head: dict[str, Any], body: bytes) -> None:
        request, job = head["request"], int(head.get("job", 0))
        if request == "load":
            self.load(head["part"])
            return
        number = self.note(request, head, body)
        if request == "cancel":
            return
        if request in self.plan.get("garbage", {}) and number == 1:
            self.out.write(self.plan["garbage"][request].encode())
            self.out.flush()
            return
        if self.planned("crash", request, number):
            sys.stderr.write(f"stand-in: {request} {number} is one too many\n")
            os._exit(7)
        while self.planned("hold", request, number) and not (self.folder / "go").exists():
            time.sleep(0.002)
        getattr(self, request)(job, head, body, number)
        self.send("done", job=job)

    def planned(self, kind: str, request: str, number: int) -> bool:
        wanted = self.plan.get(kind, {}).get(request, [])
        return wanted == "*" or number in wanted

    def note(self, request: str, head: dict[str, Any], body: bytes) -> int:
        number = len(list(self.folder.glob(f"{request}-*.json"))) + 1
        (self.folder / f"{request}-{number:04}.pcm").write_bytes(body)
        (self.folder / f"{request}-{number:04}.json").write_text(json.dumps(head))
        return number

    def load(self, part: str) -> None:
        if self.plan.get("unsaid") == part:
            return
        if self.plan.get("refuse") == part:
            self.send("failed", job=0, message=f"the {part} are not for sale")
        elif part == "mind" and "mind" not in self.plan:
            self.send("loaded", part=part, ok=False, reason="it is not installed", rss_mb=1)
        else:
            self.send("loaded", part=part, ok=True, reason="", rss_mb=1)

    def read(self, job: int, _head: dict[str, Any], body: bytes, number: int) -> None:
        seconds = len(body) / 32_000
        text = self.plan.get("text", "tell me about {seconds:.1f} dogs").format(seconds=seconds, number=number)
        self.send("text", job=job, text=text, score=-0.2, no_speech=0.01, seconds=seconds)

    def think(self, job: int, _head: dict[str, Any], _body: bytes, _number: int) -> None:
        for token in self.plan["mind"]:
            self.send("token", job=job, text=token)

    def speak(self, job: int, head: dict[str, Any], _body: bytes, number: int) -> None:
        sound = bytes(2 * int(RATE * WORD_S)) * len(head["text"].split())
        if self.planned("half", "speak", number):
            self.send("sound", sound[: len(sound) // 4 * 2], job=job)
            os._exit(8)
        self.send("sound", sound, job=job)


def main() -> None:
    folder, plan = Path(sys.argv[1]), json.loads(sys.argv[2])
    if plan.get("dead"):
        sys.stderr.write("stand-in: dead on arrival\n")
        sys.stderr.flush()
        os._exit(9)
    worker = StandIn(folder, plan)
    while (message := wire.read(sys.stdin.buffer.read)) is not None:
        worker.take(*message)
    while plan.get("deaf"):
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    main()
