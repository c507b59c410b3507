// A conversation in the browser. Two ways lead to the engine (webrtc.js, line.js); both speak the Realtime protocol's events.

import { Line } from "./line.js";
import { listDevices, microphone } from "./mic.js";
import { backoff, pause } from "./net.js";
import { $, Log, doing, notice, seconds, shown } from "./view.js";
import { Call } from "./webrtc.js";

const SAY = {
  idle: ["Start", "Ready when you are.", "The microphone stays closed until you start."],
  connecting: ["…", "Connecting…", "Asking for the microphone and the line."],
  listening: ["Listening", "Listening.", "Just talk. You may interrupt at any time."],
  hearing: ["I hear you", "I hear you.", "A pause ends your turn."],
  thinking: ["Thinking", "Thinking…", "Talk again to add something."],
  speaking: ["Speaking", "Speaking.", "Talk, or press Interrupt, to stop it."],
};
const HELD = {
  listening: ["Hold to talk", "Waiting for you.", "Hold the button or the space bar while you talk."],
  hearing: ["Release to send", "I hear you.", "Release to send."],
  thinking: ["Hold to talk", "Thinking…", "Hold to add something."],
  speaking: ["Hold to talk", "Speaking.", "Hold to interrupt."],
};
const HARMLESS = new Set(["response_cancel_not_active", "conversation_already_has_active_response"]);
const TRIES = 6; // to connect again after a change of network
const LOOK = 60; // ms between looks at the levels
const VAD = { type: "server_vad", threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500, create_response: true, interrupt_response: true };

class Talk {
  constructor() {
    this.voice = null;
    this.way = null; // a Call or a Line while there is a conversation
    this.state = "idle";
    this.muted = false;
    this.responding = false; // the engine is at work on a reply
    this.asked = 0; // when the person's turn ended
    this.turns = [];
    this.log = new Log($("log"));
    $("button").onclick = () => { if (!this.way) this.start(); };
    $("button").onpointerdown = (event) => { if (this.pushes) { $("button").setPointerCapture(event.pointerId); this.press(); } };
    $("button").onpointerup = $("button").onpointercancel = () => this.release();
    $("mute").onclick = () => this.mute(!this.muted);
    $("stop").onclick = () => this.interrupt();
    $("end").onclick = () => this.close();
    $("ptt").onchange = () => this.changeTurns();
    $("mic").onchange = doing(async () => this.way?.setMic(await microphone($("mic").value)));
    $("out").onchange = () => this.way?.setSink($("out").value);
    $("type").onsubmit = (event) => this.type(event);
    addEventListener("keydown", (event) => this.key(event, true));
    addEventListener("keyup", (event) => this.key(event, false));
    addEventListener("blur", () => this.release()); // the key's release would go elsewhere
    addEventListener("pagehide", () => this.close());
    navigator.mediaDevices?.addEventListener?.("devicechange", listDevices);
    listDevices();
  }

  get pushes() { return Boolean(this.way) && $("ptt").checked && this.state !== "connecting"; }

  offer(voice, refresh) {
    this.voice = voice;
    this.refresh = refresh;
    $("button").disabled = !voice || voice.way === "none";
    if (voice?.way === "none") $("state").textContent = `Talking is not possible now: ${voice.why || "it is switched off."}`;
    this.facts();
  }

  facts() {
    const { voice } = this;
    const how = { webrtc: "straight to the voice service", relay: "over this relay", none: "" }[voice?.way] || "";
    const last = this.turns.at(-1);
    const sorted = [...this.turns].sort((a, b) => a - b);
    const told = [
      voice?.model && `${voice.model}${how && `, ${how}`}`,
      voice?.minutes_left > 0 && `at most ${Math.round(voice.minutes_left)} minutes`,
      last && `answered after ${seconds(last)} (usually ${seconds(sorted[sorted.length >> 1])})`,
      this.cost && `${this.cost.cost.toFixed(3)} ${this.cost.currency}`,
      this.way?.lostFrames && `${this.way.lostFrames} pieces of sound lost on a slow network`,
    ];
    $("facts").textContent = told.filter(Boolean).join(" · ");
  }

  set(state) {
    this.state = state;
    const [button, text, hint] = ($("ptt").checked && HELD[state]) || SAY[state];
    $("stage").dataset.state = state;
    $("button-text").textContent = button;
    $("state").textContent = this.muted && state === "listening" ? "Muted." : text;
    $("hint").textContent = hint;
    for (const id of ["mute", "end"]) $(id).disabled = !this.way;
    $("type").querySelector("button").disabled = !this.way || state === "connecting";
    $("stop").disabled = !this.way || !(this.responding || state === "speaking");
  }

  // --- beginning and end ---------------------------------------------------------------------------------------

  start = doing(async () => {
    notice("");
    try {
      await this.connect();
    } catch (error) {
      this.close();
      throw error;
    }
  });

  async connect() {
    const Way = this.voice?.way === "webrtc" ? Call : Line;
    const way = this.way = new Way({
      event: (event) => way === this.way && this.came(event),
      relay: (event) => way === this.way && this.fromRelay(event),
      lost: (why) => way === this.way && this.lost(why),
    });
    this.responding = false;
    this.set("connecting");
    const mic = await microphone($("mic").value);
    if (way !== this.way) return mic.getTracks().forEach((track) => track.stop()); // ended meanwhile
    await way.open({ mic, sink: $("out").value });
    if (way !== this.way) return way.close();
    listDevices(); // their names are known now
    this.changeTurns();
    this.mute(this.muted);
    this.set("listening");
    this.timer = setInterval(() => {
      const [input, output] = way.levels;
      shown($("level-in"), this.muted ? -100 : input);
      shown($("level-out"), output);
    }, LOOK);
  }

  close() {
    clearInterval(this.timer);
    this.way?.close();
    this.way = null;
    this.muted = this.held = this.responding = false;
    $("mute").setAttribute("aria-pressed", "false");
    for (const id of ["level-in", "level-out"]) $(id).value = 0;
    this.set("idle");
  }

  async lost(why) {
    this.close();
    if (why) return notice(why.message);
    this.log.note("The connection was lost. Connecting again; what was said before is not remembered there.");
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      await Promise.race([pause(backoff(attempt, 8000) + 200), new Promise((resolve) => addEventListener("online", resolve, { once: true }))]);
      if (this.way) return undefined; // the person was quicker
      try {
        await this.refresh();
        return await this.connect();
      } catch (error) {
        this.close();
        if (error.status && error.status < 500) return notice(error.message);
      }
    }
    return notice("The connection could not be made again. Press Start when the network is back.");
  }

  // --- the person's side -------------------------------------------------------------------------------------------

  changeTurns() {
    if (!this.way) return this.set(this.state);
    const held = $("ptt").checked;
    this.way.send({ type: "session.update", session: { type: "realtime", audio: { input: { turn_detection: held ? null : VAD } } } });
    this.open(!held);
    return this.set(this.state);
  }

  open(on) { this.way?.mute(!on || this.muted, $("ptt").checked && !on); }

  mute(on) {
    this.muted = on;
    $("mute").setAttribute("aria-pressed", String(on));
    this.open(!$("ptt").checked || this.held);
    this.set(this.state);
  }

  press() {
    if (!this.pushes || this.held) return;
    this.held = true;
    if (this.muted) this.mute(false);
    this.interrupt();
    this.way.send({ type: "input_audio_buffer.clear" });
    this.open(true);
    this.set("hearing");
  }

  release() {
    if (!this.held) return;
    this.held = false;
    if (!this.way) return;
    this.open(false);
    this.way.send({ type: "input_audio_buffer.commit" });
    this.way.send({ type: "response.create" });
    this.ended();
  }

  key(event, down) {
    const busy = event.target.closest?.("input, select, textarea, button, summary, a, dialog") && event.target !== $("button");
    if (event.code !== "Space" || busy || !this.pushes || $("talk").hidden) return;
    event.preventDefault(); // neither a click on the button nor a scroll
    if (down && !event.repeat) this.press();
    if (!down) this.release();
  }

  type(event) {
    event.preventDefault();
    const text = $("typed").value.trim();
    if (!text || !this.way) return;
    $("typed").value = "";
    this.interrupt();
    this.log.write(`typed-${performance.now()}`, "You", text, { kind: "me" });
    this.way.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
    this.way.send({ type: "response.create" });
    this.ended();
  }

  interrupt() {
    if (!this.way || !(this.responding || this.state === "speaking")) return;
    if (this.responding) this.way.send({ type: "response.cancel" });
    this.way.hush();
    this.cut();
    this.set("listening");
  }

  ended() {
    this.asked = performance.now();
    this.set("thinking");
  }

  cut() { if (this.reply) this.log.lines.get(this.reply)?.node.classList.add("cut"); }

  // --- what comes -----------------------------------------------------------------------------------------------------

  came(event) {
    const done = {
      "input_audio_buffer.speech_started": () => {
        if (this.state === "speaking") this.cut();
        if (event.item_id) this.log.write(event.item_id, "You", "…", { kind: "me" }); // its words come after the reply's first
        this.set("hearing");
      },
      "input_audio_buffer.speech_stopped": () => this.ended(),
      "input_audio_buffer.committed": () => this.log.line(event.item_id, "You", "me"),
      "conversation.item.input_audio_transcription.delta": () => this.heard(event.item_id, event.delta, true),
      "conversation.item.input_audio_transcription.completed": () => this.heard(event.item_id, event.transcript, false),
      "conversation.item.input_audio_transcription.failed": () => this.heard(event.item_id, "(not written down)", false),
      "response.created": () => { this.responding = true; this.set(this.state === "listening" ? "thinking" : this.state); },
      "response.output_audio_transcript.delta": () => this.said(event),
      "response.output_text.delta": () => this.said(event),
      "output_audio_buffer.started": () => this.sounds(),
      "output_audio_buffer.stopped": () => this.set("listening"),
      "output_audio_buffer.cleared": () => { if (this.state === "speaking") this.set("listening"); },
      "response.done": () => this.over(event.response),
      error: () => this.failed(event.error || {}),
    }[event.type];
    done?.();
  }

  heard(item, text, more) {
    const line = this.log.line(item, "You", "me");
    const known = line.text.textContent;
    if (!more && !text.trim()) return this.log.drop(item); // a noise
    this.log.write(item, "You", more && known !== "…" ? known + text : text);
    return undefined;
  }

  said({ item_id: item, delta }) {
    this.reply = item;
    this.log.write(item, "Reply", delta, { more: true });
  }

  sounds() {
    if (this.asked) {
      this.turns.push(performance.now() - this.asked);
      this.turns.splice(0, this.turns.length - 50);
      this.asked = 0;
      this.facts();
    }
    this.set("speaking");
  }

  over(response) {
    this.responding = false;
    if (response.status === "failed") {
      this.failed(response.status_details?.error || {});
    } else if (response.status === "cancelled") {
      this.cut();
    }
    if (this.state === "thinking" && !response.output?.some((one) => one.type === "message" && response.status === "completed")) this.set("listening");
    else this.set(this.state);
  }

  failed({ code, message }) {
    if (HARMLESS.has(code)) return;
    if (code === "input_audio_buffer_commit_empty") this.log.note("Hold a little longer while you talk.");
    else this.log.note(message || "The engine reports an error without words.");
    if (this.state === "thinking") this.set("listening");
  }

  fromRelay(event) {
    if (event.event === "warning") this.log.note(event.message);
    if (event.event === "usage") { this.cost = event; this.facts(); }
    if (event.event === "tool") this.log.note(`${event.ok ? "Used" : "Failed"}: ${event.name.replaceAll("_", " ")}`);
    if (event.event !== "ended") return;
    this.close();
    if (event.code !== "hung_up" && event.code !== "gone") notice(event.message);
    this.refresh();
  }
}

export const talk = new Talk();
