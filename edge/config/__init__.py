"""The configuration: defaults <- TOML file <- EDGE_VOICE_SECTION__KEY variables, as frozen structs.

Every mistake is found and reported at once, with the nearest right name. Secrets are never in the
file: they come from systemd credentials or the vendors' usual variables (see `secret`).
"""

from edge.config.chain import LLM_KINDS, STT_KINDS, TTS_KINDS, Chained, Llm, Stt, Tts
from edge.config.insight import Insight
from edge.config.memory import Memory
from edge.config.panel import Panel
from edge.config.prices import PRICES, Price
from edge.config.reading import default_path, load, secret
from edge.config.record import Record
from edge.config.relay import Relay
from edge.config.schema import (
    ENGINES,
    Audio,
    Budget,
    Config,
    Conversation,
    Device,
    Engine,
    Local,
    Log,
    Mcp,
    Realtime,
    Shell,
    Sounds,
)
from edge.config.server import Server
from edge.config.showing import show
from edge.config.wake import Wake

__all__ = [
    "ENGINES",
    "LLM_KINDS",
    "PRICES",
    "STT_KINDS",
    "TTS_KINDS",
    "Audio",
    "Budget",
    "Chained",
    "Config",
    "Conversation",
    "Device",
    "Engine",
    "Insight",
    "Llm",
    "Local",
    "Log",
    "Mcp",
    "Memory",
    "Panel",
    "Price",
    "Realtime",
    "Record",
    "Relay",
    "Server",
    "Shell",
    "Sounds",
    "Stt",
    "Tts",
    "Wake",
    "default_path",
    "load",
    "secret",
    "show",
]
