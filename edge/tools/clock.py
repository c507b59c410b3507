"""The time and the date, here and elsewhere. The clock is read by whoever calls; zones come from the tz database."""

import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from edge.tools.registry import Arguments, Result, Tool

_MAX_DAYS = 36_500
# what the database does not name by itself: cities that share another's zone, and countries with one zone
_PLACES = {
    "America/New_York": (
        "new york city", "nyc", "washington", "washington dc", "boston", "philadelphia", "miami", "atlanta", "orlando",
    ),
    "America/Chicago": ("houston", "dallas", "austin", "san antonio", "new orleans", "minneapolis", "nashville"),
    "America/Denver": ("salt lake city", "albuquerque"),
    "America/Los_Angeles": ("la", "san francisco", "san diego", "seattle", "las vegas", "portland", "silicon valley"),
    "America/Toronto": ("ottawa",),
    "America/Vancouver": ("british columbia",),
    "Pacific/Honolulu": ("hawaii",),
    "America/Sao_Paulo": ("rio", "rio de janeiro", "brasilia"),
    "America/Argentina/Buenos_Aires": ("argentina",),
    "America/Bogota": ("colombia",),
    "America/Lima": ("peru",),
    "Europe/London": ("uk", "england", "scotland", "wales", "britain", "great britain", "united kingdom", "manchester",
                      "edinburgh", "glasgow", "liverpool", "birmingham", "cardiff"),
    "Europe/Dublin": ("ireland",),
    "Europe/Paris": ("france", "lyon", "marseille", "nice", "toulouse"),
    "Europe/Berlin": ("germany", "munich", "hamburg", "frankfurt", "cologne", "stuttgart", "dresden", "leipzig"),
    "Europe/Zurich": ("switzerland", "geneva", "basel", "bern"),
    "Europe/Vienna": ("austria", "salzburg"),
    "Europe/Madrid": ("spain", "barcelona", "valencia", "seville"),
    "Europe/Rome": ("italy", "milan", "naples", "venice", "florence", "turin"),
    "Europe/Amsterdam": ("netherlands", "the netherlands", "holland", "rotterdam", "the hague"),
    "Europe/Brussels": ("belgium", "antwerp"),
    "Europe/Stockholm": ("sweden", "gothenburg"),
    "Europe/Oslo": ("norway",),
    "Europe/Copenhagen": ("denmark",),
    "Europe/Helsinki": ("finland",),
    "Europe/Warsaw": ("poland", "krakow"),
    "Europe/Prague": ("czech republic", "czechia"),
    "Europe/Budapest": ("hungary",),
    "Europe/Athens": ("greece",),
    "Europe/Lisbon": ("porto",),
    "Europe/Kyiv": ("ukraine", "kiev"),
    "Europe/Moscow": ("st petersburg", "saint petersburg"),
    "Europe/Istanbul": ("turkey", "ankara"),
    "Africa/Cairo": ("egypt",),
    "Africa/Johannesburg": ("south africa", "cape town"),
    "Africa/Nairobi": ("kenya",),
    "Africa/Lagos": ("nigeria",),
    "Asia/Jerusalem": ("israel", "tel aviv"),
    "Asia/Dubai": ("abu dhabi", "united arab emirates", "the united arab emirates"),
    "Asia/Riyadh": ("saudi arabia",),
    "Asia/Tehran": ("iran",),
    "Asia/Karachi": ("pakistan", "islamabad", "lahore"),
    "Asia/Kolkata": ("india", "mumbai", "bombay", "delhi", "new delhi", "bangalore", "bengaluru", "chennai",
                     "hyderabad"),
    "Asia/Bangkok": ("thailand",),
    "Asia/Ho_Chi_Minh": ("vietnam", "hanoi", "saigon"),
    "Asia/Manila": ("philippines", "the philippines"),
    "Asia/Shanghai": ("china", "beijing", "shenzhen", "guangzhou"),
    "Asia/Taipei": ("taiwan",),
    "Asia/Tokyo": ("japan", "osaka", "kyoto"),
    "Asia/Seoul": ("korea", "south korea"),
    "Australia/Sydney": ("canberra",),
    "Pacific/Auckland": ("new zealand", "wellington"),
}  # fmt: skip
_ALIASES = {alias: zone for zone, aliases in _PLACES.items() for alias in aliases}
# what may follow a city without changing which one is meant: "sydney australia", but not "paris texas"
_AFTER = {
    "city", "usa", "us", "united states", "america", "california", "canada", "australia", "brazil", "mexico", "russia",
    "indonesia", "europe", "asia", "africa", "scotland", "florida",
}  # fmt: skip
_SMALL = {"of", "the", "de"}
_INITIALS = {name: name.upper() for name in ("uk", "us", "usa", "nyc", "la", "dc", "utc", "gmt")}

_PLACE = {"type": "string", "maxLength": 80, "description": "City, country or IANA zone; leave out for here"}
_OFFSET = {
    "type": "integer",
    "minimum": -_MAX_DAYS,
    "maximum": _MAX_DAYS,
    "description": "Days from today: 1 is tomorrow, -1 yesterday",
}


class UnknownPlaceError(Exception):
    """The place has no known zone; str() says so to a person."""


def clock_tools(zone: Callable[[str], tzinfo] = ZoneInfo) -> tuple[Tool, ...]:
    """Make get_time and get_date; `zone` opens a zone of the tz database by its name."""

    def get_time(arguments: Arguments, now: datetime) -> Result:
        return _answer(arguments, now, zone, lambda there: {"time": f"{there:%H:%M}"})

    def get_date(arguments: Arguments, now: datetime) -> Result:
        days = arguments.get("offset_days", 0)
        offset = days if isinstance(days, int) else 0
        return _answer(arguments, now, zone, lambda there: _day(there, offset))

    return (
        Tool("get_time", "Tell the current time, here or in another place.", get_time, {"place": _PLACE}),
        Tool("get_date", "Tell the date and weekday.", get_date, {"offset_days": _OFFSET, "place": _PLACE}),
    )


def _answer(
    arguments: Arguments, now: datetime, zone: Callable[[str], tzinfo], say: Callable[[datetime], Result]
) -> Result:
    place = str(arguments.get("place") or "").strip()
    try:
        there = now.astimezone(_zone_of(place, zone)) if place else now
    except UnknownPlaceError as error:
        return {"error": str(error)}
    return say(there) | ({"place": _title(place), "zone": str(there.tzinfo)} if place else {})


def _day(there: datetime, offset: int) -> Result:
    day = there.date() + timedelta(days=offset)
    return {"date": day.isoformat(), "weekday": f"{day:%A}", "offset_days": offset}


def _zone_of(place: str, zone: Callable[[str], tzinfo]) -> tzinfo:
    name = _name_of(_folded(place))
    if name is None and _zones():
        raise UnknownPlaceError(f"I don't know what the time zone of {_title(place)} is")
    try:
        return zone(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownPlaceError("The tzdata package is missing on this device, so I only know the time here") from None


def _name_of(place: str) -> str | None:
    """Find the zone of a place, "city" or "city country"."""
    if place in _ALIASES or place in _zones():
        return _ALIASES.get(place) or _zones()[place]
    if place.startswith("the "):
        return _name_of(place[4:])
    words = place.split()
    for at in range(len(words) - 1, 0, -1):
        rest = " ".join(words[at:])
        if rest in _AFTER or rest in _ALIASES or rest in _zones():
            return _name_of(" ".join(words[:at]))
    return None


@cache
def _zones() -> dict[str, str]:
    """Map the database's names, and the cities they end in, to zones; the walk over the files is done once."""
    names = sorted(name for name in available_timezones() if not name.startswith(("Etc/", "SystemV/")))
    cities = {_folded(name.rsplit("/", 1)[-1]): name for name in names}
    return cities | {_folded(name): name for name in names}


def _folded(place: str) -> str:
    """Fold case, accents and punctuation: "Washington, D.C." is "washington dc", "Europe/Berlin" is "europe berlin"."""
    plain = unicodedata.normalize("NFKD", place.lower().replace("_", " ").replace("/", " "))
    return " ".join("".join(char for char in plain if char.isalnum() or char in " +-").split())


def _title(place: str) -> str:
    """Write a place that was heard in lower case as a name; what has capitals already is left alone."""
    if place != place.lower():
        return place
    words = place.split()
    return " ".join(word if word in _SMALL else _INITIALS.get(word, word.capitalize()) for word in words)
