"""Which engines would answer, with which keys, and the offline models."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.agents.local.models import Model, load_manifest, state_of, verify
from edge.agents.local.setup import models_dir, problem
from edge.config import Config, secret
from edge.config.places import given_dir
from edge.core.languages import ENGLISH, LANGUAGES
from edge.doctor.checks import Result, Results, fail, skipped, warn, well
from edge.doctor.site import BAD_CONFIG, Presence, Site
from edge.engines import CHAINED_KEYS, KEY, order
from edge.errors import ConfigError, ModelError

PACKAGES = ("ctranslate2", "tokenizers", "hibari")
SERVICE_KEYS = "(A credential of the service is seen by the service alone.)"


def secret_names(config: Config) -> list[str]:
    """Every secret that this configuration could use."""
    own = [f"{name}_api_key" for table in (config.stt, config.llm, config.tts) for name in table]
    return list(dict.fromkeys([KEY, *CHAINED_KEYS, *own, *(f"mcp_{name}" for name in config.mcp)]))


def check(site: Site) -> Results:
    """The choice, and the keys by their names."""
    if site.config is None:
        return [BAD_CONFIG]
    try:
        there = [name for name in secret_names(site.config) if secret(name)]
        keys = f"Keys seen from here: {', '.join(there)}." if there else "No keys are seen from here."
        names, wrong = order(site.config), missing(site.config, there)
    except ConfigError as error:
        return [fail(str(error), "Let the user that runs edge-voice read it.")]
    spoken = language(site.config, names)
    if site.daemon.presence is Presence.RUNS:  # it may have credentials that this shell has not
        name = str(site.daemon.of("engine").get("engine"))
        return [_said(f"The daemon uses {name}. {keys}", name), *spoken]
    return [*(wrong or [_said(f"{', then '.join(names)}, {_why(site.config, there, keys)}", names[0])]), *spoken]


def language(config: Config, names: Sequence[str]) -> Results:
    """What the offline engine cannot do of the device's language, if it is among these."""
    code = config.device.language
    if "local" not in names or code == ENGLISH:
        return []
    of = LANGUAGES[code]
    found = f"device.language is {code} ({of.english}), and offline the device understands and speaks English only."
    return [warn(f'{found} "{of.offline}"', "For this language it needs a cloud engine: a key, or a relay.")]


def _why(config: Config, there: list[str], keys: str) -> str:
    if config.engine.use:
        return f"as engine.use says. {keys}"
    return f"by what is here. {keys}" if there else "since no key is seen from here."


def _said(found: str, name: str) -> Result:
    if name == "none":
        return warn("none: it listens and answers nothing, as engine.use says.", 'Set engine.use = ["local"].')
    return well(found)


def missing(config: Config, there: list[str]) -> list[Result]:
    """What keeps an engine of the order from being made."""
    names, told = order(config), list[str]()
    if "realtime" in names and KEY not in there and not config.realtime.url:
        told.append(f"engine.use names realtime, but there is no key: set OPENAI_API_KEY or the credential {KEY}.")
    if "chained" in names:
        from edge.agents.chained.setup import missing as of_chained

        told += of_chained(config, local=not problem(config.local))
    return [fail(found, f"{todo[:1].upper()}{todo[1:]} {SERVICE_KEYS}")
            for found, todo in (_halves(text) for text in told)]  # fmt: skip


def _halves(text: str) -> tuple[str, str]:
    """What is wrong, and what to do."""
    found, _, todo = text.partition(": ")
    return f"{found}.", todo


def check_models(site: Site) -> Results:
    """Quick: by size and stamp. Thorough: every byte is hashed."""
    if site.config is None:
        return [BAD_CONFIG]
    folder = models_dir(site.config.local)
    try:
        states = {model: _state(model, folder, thorough=site.thorough) for model in load_manifest()}
        names = order(site.config)
    except (ModelError, ConfigError) as error:
        return [fail(f"{error}.", "See: edge-voice models verify")]
    if "local" not in names:
        told = ", ".join(f"{model.id} {state}" for model, state in states.items())
        return [skipped(f"Not needed by {' and '.join(names)} ({told}).")]
    return judged(states, folder, thorough=site.thorough, first=names[0] == "local")


def _state(model: Model, folder: Path, *, thorough: bool) -> str:
    quick = state_of(model, folder)
    return "damaged" if thorough and quick == "ok" and verify(model, folder) else quick


def judged(states: dict[Model, str], folder: Path, *, thorough: bool = False, first: bool = True) -> list[Result]:
    """What is there in one line, then what is missing: a failure if the offline engine is the first to answer."""
    how = "every byte read" if thorough else "by size and stamp; --thorough reads every byte"
    good = ", ".join(model.id for model, state in states.items() if state == "ok")
    told = [well(f"{good} ({how}).")] if good else []
    told += [_wanting(model, state, folder, first=first) for model, state in states.items() if state != "ok"]
    return [*told, *packages()]


def _wanting(model: Model, state: str, folder: Path, *, first: bool) -> Result:
    found = f"The {model.purpose} model {model.id} is {state} in {folder}."
    if not model.required:
        return warn(f"{found} It is optional.", _fetch(model))
    return (fail if first else warn)(found, _fetch(model))


def _fetch(model: Model) -> str:
    """The service's models are fetched in its place."""
    state = given_dir()
    return f"{f'sudo STATE_DIRECTORY={state} ' if state else ''}edge-voice models fetch {model.id}"


def packages(find: Callable[[str], object] = importlib.util.find_spec) -> list[Result]:
    """What the offline engine runs on, if something of that is missing."""
    absent = [name for name in PACKAGES if find(name) is None]
    if not absent:
        return []
    return [
        fail(f"The offline engine is not installed ({', '.join(absent)} missing).", "pip install edge-voice[local]")
    ]
