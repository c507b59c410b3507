"""The sections of the configuration and their keys, as frozen structs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from edge.config.chain import Chained, Llm, Stt, Tts
from edge.config.fields import named, setting
from edge.config.insight import Insight
from edge.config.memory import Memory
from edge.config.panel import Panel
from edge.config.prices import PRICES, Price
from edge.config.record import Record
from edge.config.relay import Relay
from edge.config.server import Server
from edge.config.wake import Wake


@dataclass(frozen=True, slots=True)
class Device:
    """The section [device]."""

    name: str = setting("", "name shown on the companion page; the host name when empty")
    timezone: str = setting("", "IANA zone for spoken times; the system's when empty")
    language: str = setting("en", "what the device itself says is said in, and what a cloud engine answers in",
                            choices=("en", "de", "fr", "es"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Audio:
    """The section [audio]."""

    input: str = setting("", "microphone: part of its name or its index; the default device when empty")
    output: str = setting("", "speaker: part of its name or its index; the default device when empty")
    input_rate: int = setting(0, "sample rate to record at; 0 chooses", 0, 384_000)
    output_rate: int = setting(0, "sample rate to play at; 0 chooses", 0, 384_000)
    channel: int = setting(0, "which channel of the microphone (1 is the first); 0 leaves it to array and roles", 0, 64)
    array: str = setting("", "what kind of microphone it is: plain, ps-eye, respeaker-4mic-usb, xvf3800")
    processed: int = setting(0, "channel that the array has cleaned itself; 0 is none, or the array's", 0, 64)
    reference: int = setting(0, "channel with what the loudspeaker plays; 0 is none, or the array's", 0, 64)
    microphones: tuple[int, ...] = setting((), "raw channels taken together; all without another role when empty")
    positions_mm: tuple[str, ...] = setting((), "where those stand, such as -32,0 for each; the array's when empty")
    beam: str = setting("auto", "whether microphones with known places are turned to the voice, or only mixed",
                        choices=("auto", "off"))  # fmt: skip
    echo: str = setting("auto", "who cancels the loudspeaker's echo: this program (auto, own), the array, the system "
                                "or nobody", choices=("auto", "own", "array", "system", "off"))  # fmt: skip
    volume: int = setting(100, "percent; changing it here overrules what was set by voice or command", 0, 100)
    mixer: str = setting("auto", "what sets the volume: auto is the sound server or card in use; software; or the "
                                 "name of a server's output or of a card's control")  # fmt: skip
    remember: bool = setting(True, "whether a volume set by voice or command outlasts a restart")
    agc: bool = setting(False, "whether quiet, far voices are made louder for the engine (Whisper hears worse with it)")
    preroll_ms: int = setting(500, "audio from before a press that is sent along", 0, 5000)


@dataclass(frozen=True, slots=True)
class Sounds:
    """The section [sounds]. A start chime is heard by the microphone, and the light tells the same: off by default."""

    start: bool = setting(False, "a chime when a press is listened to")
    end: bool = setting(False, "a chime when a question has been taken")
    mute: bool = setting(True, "chimes when the microphone is muted and unmuted")
    error: bool = setting(True, "a chime when a question cannot be answered")
    offline: bool = setting(True, "a chime of its own when that is for want of a network")
    thinking: bool = setting(True, "a soft sound every two seconds while an answer is long in coming")
    check: bool = setting(False, 'whether "Let me check" is said when an answer takes longer than 1.2 seconds')
    timer: bool = setting(True, "a chime when a timer is due during a reply, after which it rings")
    reports: bool = setting(True, "whether the device says in words why it cannot answer")
    volume: int = setting(100, "of these sounds, in percent of the reply's", 0, 100)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The section [conversation]."""

    barge_in: str = setting("duck", "how a person interrupts", choices=("duck", "stop", "button", "off"))
    end_silence_ms: int = setting(550, "silence that ends a turn, until the person's own pauses are known", 200, 5000)
    least_silence_ms: int = setting(
        350, "silence that ends a turn at the earliest, however quick the person", 200, 5000
    )
    most_silence_ms: int = setting(1200, "silence that ends a turn however slow the person", 200, 5000)
    unfinished_silence_ms: int = setting(1400, "silence that ends a turn in the middle of a sentence", 200, 5000)
    eager_silence_ms: int = setting(0, "silence after which the engine starts to work; 0 is 150, and 200 offline",
                                    0, 2000)  # fmt: skip
    no_speech_s: float = setting(8.0, "how long to wait for the first word after a press", 1, 120)
    follow_up_s: float = setting(6.0, "how long to go on listening after a reply; 0 turns it off", 0, 120)
    max_turn_s: float = setting(360.0, "longest turn of the person", 5, 900)
    reply_s: float = setting(30.0, "how long to wait for the engine", 2, 300)
    greeting: str = setting("", "spoken once when the device has become ready; nothing when empty")


@dataclass(frozen=True, slots=True)
class Engine:
    """The section [engine]."""

    use: tuple[str, ...] = setting(
        (), "engines in order of preference: realtime, chained, local; worked out from the keys when empty"
    )
    stall_s: float = setting(2.0, "how long an engine may say nothing before the next one is asked", 0.5, 30)
    spare: str = setting("auto", "whether local behind another engine is loaded all the time (warm) or when needed "
                                 "(cold); auto is warm where `use` names it and memory allows",
                         choices=("auto", "warm", "cold"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Local:
    """The section [local]."""

    models_dir: str = setting("", "where the models are; the state directory when empty")
    language: str = setting("en", "what is spoken to the device (it answers in English)")
    llm: str = setting("auto", "the small language model", choices=("auto", "off"))
    max_tokens: int = setting(120, "longest answer of the language model", 16, 1024)
    speed: float = setting(1.0, "speaking rate", 0.5, 2.0)
    threads: int = setting(0, "processor cores to use; 0 means all", 0, 64)
    instructions: str = setting(
        "You are a helpful voice assistant on a small device. Answer in one or two short plain sentences, "
        "without lists or markup.", "what the language model is told about itself")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Realtime:
    """The section [realtime]. The key is the credential or variable openai_api_key."""

    url: str = setting("", "another server with the same protocol: Azure's /openai/v1/realtime, a relay, your own")
    model: str = setting("gpt-realtime-2.1", "which model answers (the deployment's name on Azure)")
    voice: str = setting("marin", "how it sounds: alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin, cedar")
    speed: float = setting(1.0, "speaking rate", 0.25, 1.5)
    noise: str = setting("far", "what the vendor filters the microphone for", choices=("near", "far", "none"))
    turns: str = setting("device", "who finds the end of a turn: the device, or the server by silence or by sense",
                         choices=("device", "server", "semantic"))  # fmt: skip
    eagerness: str = setting("auto", "turns = semantic: how soon a sentence counts as complete",
                             choices=("auto", "low", "medium", "high"))  # fmt: skip
    silence_ms: int = setting(500, "turns = server: silence that ends a turn", 100, 5000)
    threshold: float = setting(0.5, "turns = server: how loud speech must be", 0, 1)
    transcription: str = setting("gpt-live-transcribe", "model that writes down what is said to it; off when empty")
    language: str = setting("", "what is spoken, as a two-letter code; any when empty")
    keywords: tuple[str, ...] = setting((), "words that the transcription should know")
    prompt: str = setting("", "what the transcription is told about what is said")
    effort: str = setting("", "how long it thinks; the model's own when empty",
                          choices=("", "minimal", "low", "medium", "high", "xhigh"))  # fmt: skip
    parallel_tools: bool = setting(True, "whether it may call several tools at once; reasoning models only")
    max_output_tokens: int = setting(0, "longest reply; 0 sets no limit", 0, 4096)
    retention: float = setting(
        0.0, "share of the context that is kept when it is full; 0 leaves it to the vendor", 0, 1
    )
    max_context_tokens: int = setting(0, "with retention: tokens beside the instructions that make it full; "
                                         "0 is all that the model has", 0, 1_000_000)  # fmt: skip
    connection: str = setting("warm", "warm keeps the line open, so that a press costs no handshake; "
                                      "cold opens it at the press", choices=("warm", "cold"))  # fmt: skip
    idle_s: float = setting(60.0, "connection = cold: closed after so long at rest", 5, 3600)
    instructions: str = setting(
        "You are a helpful voice assistant on a small device. Be brief and friendly; speak the person's language.",
        "what the model is told about itself")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Budget:
    """The section [budget]."""

    daily: float = setting(0.0, "most money to spend in a day; 0 sets no limit", 0, 10_000)
    currency: str = setting("USD", "what the budget and all prices are in; the built-in prices are in USD")
    warn: float = setting(0.0, "money spent in a day at which it says so, once; 0 is never", 0, 10_000)
    aloud: bool = setting(True, "whether that is spoken as well, and not only shown")


@dataclass(frozen=True, slots=True)
class Mcp:
    """The section [mcp.NAME]. The authorization is the credential or variable mcp_NAME, if there is one."""

    url: str = setting("", "where the server is; or else command or connector_id")
    here: bool = setting(False, "whether this device calls the url, for every engine; else realtime's vendor does")
    command: tuple[str, ...] = setting((), "program and arguments of a server that this device starts and calls itself")
    connector_id: str = setting("", "a service that the vendor connects itself, such as connector_gmail")
    confirm: tuple[str, ...] = setting((), 'its tools that want a spoken yes before they run, or "all"')
    limit_s: float = setting(8.0, "how long its tools may take, where the device calls them", low=0.5, high=60)
    description: str = setting("", "what the model is told that it is for")
    allowed_tools: tuple[str, ...] = setting((), "its tools that the model may use, without asking; all when empty")

    @property
    def remote(self) -> bool:
        """Whether it is the vendor that calls it."""
        return not (self.here or self.command)


@dataclass(frozen=True, slots=True)
class Shell:
    """The section [shell.NAME]: a program that the model may run. There is no shell in between."""

    command: tuple[str, ...] = setting((), 'program and arguments; "{room}" is a text that the model gives')
    description: str = setting("", "what the model is told that it is for")
    choices: tuple[str, ...] = setting((), 'what an argument may be: "room=kitchen|hall"; anything when not named')
    confirm: bool = setting(False, "whether it wants a spoken yes before it runs")
    limit_s: float = setting(8.0, "how long it may take", low=0.5, high=60)


@dataclass(frozen=True, slots=True)
class Log:
    """The section [log]."""

    level: str = setting("info", "least important message shown", choices=("debug", "info", "warning", "error"))
    transcripts: bool = setting(False, "whether what is said is written to the journal")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; `sources` says which file and how many variables it came from."""

    device: Device = Device()
    audio: Audio = Audio()
    panel: Panel = field(default_factory=Panel)
    sounds: Sounds = Sounds()
    conversation: Conversation = Conversation()
    wake: Wake = field(default_factory=Wake)
    engine: Engine = Engine()
    local: Local = Local()
    realtime: Realtime = Realtime()
    chained: Chained = field(default_factory=Chained)
    stt: Mapping[str, Stt] = named("NAME", "a service that hears, for [chained]")
    llm: Mapping[str, Llm] = named("NAME", "a service that thinks, for [chained]")
    tts: Mapping[str, Tts] = named("NAME", "a service that speaks, for [chained]")
    memory: Memory = field(default_factory=Memory)
    budget: Budget = Budget()
    prices: Mapping[str, Price] = named(
        '"MODEL"', "what a model costs, per 1,000,000 tokens in budget.currency; on Azure MODEL is the deployment",
        PRICES)  # fmt: skip
    mcp: Mapping[str, Mcp] = named(
        "NAME", "tools on an MCP server; they are called without asking anybody, unless confirm names them, "
                "with the credential mcp_NAME as authorization")  # fmt: skip
    shell: Mapping[str, Shell] = named("NAME", "a program on this device that is a tool")
    relay: Relay = field(default_factory=Relay)
    server: Server = field(default_factory=Server)
    record: Record = field(default_factory=Record)
    log: Log = Log()
    insight: Insight = field(default_factory=Insight)
    sources: tuple[str, ...] = ()


ARRAYS = ("plain", "ps-eye", "respeaker-4mic-usb", "xvf3800")
ENGINES = ("local", "realtime", "chained", "none")  # "none" listens and answers nothing: for setting up the sound
_HINTS: Mapping[str, Any] = get_type_hints(Config)
SECTIONS: dict[str, type[Any]] = {
    name: kind for name, kind in _HINTS.items() if isinstance(kind, type) and is_dataclass(kind)
}
TABLES: dict[str, type[Any]] = {  # sections of named entries, with what an entry is
    name: get_args(kind)[1] for name, kind in _HINTS.items() if get_origin(kind) is Mapping
}
