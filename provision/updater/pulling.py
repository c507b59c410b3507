"""`pull`: what the channel offers to this device, fetched and applied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from . import fetching, minisign, records
from .applying import Applier, How, free_bytes
from .channel import CHANNEL, Asker, Offer, offered, parse, trouble
from .channel import MOST_BYTES as MOST_CHANNEL
from .decisions import CLOCK_SLACK, no_room
from .errors import Refused
from .switching import Switcher

MOST_SIGNATURE = 4096


def pull(switcher: Switcher, applier: Applier, how: How) -> str:
    """Gives a line about what was done; raises UpdateError."""
    url = switcher.settings.channel
    if not url:
        return "No channel is set in update.conf; nothing is fetched."
    layout = switcher.layout
    keys = minisign.load_keys(layout.keys)
    data = fetching.small(url, MOST_CHANNEL)
    minisign.verify(data, fetching.small(f"{url}.minisig", MOST_SIGNATURE), keys)
    channel, facts, history = parse(data), applier.facts(), records.load_history(layout)
    now = max(facts.now, facts.known, channel.created - CLOCK_SLACK)
    asker = Asker(facts.kind, switcher.settings.ring, facts.sequence, history.channel, now, history.refused)
    if why := trouble(channel, asker):
        raise Refused(why)
    if channel.number > history.channel:
        records.save_history(layout, replace(history, channel=channel.number))
    offer = offered(channel, asker)
    _drop_others(switcher, offer)
    if offer is None:
        return f"{CHANNEL} {channel.number}: {'halted' if channel.halt else 'nothing newer for this device'}."
    target = layout.downloads / offer.file
    if not target.exists() and (full := no_room(offer.size, free_bytes(layout))):
        raise Refused(full)
    switcher.tell(f"fetching {offer.file}")
    fetching.large(fetching.beside(url, offer.file), target, offer.size, offer.sha256)
    said = applier.apply(target, how)
    target.unlink(missing_ok=True)
    return said


def _drop_others(switcher: Switcher, offer: Offer | None) -> None:
    """Bundles that are not wanted any more take no room."""
    folder = switcher.layout.downloads
    for path in folder.iterdir() if folder.is_dir() else ():
        if offer is None or not path.name.startswith(offer.file):
            Path(path).unlink()
