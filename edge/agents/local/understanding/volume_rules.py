"""How loud: set to a level, up or down by a little or a lot, mute, ask."""

import re

from edge.agents.local.understanding.commands import Build, Slots, compiled, group
from edge.agents.local.understanding.meaning import Context, Intent

# percent: less than ten is hardly heard, and "a lot" has to be heard at once
_BIT, _STEP, _LOT = 10, 15, 30
_TEN = 10
_SAYS_BIT = {"bit", "little", "slightly", "touch", "notch", "tad"}
_SAYS_LOT = {"lot", "lots", "much", "way", "far"}
_LEVELS = {
    **dict.fromkeys(("max", "maximum", "full", "the max", "the maximum", "full blast"), 100),
    **dict.fromkeys(("high", "loud"), 80),
    **dict.fromkeys(("half", "medium", "middle", "halfway", "normal"), 50),
    **dict.fromkeys(("low", "quiet"), 20),
    **dict.fromkeys(("min", "minimum", "the minimum"), 10),  # still heard: a device gone silent looks broken
    **dict.fromkeys(("off", "mute"), 0),
}
_LEVEL = rf"(?:(?P<word>{'|'.join(sorted(_LEVELS, key=len, reverse=True))})|NUM(?P<unit> percent| out of NUM)?)"
_VOL = (
    r"(?:(?:the |your |my )?(?:speaker |sound |audio |music |voice )?"
    r"(?:volume|sound|loudness|speakers?|audio)(?: level)?)"
)
_IT = rf"(?:{_VOL}|it|that|yourself|the music)"
_MOVE = r"(?:set|put|turn|change|make|bring|crank|adjust|get|raise|lower|increase|decrease|reduce|drop|take)"
_AMOUNT = r"(?:(?:just )?a (?:tiny |little )?(?:bit|little|touch|notch|tad|lot)|slightly|much|way|far|lots|even)"
_MORE = rf"(?: {_AMOUNT})?(?: some)?(?: more| again)?(?: by NUM(?: percent| points| notches)?| NUM percent)?"
_TURN = r"(?:turn|put|bring|crank|pump|move|take)"
_SPEAK = r"(?:speak|talk|be|get|go|make it|make that|make yourself|make the volume)"
_LOUDER = r"(?:louder|more loudly)"
_QUIETER = r"(?:quieter|softer|quietly|softly|more quietly|more softly|less loud|less loudly)"
_TOO = rf"(?:(?:you are|it is|that is|this is|the volume is|you are speaking) )?(?:{_AMOUNT} )?too"
_FULLY = r"(?:all the way|right|fully)"


def _set(found: re.Match[str], slots: Slots, _: Context) -> Intent:
    return _to(_LEVELS[word] if (word := group(found, "word")) else _percent(slots, group(found, "unit")))


def _to(percent: int) -> Intent:
    return Intent("set volume", "set_volume", {"percent": max(0, min(100, percent))})


def _percent(slots: Slots, unit: str) -> int:
    """Give percent; up to ten without a unit is the 0 to 10 scale that is printed on knobs."""
    number = slots.numbers[0]
    if unit.startswith(" out"):
        return round(number * 100 / slots.numbers[1]) if slots.numbers[1] else 0
    return round(number if unit or number > _TEN else number * 10)


def _change(sign: int) -> Build:
    def build(_: re.Match[str], slots: Slots, __: Context) -> Intent:
        said = set(slots.phrase.split())
        step = _BIT if said & _SAYS_BIT else _LOT if said & _SAYS_LOT else _STEP
        if slots.numbers:
            step = min(100, _percent(slots, "percent" if "percent" in said else ""))
        return Intent("change volume", "change_volume", {"delta": sign * step})

    return build


def _tool(name: str, tool: str, **arguments: object) -> Build:
    return lambda _, __, ___: Intent(name, tool, dict(arguments))


_full, _least = _tool("set volume", "set_volume", percent=100), _tool("set volume", "set_volume", percent=10)
_mute = _tool("mute", "set_volume", percent=0)
_unmute, _ask = _tool("unmute", "restore_volume"), _tool("get volume", "get_volume")
_up, _down = _change(1), _change(-1)
_PATTERNS: tuple[tuple[str, Build], ...] = (
    (rf"{_MOVE} {_VOL}(?: up| down| back)?(?: to| at| on)? {_LEVEL}", _set),
    (rf"(?:turn|crank|bring|put|take) (?:it|that) (?:back )?(?:up |down )to {_LEVEL}", _set),
    (rf"(?:turn|put|bring|crank) (?:up|down) {_VOL} to {_LEVEL}", _set),
    (r"(?:set|put|turn|change|make) it (?:to|at) (?:(?P<word>max|maximum)|NUM(?P<unit> percent))", _set),
    (rf"(?:the )?volume(?: level)?(?: up| down)?(?: to| at| on)? {_LEVEL}", _set),
    (r"(?:set )?(?:to )?(?:max|maximum|full|top)(?: volume| sound| loudness)|(?:full|max|maximum) blast", _full),
    (r"(?:set )?(?:to )?(?:the )?(?:min|minimum|lowest)(?: volume| sound)", _least),
    (r"(?:at |set )?(?:(?P<word>half)|NUM(?P<unit> percent)) volume", _set),
    (rf"(?:turn|crank|put|bring) {_IT} {_FULLY} up|(?:turn|crank|put) {_IT} up {_FULLY}|volume {_FULLY} up", _full),
    (rf"(?:(?:speak|be|talk) )?as loud(?:ly)? as (?:you can|possible)|(?:turn|crank|put) {_FULLY} up", _full),
    (rf"(?:turn|bring|put) {_IT} {_FULLY} down|turn {_IT} down {_FULLY}|volume {_FULLY} down", _least),
    (rf"mute(?: {_IT}| the (?:device|music))?|(?:turn|switch) off {_VOL}|(?:turn|switch) {_VOL} off|sound off", _mute),
    (rf"(?:un ?mute)(?: {_IT}| the (?:device|music))?|(?:turn|switch) (?:back )?on {_VOL}", _unmute),
    (rf"(?:turn|switch) {_VOL} (?:back )?on|sound on", _unmute),
    (rf"(?:turn|put|bring|crank|pump) up {_IT}{_MORE}|{_TURN} {_IT} (?:back )?up{_MORE}", _up),
    (rf"(?:raise|increase|boost|up) {_VOL}{_MORE}|volume up{_MORE}|(?:{_SPEAK} )?(?:{_AMOUNT} )?{_LOUDER}{_MORE}", _up),
    (rf"(?:speak|talk|turn) up{_MORE}|more volume|{_TOO} (?:quiet|soft|low)", _up),
    (r"i (?:cannot|can hardly|can barely) hear (?:you|it)(?: very well| well| properly)?", _up),
    (
        rf"(?:turn|put|bring) down {_IT}{_MORE}|{_TURN} {_IT} (?:back )?down{_MORE}|turn down{_MORE}",
        _down,
    ),
    (rf"(?:lower|decrease|reduce|drop) {_VOL}{_MORE}|volume down{_MORE}|less volume|(?:not so|less) loud", _down),
    (rf"(?:{_SPEAK} )?(?:{_AMOUNT} )?{_QUIETER}{_MORE}|lower your voice|{_TOO} (?:loud|noisy)", _down),
    (rf"(?:tell me )?what (?:is )?{_VOL}(?: (?:is )?(?:at|set to|set at|on|set))*|(?:check|tell me) {_VOL}", _ask),
    (rf"how loud (?:are you|is it|is {_VOL})|(?:current )?volume", _ask),
)
RULES = compiled(_PATTERNS)
