"""Why a question cannot be answered, in a sentence for the person: causes, how messages tell them, the words. Pure."""

from __future__ import annotations

import re
from enum import StrEnum


class Problem(StrEnum):
    """What the device can say in a recorded sentence: what is wrong, or that it takes a moment."""

    NO_INTERNET = "no_internet"
    NO_SERVICE = "no_service"  # reached, and of no help
    KEY = "key"
    BUDGET = "budget"  # the owner's own limit
    ACCOUNT = "account"  # the vendor's
    NO_MICROPHONE = "no_microphone"
    MUTED = "muted"
    NOTHING_HEARD = "nothing_heard"
    SETUP = "setup"  # only somebody at a keyboard can help
    FAILED = "failed"  # trying again may help
    WAIT = "wait"  # nothing is, it only takes long


# Looked for in this order in what an engine says of its failure; tests/test_causes.py has the engines' real words.
_SIGNS = {
    Problem.BUDGET: r"\bbudget\b.*\bused up\b",
    Problem.ACCOUNT: "money is used up|no allowance left",
    Problem.KEY: r"refuses the key|does not allow this key|cannot be used \(",
    Problem.NO_INTERNET: "no network|is there a network|cannot be reached|login page of this network",
    Problem.SETUP: r"edge-voice |look at \[|look at realtime\.|is no (websocket|usable) address|cannot start:|"
    "proxy of this system|certificate is not valid yet|needs the package",
    Problem.NO_SERVICE: "voice service|vendor|certificate|does not answer|stopped answering|hung up|broken off|"
    "has a fault|too many requests|who answers|not become ready|has said nothing",
}

SENTENCES = {
    "en": {
        Problem.NO_INTERNET: "I can't reach the internet.",
        Problem.NO_SERVICE: "The voice service does not answer.",
        Problem.KEY: "My key is not accepted.",
        Problem.BUDGET: "Today's budget is used up.",
        Problem.ACCOUNT: "The account has no money left.",
        Problem.NO_MICROPHONE: "My microphone is missing.",
        Problem.MUTED: "My microphone is muted.",
        Problem.NOTHING_HEARD: "I did not hear anything.",
        Problem.SETUP: "I am not set up correctly.",
        Problem.FAILED: "That did not work.",
        Problem.WAIT: "Let me check.",
    },
    "de": {
        Problem.NO_INTERNET: "Ich habe kein Internet.",
        Problem.NO_SERVICE: "Der Sprachdienst antwortet nicht.",
        Problem.KEY: "Mein Schlüssel gilt nicht.",
        Problem.BUDGET: "Das Geld für heute ist verbraucht.",
        Problem.ACCOUNT: "Das Konto ist leer.",
        Problem.NO_MICROPHONE: "Ich finde kein Mikrofon.",
        Problem.MUTED: "Mein Mikrofon ist stumm.",
        Problem.NOTHING_HEARD: "Ich habe nichts gehört.",
        Problem.SETUP: "Ich bin falsch eingestellt.",
        Problem.FAILED: "Das hat nicht geklappt.",
        Problem.WAIT: "Einen Moment bitte.",
    },
    "fr": {
        Problem.NO_INTERNET: "Je n'ai pas accès à internet.",
        Problem.NO_SERVICE: "Le service vocal ne répond pas.",
        Problem.KEY: "On refuse ma clé.",
        Problem.BUDGET: "Il n'y a plus de budget aujourd'hui.",
        Problem.ACCOUNT: "Le compte n'a plus de crédit.",
        Problem.NO_MICROPHONE: "Je n'ai pas de microphone.",
        Problem.MUTED: "Mon microphone est coupé.",
        Problem.NOTHING_HEARD: "Je n'ai rien entendu.",
        Problem.SETUP: "Je suis mal configuré.",
        Problem.FAILED: "Cela n'a pas marché.",
        Problem.WAIT: "Un instant, je regarde.",
    },
    "es": {
        Problem.NO_INTERNET: "No tengo acceso a internet.",
        Problem.NO_SERVICE: "El servicio de voz no responde.",
        Problem.KEY: "Mi clave no es aceptada.",
        Problem.BUDGET: "El presupuesto de hoy se ha agotado.",
        Problem.ACCOUNT: "La cuenta no tiene saldo.",
        Problem.NO_MICROPHONE: "Me falta el micrófono.",
        Problem.MUTED: "Mi micrófono está silenciado.",
        Problem.NOTHING_HEARD: "No he oído nada.",
        Problem.SETUP: "No estoy bien configurado.",
        Problem.FAILED: "No ha funcionado.",
        Problem.WAIT: "Un momento, lo miro.",
    },
}


def problem_of(message: str, *, retryable: bool = True) -> Problem:
    """What an engine's own words mean; where they tell nothing, whether trying again can help decides."""
    for problem, sign in _SIGNS.items():
        if re.search(sign, message, re.IGNORECASE):
            return problem
    return Problem.FAILED if retryable else Problem.SETUP
