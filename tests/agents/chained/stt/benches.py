"""The vendors' protocols that the contract of all transcribers is run against: one bench each, in its own module."""

from __future__ import annotations

from tests.agents.chained.stt.bench import Bench
from tests.agents.chained.stt.bench_assemblyai import AssemblyAIBench, AssemblyAIServiceBench
from tests.agents.chained.stt.bench_deepgram import FluxBench, FluxServiceBench, NovaBench
from tests.agents.chained.stt.bench_openai import OpenAIFilesBench, OpenAILiveBench, OpenAIWholeFilesBench

BENCHES: tuple[type[Bench], ...] = (
    NovaBench,
    FluxBench,
    FluxServiceBench,
    AssemblyAIBench,
    AssemblyAIServiceBench,
    OpenAILiveBench,
    OpenAIFilesBench,
    OpenAIWholeFilesBench,
)
