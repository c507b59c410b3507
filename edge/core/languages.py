"""What a device says and takes for a yes, by language: one table, each language with all of it. Pure.

What is wrong is told in recorded sentences, which are in core.reports. An engine in the cloud speaks whatever language
it is spoken to; these are the sentences that the device itself gives it to say, and what it is told about itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """Templates take {name}, {kind}, {day} (" yesterday" or "") and {time}; `clock` takes {h}, {h12}, {m} and {half}.

    `name` is its own, `english` what English calls it. `yes` and `beside` are patterns of words: those that agree, and
    those that may stand beside them. `instructions` is what a model is told that is not configured otherwise.
    """

    name: str
    english: str
    instructions: str
    written: str  # as well, to a model whose text is spoken
    offline: str
    yes: str
    beside: str
    clock: str
    reminder: str
    alarm: str
    timer: str
    timer_named: str
    late: str
    late_named: str
    late_reminder: str
    kinds: Mapping[str, str]
    yesterday: str
    on_day: str
    weekdays: tuple[str, ...]

    def time(self, at: datetime) -> str:
        """A time of day as it is said."""
        half = "AM" if at.hour < 12 else "PM"  # noqa: PLR2004  noon
        return self.clock.format(h=at.hour, h12=at.hour % 12 or 12, m=f"{at.minute:02}", half=half)

    def day(self, then: datetime, now: datetime) -> str:
        """Which day that was, with a space before it; "" for today."""
        days = (now.date() - then.date()).days
        if days in {0, 1}:
            return self.yesterday if days else ""
        return self.on_day.format(weekday=self.weekdays[then.weekday()])


LANGUAGES = {
    ENGLISH: Language(
        name="English",
        english="English",
        instructions="You are a helpful voice assistant on a small device. Be brief and friendly; speak the person's "
        "language.",
        written="What you write is spoken: plain sentences, no lists, no markup.",
        offline="Offline I understand and speak English only.",
        yes="yes|yeah|yep|yup|sure|certainly|of course|absolutely|go ahead|do it|please do|confirm|confirmed|okay|ok"
        "|correct",
        beside="please|thanks|thank you|i am|i'm|that is|that's",
        clock="{h12}:{m} {half}",
        reminder="Here is your reminder: {name}.",
        alarm="It's {time}. {name}.",
        timer="Your timer is done.",
        timer_named="Your {name} timer is done.",
        late="Your {kind} was due{day} at {time}.",
        late_named="Your {name} {kind} was due{day} at {time}.",
        late_reminder="I should have reminded you{day} at {time}: {name}.",
        kinds={"timer": "timer", "alarm": "alarm"},
        yesterday=" yesterday",
        on_day=" on {weekday}",
        weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ),
    "de": Language(
        name="Deutsch",
        english="German",
        instructions="Du bist ein hilfsbereiter Sprachassistent auf einem kleinen Gerät. Antworte kurz und freundlich, "
        "auf Deutsch, außer wenn die Person eine andere Sprache spricht.",
        written="Was du schreibst, wird vorgelesen: einfache Sätze, keine Listen, keine Formatierung.",
        offline="Ohne Internet verstehe und spreche ich nur Englisch.",
        yes="ja|jawohl|genau|klar|natürlich|gerne|mach das|mach es",
        beside="bitte|danke",
        clock="{h}:{m} Uhr",
        reminder="Hier ist deine Erinnerung: {name}.",
        alarm="Es ist {time}. {name}.",
        timer="Dein Timer ist abgelaufen.",
        timer_named="Dein Timer {name} ist abgelaufen.",
        late="Dein {kind} war{day} um {time} fällig.",
        late_named="Dein {kind} {name} war{day} um {time} fällig.",
        late_reminder="Ich hätte dich{day} um {time} erinnern sollen: {name}.",
        kinds={"timer": "Timer", "alarm": "Wecker"},
        yesterday=" gestern",
        on_day=" am {weekday}",
        weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    ),
    "fr": Language(
        name="Français",
        english="French",
        instructions="Tu es un assistant vocal serviable sur un petit appareil. Réponds de façon brève et aimable, en "
        "français, sauf si la personne parle une autre langue.",
        written="Ce que tu écris est lu à voix haute : des phrases simples, sans listes ni mise en forme.",
        offline="Sans internet, je ne comprends et ne parle que l'anglais.",
        yes="oui|ouais|d'accord|bien sûr|vas y|allez y|fais le|faites le",
        beside="s'il vous plaît|s'il te plaît|merci",
        clock="{h} h {m}",
        reminder="Voici ton rappel : {name}.",
        alarm="Il est {time}. {name}.",
        timer="Le minuteur est terminé.",
        timer_named="Le minuteur {name} est terminé.",
        late="{kind} devait sonner{day} à {time}.",
        late_named="{kind} {name} devait sonner{day} à {time}.",
        late_reminder="J'aurais dû te le rappeler{day} à {time} : {name}.",
        kinds={"timer": "Le minuteur", "alarm": "Le réveil"},
        yesterday=" hier",
        on_day=" {weekday}",
        weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    ),
    "es": Language(
        name="Español",
        english="Spanish",
        instructions="Eres un asistente de voz servicial en un pequeño dispositivo. Responde de forma breve y amable, "
        "en español, salvo que la persona hable otro idioma.",
        written="Lo que escribes se lee en voz alta: frases sencillas, sin listas ni formato.",
        offline="Sin internet solo entiendo y hablo inglés.",
        yes="sí|si|claro|vale|por supuesto|adelante|hazlo|de acuerdo",
        beside="por favor|gracias",
        clock="{h}:{m}",
        reminder="Este es tu recordatorio: {name}.",
        alarm="Ya es la hora, {time}. {name}.",
        timer="El temporizador ha terminado.",
        timer_named="El temporizador {name} ha terminado.",
        late="{kind} debía sonar{day} a las {time}.",
        late_named="{kind} {name} debía sonar{day} a las {time}.",
        late_reminder="Debí recordártelo{day} a las {time}: {name}.",
        kinds={"timer": "El temporizador", "alarm": "La alarma"},
        yesterday=" ayer",
        on_day=" el {weekday}",
        weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    ),
}


def instructions(configured: str, language: str, *, spoken_text: bool = False) -> str:
    """What a model is told about itself: as configured, or in the device's language where that is left as it was.

    `spoken_text`: the model writes, and what it writes is spoken.
    """

    def usual(which: Language) -> str:
        return f"{which.instructions} {which.written}" if spoken_text else which.instructions

    return usual(LANGUAGES[language]) if configured == usual(LANGUAGES[ENGLISH]) else configured
