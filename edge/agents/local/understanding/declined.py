"""Commands that this device cannot carry out: an honest answer, where a language model would claim to have done it."""

from edge.agents.local.understanding.smalltalk import Phrase

_LINK = "No smart home is linked to this device yet, so I can't do that."
_OFFLINE = "I'm working offline, so I can't look that up."

_THING = (
    r"(?:lamps?|lights?|lighting|light bulbs?|bulbs?|heat|heating|heaters?|radiators?|fans?|tv|telly|television"
    r"|thermostat|air conditioning|air conditioner|ac|aircon|plugs?|sockets?|outlets?|switch|blinds?|curtains?"
    r"|shutters?|shades?|garage|doors?|gates?|windows?|oven|stove|kettle|coffee (?:maker|machine)|dishwasher"
    r"|washing machine|vacuum(?: cleaner)?|robot|sprinklers?|alarm system|humidifier|dehumidifier|boiler"
    r"|christmas tree)"
)
_IN = r"(?: in (?:the |my )?[a-z]+(?: [a-z]+)?)"
_HOME = rf"(?:the |my |our |all (?:the |of the )?|both )?(?:[a-z']+ ){{0,3}}{_THING}{_IN}?"

DECLINED = (
    Phrase(
        "home",
        rf"(?:turn|switch|put|shut) (?:on|off) {_HOME}|(?:turn|switch|put|shut) {_HOME} (?:back )?(?:on|off){_IN}?"
        rf"|(?:dim|brighten|open|close|shut|lock|unlock|raise|lower|toggle|activate|deactivate|start) {_HOME}"
        rf"|(?:turn|dim) (?:up|down) {_HOME}|(?:turn|dim) {_HOME} (?:up|down)|{_THING} (?:on|off)"
        rf"|(?:set|turn|change|put) {_HOME} to [a-z0-9]+(?: [a-z]+)?"
        rf"|set the temperature to [a-z0-9]+(?: [a-z]+)*"
        rf"|(?:make it|make the room) (?:warmer|colder|cooler|brighter|darker)",
        _LINK,
    ),
    Phrase(
        "music",
        r"play(?: (?:me|us))?(?: (?:some|a|the|my))?(?: [a-z']+){0,2} (?:music|song|songs|radio|playlist|album)"
        r"|play music|play something",
        "I can't play music on this device yet.",
    ),
    Phrase(
        "weather",
        r"(?:tell me )?(?:what|how) is the (?:weather|forecast|temperature)(?: forecast)?(?: (?:like"
        r"|going to be|outside|today|tomorrow|tonight))*(?: in [a-z]+(?: [a-z]+)?)?(?: (?:today|tomorrow"
        r"|tonight))?"
        r"|(?:what is )?(?:the )?weather(?: (?:forecast|today|tomorrow))*"
        r"|(?:is it going to|will it) (?:rain|snow|be (?:sunny|cold|warm|hot))(?: (?:today|tomorrow|tonight))?"
        r"|is it raining(?: outside)?",
        _OFFLINE,
    ),
    Phrase(
        "news",
        r"(?:tell me |read me |read |give me )?(?:what is |what are )?(?:the )?(?:latest |today's )?(?:news"
        r"|headlines)(?: today)?",
        _OFFLINE,
    ),
    Phrase(
        "alarm",
        r"(?:set|make|create)(?: me)? an? alarm(?: (?:for|at) [a-z0-9:.' ]{1,40})?"
        r"|(?:set|start)(?: me)? a timer (?:for|to|until) [a-z0-9:.' ]{0,20}(?:am|pm|o'clock|noon|midnight)"
        r"|wake me(?: up)? at [a-z0-9:.' ]{1,40}",
        "I did not understand for when. Say it like: set an alarm for half past seven.",
    ),
    Phrase(
        "reminder",
        r"remind me(?: to [a-z0-9' ]{1,80})? (?:at [a-z0-9:' ]{1,20}|tomorrow(?: (?:morning|evening|afternoon"
        r"|night))?|tonight|on (?:mon|tues|wednes|thurs|fri|satur|sun)day)(?: to [a-z0-9' ]{1,80})?"
        r"|remind me to [a-z0-9' ]{1,80}",
        "I did not understand for when. Say it like: remind me at half past seven to call home.",
    ),
    Phrase(
        "call",
        r"(?:call|phone|ring|dial) (?:mum|mom|dad|my [a-z]+|the (?:police|doctor)|an ambulance"
        r"|emergency services)"
        r"|send (?:a|an) (?:message|text|email|e mail)(?: to [a-z]+(?: [a-z]+)?)?",
        "I can't make calls or send messages.",
    ),
)
