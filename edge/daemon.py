"""The main loop: event -> core -> effects. It decides nothing and touches nothing but the ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import get_ident

from edge.core import effects as do
from edge.core.conversation import Conversation
from edge.core.effects import Ears
from edge.core.events import ButtonDown, ButtonUp, Event, TimePassed, ToolFinished
from edge.core.gestures import Gestures
from edge.core.trace import trace_of
from edge.ports import Agent, Clock, Fields, Host, Microphone, Sounds, Speaker, Tools, Watcher

Tap = Callable[[Event, float, list[do.Effect]], None]


@dataclass(slots=True)
class Ports:
    """Everything the daemon talks to."""

    microphone: Microphone
    speaker: Speaker
    agent: Agent
    tools: Tools
    host: Host
    watchers: list[Watcher] = field(default_factory=list)
    sounds: Sounds | None = None


class Daemon:
    """`feed` an event and its effects are carried out; `run` adds the clock and other threads' events.

    Made inside a running loop. With `own_timer=False` the caller brings the time by calling `tick`,
    which is how a simulated device runs faster than real time.
    """

    def __init__(
        self, conversation: Conversation, gestures: Gestures, ports: Ports, clock: Clock, *, own_timer: bool = True
    ) -> None:
        self.conversation, self.ports = conversation, ports
        self._gestures, self._clock, self._own_timer = gestures, clock, own_timer
        self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        self._thread = get_ident()
        self._timer: asyncio.TimerHandle | None = None
        self._armed: float | None = None  # the deadline that the timer is for
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self._tool_tasks: dict[asyncio.Task[None], do.RunTool] = {}
        self._told_ready = False
        self.seed = ""  # of the trace ids of turns, at random for each process; without one there are none
        self.tap: Tap | None = None  # told of every event with its effects, before they are carried out

    # --- the loop -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until `stop`; raises what went wrong inside, for a daemon that limps on helps nobody."""
        self._arm()
        await self._ended.wait()
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tool_tasks:
            task.cancel()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End `run`. In the loop's thread."""
        self.ports.host.stopping()
        self._ended.set()

    def post(self, event: Event) -> None:
        """Hand in an event, from any thread."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if get_ident() == self._thread:  # waking a loop from inside costs a write, two reads and a round
            loop.call_soon(self._take, event)
        else:
            loop.call_soon_threadsafe(self._take, event)

    def _take(self, event: Event) -> None:
        try:
            self.feed(event, self._clock())
            self._arm()
        except Exception as error:  # noqa: BLE001  the loop's boundary: `run` raises it
            self._fail(error)

    def fail(self, error: Exception) -> None:
        """Another thread cannot go on: end `run` with its error. From any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._fail, error)

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._ended.set()

    def _arm(self) -> None:
        deadline = self.deadline if self._own_timer else None
        if deadline == self._armed or self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed, self._timer = deadline, None
        if deadline is not None:
            self._timer = self._loop.call_later(max(0.0, deadline - self._clock()), self._rang)

    def _rang(self) -> None:
        self._armed = self._timer = None  # a timer that comes a little early is set again
        self._take(TimePassed())

    # --- events and effects -------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When `tick` is to be called."""
        times = [t for t in (self.conversation.wake_at, self._gestures.deadline) if t is not None]
        return min(times, default=None)

    def tick(self) -> None:
        """Notice that a deadline has passed."""
        if self.deadline is not None and self._clock() >= self.deadline:
            self._take(TimePassed())

    def feed(self, event: Event, now: float) -> None:
        """One event and all it leads to."""
        if isinstance(event, (ButtonDown, ButtonUp)):
            events = self._gestures.handle(event, now)
            self._tell_tap(event, now, [])
        elif isinstance(event, TimePassed):
            events = [*self._gestures.due(now), event]
        else:
            events = [event]
        for one in events:
            effects = self.conversation.handle(one, now)
            self._tell_tap(one, now, effects)
            for effect in effects:
                self._perform(effect)
        self._tell_ready()

    def _tell_tap(self, event: Event, now: float, effects: list[do.Effect]) -> None:
        if self.tap is not None:
            self.tap(event, now, effects)

    def _tell_ready(self) -> None:
        if not self._told_ready and self.is_well:
            self._told_ready = True
            self.ports.host.ready()

    @property
    def can_hold_a_turn(self) -> bool:
        """Whether a press now would lead to a conversation."""
        return self.is_well and not self.conversation.muted

    @property
    def is_well(self) -> bool:
        """Whether nothing but the person's own mute stands in the way of a turn."""
        talk = self.conversation
        return talk.ready and not (talk.mic_problem or talk.agent_problem or talk.speaker_problem)

    def _perform(self, effect: do.Effect) -> None:
        agent = self.ports.agent
        match effect:
            case do.SendAudio(turn, pcm):
                agent.audio(turn, pcm)
            case do.Play(turn, pcm, rate):
                self.ports.speaker.play(turn, pcm, rate)
            case do.FinishPlay(turn):
                self.ports.speaker.finish(turn)
            case do.CancelReply(turn, goes_on):
                agent.interrupt(turn, self.ports.speaker.stop(turn), goes_on=goes_on)
                self._cancel_tools(turn)
            case do.SetEars() | do.SetPatience() | do.CloseMic():
                self._tell_microphone(self.ports.microphone, effect)
            case do.Chime() | do.Report() | do.Hush() | do.Ring():
                self._sound(self.ports.sounds, effect)
            case do.RunTool():
                self._run_tool(effect)
            case do.Publish(event, fields):
                self.publish(event, fields)
            case _:
                self._tell_agent(agent, effect)

    def _sound(self, sounds: Sounds | None, effect: do.Chime | do.Report | do.Hush | do.Ring) -> None:
        match effect:
            case _ if sounds is None:
                return
            case do.Chime(tone):
                sounds.play(tone)
            case do.Report(problem):
                sounds.play(problem)
            case do.Ring(turn, number):
                sounds.ring(turn, number)
            case do.Hush():
                sounds.hush()

    def _tell_microphone(self, microphone: Microphone, effect: do.SetEars | do.SetPatience | do.CloseMic) -> None:
        match effect:
            case do.SetEars(mode, since):
                microphone.set_ears(mode, since)
                if mode not in {Ears.OFF, Ears.AWAIT}:
                    self.ports.speaker.prepare()
            case do.SetPatience(silence_s):
                microphone.set_patience(silence_s)
            case do.CloseMic(closed):
                microphone.close_mic(closed)

    def _tell_agent(self, agent: Agent, effect: do.Effect) -> None:
        match effect:
            case do.SendText(turn, text):
                self.ports.speaker.prepare()
                agent.text(turn, text)
            case do.SendSay(turn, text):
                self.ports.speaker.prepare()
                agent.say(turn, text)
            case do.SendToolResult(turn, call, result):
                agent.tool_result(turn, call, result)
            case do.ClearHistory():
                agent.forget()
            case do.Connect():
                agent.connect()
            case _:
                self._tell_of_turn(agent, effect)

    def _tell_of_turn(self, agent: Agent, effect: do.Effect) -> None:
        match effect:
            case do.HoldTurn(turn):
                agent.hold(turn)
            case do.EagerEnd(turn):
                agent.eager_end(turn)
            case do.TurnResumed(turn):
                agent.turn_resumed(turn)
            case do.EndTurn(turn):
                agent.end_of_turn(turn)
            case do.DropTurn(turn):
                agent.drop_turn(turn)
            case _:
                raise TypeError(f"no way to perform {effect}")

    def trace(self, turn: int) -> str:
        """The trace id of a turn; "" for none, which has the number 0."""
        return trace_of(self.seed, turn) if self.seed and turn > 0 else ""

    def publish(self, event: str, fields: Fields) -> None:
        """Tell all watchers; what belongs to a turn with its trace id."""
        turn = fields.get("turn")
        if isinstance(turn, int) and (trace := self.trace(turn)):
            fields = {**fields, "trace": trace}
        for watcher in self.ports.watchers:
            watcher.published(event, fields)

    def _run_tool(self, effect: do.RunTool) -> None:
        async def run() -> None:
            began = self._clock()
            result = await self.ports.tools.run(effect.name, effect.arguments)
            took = round(1000 * (self._clock() - began), 1)
            told = {"turn": effect.turn, "name": effect.name, "call": effect.call, "ms": took}
            self.publish("tool_done", {**told, "ok": "error" not in result})
            self._take(ToolFinished(effect.turn, effect.call, result))

        task = asyncio.ensure_future(run())
        self._tool_tasks[task] = effect
        task.add_done_callback(self._tool_done)

    def _cancel_tools(self, turn: int) -> None:
        for task, effect in self._tool_tasks.items():
            if effect.turn == turn and self.ports.tools.cancellable(effect.name):
                task.cancel()

    def _tool_done(self, task: asyncio.Task[None]) -> None:
        self._tool_tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)
