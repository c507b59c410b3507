"""Deepgram v1: what is asked for, and how pieces become a turn."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from edge.agents.chained.stt import settling
from edge.agents.chained.stt.deepgram import model_of
from edge.config import Stt
from edge.core.chain import Fault, Heard, Mark, StageFailed, Standing, Used
from tests.agents.chained.stt.bench import Trouble, all_of, heard, pcm, pieces
from tests.agents.chained.stt.bench_deepgram import FluxBench, NovaBench, on, over

SPEECH = Path(__file__).parents[3] / "data/speech"


# --- what is asked for ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (Stt(), "nova-3"),
        (Stt(language="de"), "nova-3"),
        (Stt(turns="service"), "flux-general-en"),
        (Stt(turns="service", language="en"), "flux-general-en"),
        (Stt(turns="service", language="de"), "flux-general-multi"),
        (Stt(turns="service", model="nova-3-medical"), "nova-3-medical"),
        (Stt(model="flux-general-en"), "flux-general-en"),
    ],
)
def test_which_model_hears(config, model):
    assert model_of(config) == model


def test_v1_finds_no_ends_whatever_turns_says():
    async def test(bench: NovaBench) -> None:
        assert not bench.adapter(turns="service", model="nova-3").ends_turns
        assert bench.adapter(turns="service").ends_turns
        assert not bench.adapter(model="flux-general-en").ends_turns

    on(test)


def test_the_query_and_the_headers():
    async def test(bench: NovaBench) -> None:
        await over(bench, pcm(1.0), keyterms=("Grünau", "edge voice"), language="de", speakers=True)
        seen = bench.server.seen[-1]
        assert seen.path == "/v1/listen"
        assert sorted(seen.query) == [
            ("channels", "1"),
            ("diarize_model", "latest"),
            ("encoding", "linear16"),
            ("endpointing", "300"),
            ("interim_results", "true"),
            ("keyterm", "Grünau"),
            ("keyterm", "edge voice"),
            ("language", "de"),
            ("model", "nova-3"),
            ("sample_rate", "16000"),
            ("smart_format", "true"),
        ]
        assert seen.headers["authorization"] == f"Token {bench.key}"
        assert seen.headers["user-agent"].startswith("deepgram-sdk/")
        assert "sec-websocket-extensions" not in seen.headers, "audio is not compressed: it does not get smaller"

    on(test)


def test_any_language_by_default_and_nothing_else_that_is_not_wanted():
    async def test(bench: NovaBench) -> None:
        await over(bench, pcm(1.0))
        query = dict(bench.server.seen[-1].query)
        assert query["language"] == "multi"
        assert not {"keyterm", "keywords", "diarize", "diarize_model"} & set(query)

    on(test)


def test_older_models_have_keywords():
    async def test(bench: NovaBench) -> None:
        await over(bench, pcm(1.0), model="nova-2", keyterms=("edge",), language="en")
        assert ("keywords", "edge") in bench.server.seen[-1].query

    on(test)


@pytest.mark.parametrize("form", ["http{}", "ws{}", "ws{}/", "http{}/?x=1"])
def test_another_server(form):
    async def test(bench: NovaBench) -> None:
        assert await over(bench, pcm(1.0), url=form.format(bench.server.url.removeprefix("ws"))) == "turn on the light"

    on(test)


@pytest.mark.parametrize("url", ["here", "http://[", "ftp://127.0.0.1"])
def test_an_address_that_is_none(url):
    async def test(bench: NovaBench) -> None:
        with pytest.raises(StageFailed, match=r"stt\.deepgram\.url") as caught:
            await over(bench, pcm(1.0), url=url)
        assert caught.value.fault is Fault.REQUEST

    on(test)


def test_a_model_that_has_gone():
    async def test(bench: NovaBench) -> None:
        with pytest.raises(StageFailed) as caught:
            await over(bench, pcm(1.0), model="nova-0")
        assert caught.value.fault is Fault.REQUEST
        assert str(caught.value) == (
            "Deepgram does not take the request: no such model: nova-0. Look at [stt.deepgram]."
        )

    on(test)


# --- a turn --------------------------------------------------------------------------------------------


def test_pieces_that_pauses_made_final_are_put_together():
    async def test(bench: NovaBench) -> None:
        bench.script((0.4, "One."), (1.2, "Two."), (2.0, "Three"))
        adapter = bench.adapter()
        items = heard(await all_of(adapter, pieces(pcm(2.2), pace=0.2)))
        await adapter.close()
        texts = [item.text for item in items]
        assert texts[-1] == "One. Two. Three"
        assert texts == sorted(texts, key=len), "words do not vanish"
        assert sum(kind == "Results" for kind in bench.server.seen[-1].sent) > len(texts), "news only"

    on(test)


def test_a_pause_and_the_end_are_finalized():
    async def test(bench: NovaBench) -> None:
        await over(bench, pcm(0.6), Mark.PAUSED, 0.1, Mark.RESUMED, pcm(0.6))
        assert bench.logs[-1] == ["audio", "Finalize", "audio", "Finalize", "CloseStream", "closed"]

    on(test)


def test_what_comes_after_a_pause_was_settled_still_counts():
    async def test(bench: NovaBench) -> None:
        bench.script((0.4, "turn on"), (0.7, "the light"))
        adapter = bench.adapter()
        items = heard(await all_of(adapter, pieces(pcm(0.6), Mark.PAUSED, 0.2, pcm(0.4))))
        await adapter.close()
        assert Heard("turn on", Standing.EAGER) in items
        assert items[-1] == Heard("turn on the light", Standing.OVER)

    on(test)


def test_a_pause_is_answered_even_if_the_service_has_nothing_to_add():
    async def test(bench: NovaBench) -> None:
        bench.server.faults.deaf_to_finalize = True
        adapter = bench.adapter()
        items = heard(await all_of(adapter, pieces(pcm(1.0), Mark.PAUSED, settling.SETTLE_S + 0.3)))
        await adapter.close()
        assert Heard("turn on the light", Standing.EAGER) in items
        assert items[-1] == Heard("turn on the light", Standing.OVER), "from the pieces before the metadata"

    on(test)


def test_an_answer_that_comes_late_is_not_that_to_the_next_pause(monkeypatch):
    async def test(bench: NovaBench) -> None:
        monkeypatch.setattr(settling, "SETTLE_S", 5.0)
        bench.script((0.4, "turn on"), (1.0, "the light"))
        bench.server.faults.message_s = 0.1
        adapter = bench.adapter()
        audio = pieces(pcm(0.6), Mark.PAUSED, Mark.RESUMED, pcm(0.6), Mark.PAUSED, 1.5)
        items = heard(await all_of(adapter, audio))
        await adapter.close()
        assert [item.text for item in items if item.standing is Standing.EAGER] == ["turn on the light"]
        assert bench.server.seen[-1].log.count("Finalize") == 3

    on(test)


def test_speakers_are_told_apart_when_there_are_several():
    async def test(bench: NovaBench) -> None:
        bench.server.speakers = (0, 1, 0)
        bench.script((0.4, "Shall I?"), (0.8, "Yes"), (0.9, "do."))
        assert await over(bench, pcm(1.0), speakers=True) == "A: Shall I? B: Yes A: do."
        bench.server.speakers = (0, 0, 0)
        assert await over(bench, pcm(1.0), speakers=True) == "Shall I? Yes do."

    on(test)


def test_what_was_used_adds_up():
    async def test(bench: NovaBench) -> None:
        adapter = bench.adapter()
        items = await all_of(adapter, pieces(pcm(0.5), Mark.PAUSED, 0.3, Mark.RESUMED, pcm(0.75)))
        await adapter.close()
        used = [item for item in items if isinstance(item, Used)]
        assert [item.model for item in used] == ["nova-3"] * 2
        assert [item.amounts["audio_seconds"] for item in used] == [0.5, 0.75]

    on(test)


def test_what_was_used_before_a_failure_is_told():
    async def test(bench: NovaBench) -> None:
        bench.fault(Trouble.DROP)
        adapter, items = bench.adapter(), []

        async def hear() -> None:
            async for item in adapter.hear(pieces(pcm(0.6), 5.0)):
                items.append(item)  # noqa: PERF401  what came before the failure

        with pytest.raises(StageFailed):
            await hear()
        await adapter.close()
        assert sum(item.amounts["audio_seconds"] for item in items if isinstance(item, Used)) == pytest.approx(0.6, 0.2)

    on(test)


@pytest.mark.slow
@pytest.mark.parametrize("bench", [NovaBench, FluxBench])
def test_speech_at_its_own_pace_arrives_whole_and_in_order(bench):
    samples, rate = soundfile.read(SPEECH / "arctic_a0010.flac", dtype="int16")
    assert rate == 16_000
    speech = samples.tobytes()

    async def test(bench: NovaBench) -> None:
        bench.fault(Trouble.SLOW_HANDSHAKE)
        adapter = bench.adapter()
        items = await all_of(adapter, pieces(speech, pace=1.0))
        await adapter.close()
        assert bench.audio == [speech]
        assert heard(items)[-1] == Heard("turn on the light", Standing.OVER)
        assert sum(item.amounts["audio_seconds"] for item in items if isinstance(item, Used)) == len(samples) / rate

    on(test, bench)
