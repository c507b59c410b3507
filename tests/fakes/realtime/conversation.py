"""The items of a conversation, in order, and the audio behind them."""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.realtime.schema import Problem, missing
from tests.fakes.realtime.script import BYTES_PER_MS

Item = dict[str, Any]


def decoded(audio: str) -> bytes | None:
    """The bytes of base64; None when it is none."""
    try:
        return base64.b64decode(audio, validate=True)
    except ValueError:
        return None


@dataclass
class Entry:
    """An item with its audio: of the user as committed, of the assistant as sent so far."""

    item: Item
    pcm: bytearray = field(default_factory=bytearray)

    @property
    def audio_ms(self) -> int:
        """How much audio it has."""
        return len(self.pcm) // BYTES_PER_MS

    def retrieved(self) -> Item:
        """As `conversation.item.retrieved` shows it, with the audio."""
        item = copy.deepcopy(self.item)
        for part in item.get("content", []):
            if part["type"] in {"input_audio", "output_audio"}:
                part["audio"] = base64.b64encode(self.pcm).decode()
        return item


class Conversation:
    """Order matters: each item is announced with the one before it."""

    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self.entries: dict[str, Entry] = {}

    @property
    def items(self) -> tuple[Item, ...]:
        """In order."""
        return tuple(entry.item for entry in self.entries.values())

    @property
    def last(self) -> str | None:
        """The last item's id."""
        return next(reversed(self.entries), None)

    def add(self, item: Item, pcm: bytes = b"", after: str | None = None) -> str | None:
        """Put an item after another ("root": first), at the end by default; the id before it."""
        order = [*self.entries]
        at = len(order) if after is None else 0 if after == "root" else order.index(after) + 1
        order.insert(at, item["id"])
        self.entries[item["id"]] = Entry(item, bytearray(pcm))
        self.entries = {key: self.entries[key] for key in order}
        return self.before(item["id"])

    def before(self, item_id: str) -> str | None:
        """The id of the item before."""
        order = [*self.entries]
        at = order.index(item_id)
        return order[at - 1] if at else None

    def refused(self, item: Item, after: str | None) -> Problem | None:
        """Why an item cannot be created."""
        name = item.get("id", "")
        if len(name) > 32:
            long = f"Expected a string with maximum length 32, but got a string with length {len(name)} instead."
            return Problem("string_above_max_length", f"Invalid 'item.id': string too long. {long}", "item.id")
        if name in self.entries:
            taken = f"Error adding item: an item with id '{name}' already exists."
            return Problem("item_create_duplicate_item_id", taken, "item.id")
        if after not in {None, "root", *self.entries}:
            lost = f"Error adding item: the previous item with id '{after}' does not exist."
            return Problem("item_create_invalid_previous_item_id", lost, "previous_item_id")
        return self._unfit(item)

    def _unfit(self, item: Item) -> Problem | None:
        if item["type"] == "function_call_output" and item["call_id"] not in self._calls():
            lost = f"Tool call ID '{item['call_id']}' not found in conversation."
            return Problem("invalid_tool_call_id", lost)
        for index, part in enumerate(item.get("content", [])):
            path = f"item.content[{index}]"
            if "type" not in part:
                return missing(f"{path}.type")
            # Assistant audio cannot be seeded: the vendor asks for text in its place.
            wanted = {"input_audio": "audio", "input_image": "image_url"}.get(part["type"], "text")
            if part.get(wanted) is None:
                return missing(f"{path}.{wanted}")
            if wanted == "audio" and decoded(part["audio"]) is None:
                return Problem("invalid_value", f"Invalid '{path}.audio'. Expected base64.", f"{path}.audio")
        return None

    def _calls(self) -> set[str]:
        return {item["call_id"] for item in self.items if item["type"] == "function_call"}  # given to all that lack one

    def absent(self, item_id: str, verb: str) -> Problem | None:
        """The error when there is no such item; `verb` is delete, retrieve or truncate."""
        if item_id in self.entries:
            return None
        doing = verb.removesuffix("e") + "ing"
        lost = f"Error {doing} item: the item with id '{item_id}' does not exist."
        return Problem(f"item_{verb}_invalid_item_id", lost, "item_id")

    def truncate(self, item_id: str, audio_end_ms: int) -> Problem | None:
        """Cut an assistant item's audio; its transcript goes, since nobody knows what of it was heard."""
        entry = self.entries[item_id]
        parts = entry.item.get("content", [])
        if entry.item.get("role") != "assistant" or not entry.pcm:
            return Problem("unsupported_content_type", "Only model output audio messages can be truncated")
        if audio_end_ms < 0:
            low = "integer below minimum value. Expected a value >= 0"
            text = f"Invalid 'audio_end_ms': {low}, but got {audio_end_ms} instead."
            return Problem("integer_below_min_value", text, "audio_end_ms")
        if audio_end_ms > entry.audio_ms:
            short = f"Audio content of {entry.audio_ms}ms is already shorter than {audio_end_ms}ms"
            return Problem("invalid_value", short)
        del entry.pcm[audio_end_ms * BYTES_PER_MS :]
        for part in parts:
            part.pop("transcript", None)
        return None
