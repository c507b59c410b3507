"""Commands understood without a language model: a small model gets them wrong (measured), and these must be right.

`match` takes a transcript and gives an Intent or None, when the sentence is for the model. Every pattern has to cover
the whole normalised phrase: a sentence that merely contains "time" or "stop" is never taken for a command.
`spoken` puts the result of a tool into words.
"""

from edge.agents.local.understanding import arithmetic, commands, fact_rules, phrases, smalltalk
from edge.agents.local.understanding.alarm_rules import RULES as ALARMS
from edge.agents.local.understanding.clock_rules import RULES as CLOCK
from edge.agents.local.understanding.declined import DECLINED
from edge.agents.local.understanding.meaning import Action, Context, Intent
from edge.agents.local.understanding.replies import spoken
from edge.agents.local.understanding.timer_rules import RULES as TIMERS
from edge.agents.local.understanding.volume_rules import RULES as VOLUME

__all__ = ["Action", "Context", "Intent", "match", "spoken"]

_RULES = (*ALARMS, *TIMERS, *VOLUME, *CLOCK)


def match(text: str, context: Context) -> Intent | None:
    """Give the command that this sentence is; None when it is not one. Never raises, and takes bounded time."""
    whole = " ".join(phrases.words(text))
    bare = phrases.without_courtesy(whole)
    return (
        fact_rules.match(bare, text, context)
        or smalltalk.match(whole, context)
        or smalltalk.match(bare, context)
        or commands.match(tuple(bare.split()), context, _RULES)
        or _sum(bare)
        or smalltalk.match(bare, context, DECLINED)
    )


def _sum(phrase: str) -> Intent | None:
    reply = arithmetic.answer(phrase)
    return Intent("arithmetic", reply=reply) if reply else None
