"""The items of a conversation, in order. Pure. The audio behind them is not kept: an engine has heard it."""

from __future__ import annotations

import copy
from typing import Any

from edge.relay.voice.own.problems import Json, Wrong, missing, text, unsupported

MOST_ITEMS = 500  # the oldest go; the engines look back far less
MOST_TEXT = 20_000  # characters
LONGEST_ID = 32
ROLES = {"user": ("input_text", "input_audio"), "assistant": ("output_text",), "system": ("input_text",)}
KINDS = ("message", "function_call", "function_call_output")


class Items:
    """`add` what has been checked by `checked`."""

    def __init__(self) -> None:
        self._items: dict[str, Json] = {}
        self.audio_ms: dict[str, int] = {}  # of the assistant's, as sent

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def __len__(self) -> int:
        return len(self._items)

    def get(self, item_id: str, verb: str) -> Json:
        """An item; `verb` is delete, retrieve or truncate, for the error when there is none."""
        found = self._items.get(item_id)
        if found is None:
            doing = verb.removesuffix("e") + "ing"
            lost = f"Error {doing} item: the item with id '{item_id[:40]}' does not exist."
            raise Wrong(f"item_{verb}_invalid_item_id", lost, "item_id")
        return found

    def add(self, item: Json, after: str | None = None) -> str | None:
        """Put it after another ("root": first; None: last); the id of the one before."""
        order = list(self._items)
        at = len(order) if after is None else 0 if after == "root" else order.index(after) + 1
        order.insert(at, item["id"])
        self._items[item["id"]] = item
        if at < len(order) - 1:
            self._items = {key: self._items[key] for key in order}
        if len(self._items) > MOST_ITEMS:
            self._remove(next(iter(self._items)))
        return order[at - 1] if at else None

    def before(self, item_id: str) -> str | None:
        """The id of the one before; None also for one that has gone."""
        previous = None
        for key in self._items:
            if key == item_id:
                return previous
            previous = key
        return None

    def delete(self, item_id: str) -> None:
        """Take it out."""
        self.get(item_id, "delete")
        self._remove(item_id)

    def truncate(self, item_id: str, end_ms: int) -> None:
        """Its transcript goes, since nobody knows what of it was heard."""
        item = self.get(item_id, "truncate")
        have = self.audio_ms.get(item_id)
        if have is None:
            raise Wrong("unsupported_content_type", "Only model output audio messages can be truncated")
        if end_ms > have:
            raise Wrong("invalid_value", f"Audio content of {have}ms is already shorter than {end_ms}ms")
        self.audio_ms[item_id] = end_ms
        for part in item.get("content", []):
            part.pop("transcript", None)

    def checked(self, item: Json, after: Any, new_id: str) -> Json:
        """An item as the client gave it, complete; raises Wrong."""
        found = copy.deepcopy(item)
        found.setdefault("id", new_id)
        if len(text(found, "id", "item.")) > LONGEST_ID:
            raise Wrong("string_above_max_length", f"Invalid 'item.id': more than {LONGEST_ID} characters.", "item.id")
        if found["id"] in self._items:
            raise Wrong("item_create_duplicate_item_id", "Error adding item: an item with this id already exists.")
        if after is not None and after != "root" and (not isinstance(after, str) or after not in self._items):
            lost = "Error adding item: the previous item does not exist."
            raise Wrong("item_create_invalid_previous_item_id", lost, "previous_item_id")
        kind = text(found, "type", "item.")
        if kind not in KINDS:
            raise unsupported("item.type", kind, KINDS)
        if kind == "message":
            _check_message(found)
        else:
            self._check_function(found, new_id)
        return {**found, "object": "realtime.item", "status": "completed"}

    def _check_function(self, item: Json, new_id: str) -> None:
        if item["type"] == "function_call":
            item.setdefault("call_id", new_id.replace("item", "call"))
            text(item, "name", "item.")
            text(item, "arguments", "item.")
            return
        text(item, "output", "item.")
        call = text(item, "call_id", "item.")
        if not any(one["type"] == "function_call" and one["call_id"] == call for one in self._items.values()):
            raise Wrong("invalid_tool_call_id", f"Tool call ID '{call[:60]}' not found in conversation.")

    def _remove(self, item_id: str) -> None:
        del self._items[item_id]
        self.audio_ms.pop(item_id, None)


def shown(item: Json) -> Json:
    """Without the audio that a client has put into it."""
    if "content" not in item:
        return copy.deepcopy(item)
    content = [{key: value for key, value in part.items() if key != "audio"} for part in item["content"]]
    return {**{key: copy.deepcopy(value) for key, value in item.items() if key != "content"}, "content": content}


def words(item: Json) -> str:
    """What a person's message says in text."""
    if item.get("role") != "user":
        return ""
    return " ".join(part["text"] for part in item.get("content", []) if part["type"] == "input_text").strip()


def _check_message(item: Json) -> None:
    role = text(item, "role", "item.")
    if role not in ROLES:
        raise unsupported("item.role", role, tuple(ROLES))
    content = item.get("content")
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise missing("item.content")
    for index, part in enumerate(content):
        where = f"item.content[{index}]."
        kind = text(part, "type", where)
        if kind not in ROLES[role]:
            raise unsupported(f"{where}type", kind, ROLES[role])
        if len(text(part, "audio" if kind == "input_audio" else "text", where)) > MOST_TEXT and kind != "input_audio":
            raise Wrong("string_above_max_length", f"'{where}text' has more than {MOST_TEXT} characters.")
