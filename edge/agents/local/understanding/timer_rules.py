"""Timers in any wording: set with or without a name, cancel, how much is left."""

import re

from edge.agents.local.understanding.commands import ASK_DURATION, Build, Slots, compiled, group
from edge.agents.local.understanding.meaning import Context, Intent

_ART = r"(?:(?:me |up |us )?(?:an?|the|another|my|one|new|a new|our) )?"
# the last row is what Whisper makes of "set" ("That timer for 10 minutes.")
_SET = (
    r"(?:set|start|create|make|begin|add|run|put on|put|give me|get me|have|get|i (?:need|want|would like)"
    r"|(?:can|may) i (?:have|get)|do|open"
    r"|that|said|sat|sets|sent|send)"
)
_NOT_A_NAME = r"(?!(?:the|a|an|my|your|timer|timers|for|of|to|in|is|was|are|and|or|all|any|every|this|that|it)\b)"
_WORD = rf"{_NOT_A_NAME}[^\W\d_A-Z]+(?:'s)?"
_NAME = rf"(?P<name>{_WORD}(?: {_WORD}){{0,2}})"
_CALLED = r"(?:called|named|labell?ed|for|with the name|and (?:call|name) it)"
_LENGTH = r"(?:DUR|CLOCK|NUM)"
_FOR = r"(?:for|of|to|at|with|lasting|that lasts|in)"
_STOP = r"(?:cancel|stop|delete|remove|clear|end|kill|dismiss|silence|reset|turn off|switch off|shut off|get rid of)"
_TASK = r"(?P<name>(?:[^\W\d_A-Z']+(?:'[a-z]+)?|NUM)(?: (?:[^\W\d_A-Z']+(?:'[a-z]+)?|NUM)){0,7})"


def _set(found: re.Match[str], slots: Slots, _: Context) -> Intent:
    # a bare number means minutes: "set a timer for ten"
    seconds = round(slots.durations[0] if slots.durations else slots.numbers[0] * 60)
    return Intent("set timer", "set_timer", {"seconds": seconds} | _name(found, slots))


def _ask(_: re.Match[str], __: Slots, ___: Context) -> Intent:
    return Intent("set timer", reply=ASK_DURATION)


def _answer(found: re.Match[str], slots: Slots, context: Context) -> Intent | None:
    return _set(found, slots, context) if context.last_reply == ASK_DURATION else None


def _cancel(found: re.Match[str], slots: Slots, _: Context) -> Intent:
    length: dict[str, object] = {"seconds": round(slots.durations[0])} if slots.durations else {}
    return Intent("cancel timer", "cancel_timer", length | _name(found, slots))


def _cancel_all(_: re.Match[str], __: Slots, ___: Context) -> Intent:
    return Intent("cancel timer", "cancel_timer", {"all": True})


def _left(found: re.Match[str], slots: Slots, _: Context) -> Intent:
    return Intent("list timers", "list_timers", _name(found, slots))


def _left_if_any(found: re.Match[str], slots: Slots, context: Context) -> Intent | None:
    return _left(found, slots, context) if context.timers else None


def _name(found: re.Match[str], slots: Slots) -> dict[str, object]:
    numbers = iter(slots.numbers)
    name = re.sub("NUM", lambda _: str(next(numbers)), group(found, "name"))
    return {"name": name} if name else {}


_ONE = rf"(?:(?:the|my|that|this|a) )?(?:{_NAME} )?(?:timer|countdown)"
_LEFT = (
    r"(?:left|remaining|to go|remains|is left|is remaining|are left|do i have left|have i got left|do i have"
    r"|have i got)"
)
_AMOUNT = r"(?:how (?:much|many|long)(?: (?:time|minutes|seconds|hours|longer|more time|more))?|what)"
_ENDS = r"(?:ends?|goes off|go off|is (?:done|up|over|finished)|rings?|be (?:done|over|up)|finish|finishes|runs? out)"
_ON = rf"(?: (?:on|for|of|in) {_ONE})"

_NEW = r"(?:set|start|create|make|begin|add|i need|i want|give me|run)"
_MINE = r"(?: (?:the|my|our|these|those))?"
_RUN = r"(?:active |running )?"
_GOING = r"(?:set|running|going|on|active|left)"

_PATTERNS: tuple[tuple[str, Build], ...] = (
    (rf"(?:{_SET} )?{_ART}(?:timer|countdown)(?: {_FOR})? {_LENGTH}(?: {_CALLED} {_ART}{_NAME})?", _set),
    (rf"(?:put|turn) {_ART}timer on {_FOR} {_LENGTH}", _set),
    (rf"{_SET} {_ART}{_NAME} timer(?: {_FOR})? {_LENGTH}", _set),
    (rf"{_ART}(?P<name>{_WORD}) timer {_FOR} {_LENGTH}", _set),
    (rf"(?:{_SET} )?{_ART}DUR(?: {_NAME})? (?:timer|countdown)", _set),
    (rf"(?:{_SET} )?{_ART}DUR (?:timer|countdown) {_CALLED} {_ART}{_NAME}", _set),
    (rf"(?:{_SET} )?{_ART}timer {_CALLED} {_ART}{_NAME}(?: timer)? {_FOR} {_LENGTH}", _set),
    (r"(?:count ?down|start counting down)(?: from| for| of)? (?:DUR|CLOCK)|DUR on the (?:timer|clock)", _set),
    (r"(?:wake me(?: up)?|alert me|notify me|let me know|tell me|beep|buzz|ring|remind me) (?:in|after) DUR", _set),
    (rf"remind me (?:in|after) DUR (?:to|about|that) {_TASK}", _set),
    (rf"remind me (?:to|about) {_TASK} (?:in|after) DUR", _set),
    (r"(?:(?:set|make|start) (?:an |me an )?)?alarm (?:for |in )DUR(?: from)?", _set),
    (r"(?:for |make it |let us say )?(?:DUR|CLOCK|NUM)", _answer),
    (rf"{_NEW} (?:me )?(?:an?|the|another|my|one|new) (?:{_NAME} )?timer|(?:set )?timer", _ask),
    (rf"{_NEW} (?:me )?(?:an?|another|my) timer for {_ART}{_NAME}", _ask),
    (rf"{_STOP} (?:all|both|every|each)(?: (?:one )?of)?{_MINE}(?: running)? timers?", _cancel_all),
    (rf"{_STOP} (?:the |my |our )?timers|{_STOP} (?:them all|all of them)|no more timers", _cancel_all),
    (rf"{_STOP} {_ONE}", _cancel),
    (rf"{_STOP} (?:the |my |that )?DUR(?: {_NAME})? (?:timer|countdown)", _cancel),
    (rf"{_STOP} (?:the |my |that )?timer {_CALLED} (?:the |my )?(?:{_NAME}|DUR)", _cancel),
    (rf"turn {_ONE} off|{_STOP} (?:the |my )?alarm", _cancel),
    (rf"{_AMOUNT}(?: is)? {_LEFT}{_ON}", _left),
    (rf"{_AMOUNT}(?: is)? (?:on|left on|remaining on) {_ONE}", _left),
    (rf"{_AMOUNT}(?: time)? (?:does|has) {_ONE} (?:have |got )?(?:left|remaining|to go)", _left),
    (
        rf"(?:how long|how much longer|what time|when)(?: is it)? (?:until|till|before|will|does|is) {_ONE} {_ENDS}",
        _left,
    ),
    (rf"(?:the )?(?:time|minutes) (?:left|remaining){_ON}|(?:check|show|read)(?: me)? (?:on )?{_ONE}", _left),
    (rf"(?:how|where) is {_ONE}(?: doing| at)?|what is {_ONE} (?:at|on)|{_ONE} status|status of {_ONE}", _left),
    (rf"(?:what|which|how many) {_RUN}timers (?:do i have|have i got|are there|are)(?: {_GOING})?|what timers", _left),
    (rf"(?:list|show|show me|check|read|read out|what are|how are)(?: all)?{_MINE} {_RUN}timers(?: doing)?", _left),
    (rf"tell me (?:about )?(?:the|my) {_RUN}timers", _left),
    (rf"(?:do i have|are there|is there|have i got|have i set)(?: any| a)? {_RUN}timers?(?: {_GOING})?", _left),
    (rf"{_AMOUNT}(?: is)? {_LEFT}|(?:time|how long) (?:left|remaining)", _left_if_any),
)
RULES = compiled(_PATTERNS)
