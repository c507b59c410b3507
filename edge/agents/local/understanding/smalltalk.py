"""Fixed phrases that need no slot and no tool: stop, say that again, forget it all, hello."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edge.agents.local.understanding.meaning import Action, Context, Intent

NOTHING_SAID = "I haven't said anything yet."
HELP = (
    "I can tell you the time and the date, set timers, change the volume, do sums, and answer short questions. "
    "Say stop to interrupt me."
)


@dataclass(frozen=True)
class Phrase:
    """One meaning: the pattern that has to cover the whole phrase, and what is said and done."""

    name: str
    pattern: str
    reply: str | None = None
    action: Action | None = None

    def says(self, phrase: str) -> bool:
        """Tell whether the phrase means this; re keeps the compiled patterns."""
        return re.fullmatch(self.pattern, phrase) is not None


# the first that matches wins
TALK = (
    Phrase(
        "stop",
        r"(?:stop )*stop(?: (?:it|that|this|talking|speaking|there|reading|the (?:talking|noise|reply|answer)))?"
        r"|(?:that is )?enough(?: of (?:that|this))?|never ?mind(?: (?:that|it))?|(?:be |keep )?quiet|silence"
        r"|hush|shush|shh+|shut (?:it|up)|zip it|cancel(?: (?:that|it|this))?|abort"
        r"|forget (?:it|that|about (?:it|that))|not now|no (?:thanks|thank you)"
        r"|wait(?: (?:a|one) (?:second|minute|moment|sec))?|(?:a|one|just a) (?:moment|second|minute)"
        r"|(?:hold|hang) on(?: a (?:second|minute|moment|sec))?|pause|stop listening|leave it|drop it|no more"
        r"|stop(?: please)? stop|i said stop|you can stop|go away|leave me alone",
        action="stop",
    ),
    Phrase(
        "repeat",
        r"(?:say|repeat) (?:that|it|this)(?: (?:again|once more|one more time|please))*|repeat(?: yourself)?"
        r"|say again|what did you(?: just)? say|what was that(?: again)?|come again"
        r"|(?:i beg your )?pardon(?: me)?|once more|one more time"
        r"|i (?:did not|could not|cannot) (?:catch|hear|get|understand) (?:that|it|what you said)|sorry what"
        r"|what did you tell me"
        r"|repeat (?:what you(?: just)? said|(?:the|your) (?:last )?(?:thing|sentence|answer|reply))"
        r"|what (?:was|is) (?:the|your) last (?:answer|reply|sentence)",
        action="repeat",
    ),
    Phrase(
        "forget",
        r"forget (?:everything|all(?: of)? (?:it|that|this)|(?:our|this|the|my) (?:conversation|chat"
        r"|history))(?: (?:i|we|you) (?:have )?(?:just )?(?:said|told you))?"
        r"|forget (?:what|all|everything) (?:that )?i (?:have )?(?:just )?(?:said|told you)"
        r"|(?:let us )?start (?:over|afresh|again|anew)"
        r"|(?:let us )?(?:start|begin|have) a (?:new|fresh) (?:conversation|chat)|new (?:conversation|chat)"
        r"|(?:clear|erase|wipe|delete|reset)(?: (?:the|our|this|your|my))? (?:conversation|chat|history|memory"
        r"|context)"
        r"|(?:clear|erase|delete) (?:our|this|the) (?:whole )?(?:conversation|chat) history"
        r"|reset(?: yourself)?",
        "All right, we start afresh.",
        action="forget",
    ),
    Phrase(
        "goodbye",
        r"(?:good ?)?bye(?: ?bye)?(?: (?:for now|then|now))?|see you(?: (?:later|soon|tomorrow|around))?"
        r"|good ?night|farewell|(?:talk|speak) to you (?:later|soon|tomorrow)"
        r"|that (?:is|will be) (?:all|it|everything)(?: for (?:now|today))?"
        r"|(?:i am|we are) (?:done|finished)(?: for (?:now|today))?|go to sleep|take care"
        r"|have a (?:good|nice|great) (?:day|night|evening)",
        "Goodbye.",
        action="goodbye",
    ),
    Phrase(
        "thanks",
        r"(?:many |great |okay )?(?:thanks|thank you|cheers|ta)(?: (?:a lot|so much|very much|a bunch|again"
        r"|for (?:that|your help|the help)|my friend|computer|alexa|jarvis))*",
        "You're welcome.",
    ),
    Phrase(
        "hello",
        r"(?:hello |hi |hey )*(?:hello|hi|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening"
        r"|day))(?: (?:there|computer|assistant|alexa|jarvis|everyone|friend|my friend))?",
        "Hello! How can I help?",
    ),
    Phrase(
        "how are you",
        r"how (?:are you|is it going|are things|do you do|are you doing)(?: (?:doing|today|this (?:morning"
        r"|evening)))*"
        r"|what is up|you okay",
        "I'm well, thank you. How can I help?",
    ),
    Phrase(
        "present",
        r"(?:are|is) (?:you|anyone|anybody) (?:there|here|listening|awake|on|working)"
        r"|(?:do you |can you )?hear me(?: okay| now)?|testing|test|mic test|testing testing",
        "Yes, I'm here.",
    ),
    Phrase(
        "help",
        r"help(?: me)?|what (?:else )?(?:can|could) you do(?: for me)?|what do you do"
        r"|what are you able to do|what (?:can|should|could) i (?:say|ask)(?: (?:to )?you)?"
        r"|how (?:can|do) (?:you help|i use you|i use this)(?: me)?"
        r"|what are your (?:features|skills|functions|abilities|capabilities)"
        r"|(?:list|tell me) your (?:commands|skills|features)"
        r"|what (?:commands|things) (?:do you (?:know|understand)|can you do)|i need help",
        HELP,
    ),
    Phrase(
        "who",
        r"(?:tell me )?who are you|what are you|(?:tell me )?what is your name|what are you called"
        r"|(?:do you )?have a name|introduce yourself|who am i (?:talking|speaking) (?:to|with)"
        r"|are you (?:a )?(?:robot|human|person|real|computer|an ai|a real person|alexa|siri)",
        "I'm your voice assistant, and I run entirely on this device.",
    ),
)


def match(phrase: str, context: Context, table: Iterable[Phrase] = TALK) -> Intent | None:
    """Find the fixed phrase that this is, whole."""
    for known in table:
        if known.says(phrase):
            said = context.last_reply or NOTHING_SAID if known.action == "repeat" else known.reply
            return Intent(known.name, reply=said, action=known.action)
    return None
