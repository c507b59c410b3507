// A conversation in the browser. Two ways lead to the engine (webrtc.js, line.js); both speak the Realtime protocol's events.

import { Line } from "./line.js";
import { listDevices, microphone } from "./mic.js";
import { backoff, pause } from "./net.js";
import { $, Log, doing, make, notice, percent, seconds } from "./view.js";
import { Call } from "./webrtc.js";

const SAY = { // by state: the round button, the line below it, and a hint
  idle: ["Start", "Ready when you are.", "The microphone stays closed until you start."],
  connecting: ["Connecting", "Connecting…", "Asking for the microphone."],
  reconnecting: ["Connecting", "Connection lost. Connecting again…", ""],
  listening: ["Listening", "Listening.", "Just talk. You may interrupt."],
  hearing: ["Listening", "I hear you.", "A pause ends your turn."],
  thinking: ["Thinking", "Thinking…", "Talk again to add something."],
  speaking: ["Interrupt", "Speaking.", "Talk, or press Interrupt, to stop it."],
};
const HELD = {
  listening: ["Hold to talk", "Waiting for you.", "Hold the button or the space bar while you talk."],
  hearing: ["Release to send", "I hear you.", "Release to send."],
  thinking: ["Hold to talk", "Thinking…", "Hold to add something."],
  speaking: ["Hold to talk", "Speaking.", "Hold to interrupt."],
};
const ENGINES = { local: "Offline engine", chained: "Chained engine" };
const HARMLESS = new Set(["response_cancel_not_active", "conversation_already_has_active_response"]);
const TRIES = 6; // to connect again after a change of network
const LOOK = 60; // ms between looks at the levels
const LOUD = 35; // percent of a level that is a voice
const PAUSE = 2500; // ms at most between the last word and what the engine takes for the end of the turn
const PATIENCE = 45000; // ms without an answer, tools included: longer than any of the relay's own limits
const KEPT = ["ptt", "read"]; // settings that this browser keeps

class Talk {
  constructor() {
    this.way = null; // a Call or a Line while there is a conversation
    this.ready = false; // whether it is open
    this.state = "idle";
    this.muted = false;
    this.turns = [];
    this.log = new Log($("log"));
    $("button").onclick = () => { if (this.state === "idle") this.start(); else if (!this.pushes) this.interrupt(); };
    $("button").onpointerdown = (event) => { if (this.pushes) { $("button").setPointerCapture(event.pointerId); this.press(); } };
    $("button").onpointerup = $("button").onpointercancel = () => this.release();
    $("button").oncontextmenu = (event) => event.preventDefault(); // a long press is no wish for a menu
    $("mute").onclick = () => this.mute(!this.muted);
    $("stop").onclick = () => this.interrupt();
    $("end").onclick = () => this.close();
    for (const id of KEPT) $(id).checked = localStorage.getItem(id) === "on";
    $("ptt").onchange = () => { this.keep(); this.changeTurns(); };
    $("read").onchange = () => this.keep();
    $("mic").onchange = doing(async () => this.way?.setMic(await microphone($("mic").value)));
    $("out").onchange = () => this.way?.setSink($("out").value);
    $("type").onsubmit = (event) => this.type(event);
    addEventListener("keydown", (event) => this.key(event, true));
    addEventListener("keyup", (event) => this.key(event, false));
    addEventListener("blur", () => this.release()); // the release of the key would go elsewhere
    addEventListener("pagehide", () => this.close());
    navigator.mediaDevices?.addEventListener("devicechange", listDevices);
    listDevices();
    this.keep();
    this.set("idle");
  }

  get pushes() { return this.ready && $("ptt").checked; }

  keep() {
    for (const id of KEPT) localStorage.setItem(id, $(id).checked ? "on" : "");
    $("log").ariaLive = $("read").checked ? "polite" : "off"; // else each word would be heard twice
  }

  offer(voice, refresh) {
    this.voice = voice;
    this.refresh = refresh;
    this.set(this.state);
    this.facts();
  }

  facts() {
    const { voice } = this;
    const how = { webrtc: "straight to the voice service", relay: "over this relay" }[voice?.way];
    const sorted = [...this.turns].sort((a, b) => a - b);
    const told = [
      ENGINES[voice?.model] || voice?.model, voice?.model && how,
      voice?.minutes_left > 0 && `at most ${Math.round(voice.minutes_left)} minutes`,
      sorted.length && `usually answers after ${seconds(sorted[sorted.length >> 1])}`,
      this.cost && `${this.cost.cost.toFixed(3)} ${this.cost.currency}`,
      this.way?.lostFrames && `${this.way.lostFrames} pieces of sound lost`,
    ];
    $("facts").textContent = told.filter(Boolean).join(" · ");
  }

  set(state) {
    if (state !== this.state) {
      clearTimeout(this.waiting);
      if (state === "thinking") this.waiting = setTimeout(() => this.giveUp(), PATIENCE);
    }
    this.state = state;
    const none = state === "idle" && this.voice?.way === "none";
    const [button, text, hint] = ($("ptt").checked && HELD[state]) || SAY[state];
    $("stage").dataset.state = state;
    $("stage").classList.toggle("open", this.ready && !$("ptt").checked); // the round button shows sound, not what it does
    $("button-text").textContent = button;
    $("button").disabled = none;
    const line = none ? `Talking is not possible now. ${this.voice.why}` : this.muted && state === "listening" ? "Muted." : text;
    if ($("state").textContent !== line) $("state").textContent = line;
    $("hint").textContent = none ? "" : hint;
    for (const id of ["mute", "stop", "send"]) $(id).disabled = !this.ready;
    $("end").disabled = state === "idle";
  }

  // --- beginning and end ---------------------------------------------------------------------------------------

  start = doing(async () => {
    this.retrying = null;
    try {
      await this.connect("connecting");
    } catch (error) {
      this.close();
      throw error;
    }
  });

  async connect(state) {
    const Way = this.voice?.way === "webrtc" ? Call : Line;
    const way = this.way = new Way({
      event: (event) => way === this.way && this.came(event),
      relay: (event) => way === this.way && this.fromRelay(event),
      lost: (why) => way === this.way && this.lost(why),
    });
    this.responding = this.wanted = this.held = false; // whether a reply is being made; whether another is to follow
    this.set(state);
    const mic = await microphone($("mic").value);
    if (way !== this.way) { mic.getTracks().forEach((track) => track.stop()); return; } // ended meanwhile
    await way.open({ mic, sink: $("out").value });
    if (way !== this.way) { way.close(); return; }
    listDevices(); // their names are known now
    this.ready = true;
    this.changeTurns();
    this.set("listening");
    this.timer = setInterval(() => this.look(), LOOK);
    this.awake = await navigator.wakeLock?.request("screen").catch(() => {}); // a telephone would go to sleep
  }

  look() {
    const [input, output] = this.way.levels.map(percent);
    if (input > LOUD) this.loud = performance.now();
    $("level-in").value = this.muted ? 0 : input;
    $("level-out").value = output;
    $("stage").style.setProperty("--level", Math.max(this.muted ? 0 : input, output).toFixed() / 100);
  }

  hangUp() {
    clearInterval(this.timer);
    clearTimeout(this.sending);
    this.way?.close();
    this.way = null;
    this.ready = false;
    this.awake?.release();
    for (const id of ["level-in", "level-out"]) $(id).value = 0;
    $("stage").style.setProperty("--level", 0);
  }

  close() {
    if (document.activeElement === $("end")) $("button").focus(); // it is disabled now
    this.hangUp();
    this.retrying = null;
    this.muted = false;
    $("mute").ariaPressed = "false";
    this.set("idle");
  }

  async lost(why) {
    const mine = this.retrying = {};
    this.hangUp();
    let problem = why;
    for (let attempt = 0; !why && attempt < TRIES; attempt += 1) {
      this.set("reconnecting");
      await Promise.race([pause(backoff(attempt, 8000) + 200), new Promise((resolve) => addEventListener("online", resolve, { once: true }))]);
      if (this.retrying !== mine) return; // the person was quicker
      try {
        await this.refresh();
        await this.connect("reconnecting");
        if (this.ready) this.log.note("Connected again. What was said before is forgotten there.");
        return;
      } catch (error) {
        if (this.retrying !== mine) return;
        this.hangUp();
        problem = error;
        if (error.status && error.status !== 503) break; // it will not be otherwise in a moment
      }
    }
    this.close();
    notice(problem.message);
    this.refresh().catch(() => {}); // whether it can be tried again
  }

  // --- the person's side -------------------------------------------------------------------------------------------

  send(type, more = {}) { this.way.send({ type, ...more }); }

  changeTurns() {
    this.set(this.state);
    if (!this.ready) return;
    const held = $("ptt").checked;
    this.send("session.update", { session: { type: "realtime", audio: { input: { turn_detection: held ? null : { type: "server_vad" } } } } });
    this.open(!held);
  }

  open(on) { this.way.mute(!on || this.muted, $("ptt").checked && !on); }

  mute(on) {
    this.muted = on;
    $("mute").ariaPressed = String(on);
    this.open(!$("ptt").checked || this.held);
    this.set(this.state);
  }

  press() {
    if (!this.pushes || this.held) return;
    clearTimeout(this.sending);
    this.held = true;
    if (this.muted) this.mute(false);
    this.interrupt();
    this.send("input_audio_buffer.clear");
    this.open(true);
    this.set("hearing");
  }

  release() {
    if (!this.held) return;
    this.held = false;
    this.ended();
    this.sending = setTimeout(() => {
      this.open(false);
      this.committed = true;
      this.send("input_audio_buffer.commit");
    }, this.way.tail);
  }

  key(event, down) {
    const busy = event.target.closest?.("input, select, textarea, button, summary, a, dialog");
    if (event.code !== "Space" || (busy && busy !== $("button")) || !this.pushes || $("talk").hidden) return;
    event.preventDefault(); // neither a click on the button nor a scroll
    if (down && !event.repeat) this.press();
    if (!down) this.release();
  }

  type(event) {
    event.preventDefault();
    const text = $("typed").value.trim();
    if (!text || !this.ready) return;
    $("typed").value = "";
    this.interrupt();
    this.log.write(`typed-${performance.now()}`, "You", text, { kind: "me" });
    this.send("conversation.item.create", { item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
    this.want();
    this.ended();
  }

  want() { // a reply; while another is being cancelled there is none to be had
    this.wanted = this.responding;
    if (!this.wanted) this.send("response.create");
  }

  interrupt() {
    if (!this.ready || !(this.responding || this.state === "speaking")) return;
    if (this.responding) this.send("response.cancel");
    this.way.hush();
    this.cut();
    this.set("listening");
  }

  ended() {
    this.asked = performance.now();
    this.set("thinking");
  }

  giveUp() {
    this.log.note("No answer came. Try again.");
    this.responding = true; // perhaps it is
    this.interrupt();
  }

  cut() { this.log.lines.get(this.reply)?.node.classList.add("cut"); }

  // --- what comes -----------------------------------------------------------------------------------------------------

  came(event) {
    const done = {
      "input_audio_buffer.speech_started": () => {
        if (this.state === "speaking") this.cut();
        this.log.line(event.item_id, "You", "me"); // its words come later than the first of the reply
        this.set("hearing");
      },
      "input_audio_buffer.speech_stopped": () => {
        this.ended();
        if (this.loud > this.asked - PAUSE) this.asked = this.loud; // when the person in fact ended
      },
      "input_audio_buffer.committed": () => {
        this.log.line(event.item_id, "You", "me");
        if (this.committed) this.want();
        this.committed = false;
      },
      "conversation.item.input_audio_transcription.delta": () => this.heard(event.item_id, event.delta, true),
      "conversation.item.input_audio_transcription.completed": () => this.heard(event.item_id, event.transcript, false),
      "conversation.item.input_audio_transcription.failed": () => this.heard(event.item_id, "(not written down)", false),
      "response.created": () => { this.responding = true; this.set(this.state === "listening" ? "thinking" : this.state); },
      "response.output_audio_transcript.delta": () => this.said(event),
      "output_audio_buffer.started": () => this.sounds(),
      "output_audio_buffer.stopped": () => this.quiet(),
      "output_audio_buffer.cleared": () => this.quiet(),
      "response.done": () => this.over(event.response),
      error: () => this.failed(event.error || {}),
    }[event.type];
    done?.();
  }

  heard(item, text, more) {
    if (more || text.trim()) this.log.write(item, "You", text, { kind: "me", more });
    else this.log.drop(item); // a noise
  }

  said({ item_id: item, delta }) {
    this.reply = item;
    this.log.write(item, "Reply", delta, { more: true });
  }

  sounds() {
    if (this.asked) {
      const took = performance.now() - this.asked;
      this.turns = [...this.turns.slice(-49), took];
      this.log.keepingEnd(() => this.log.lines.get(this.reply)?.node.append(make("small", {}, `after ${seconds(took)}`)));
      this.facts();
    }
    this.asked = 0;
    this.set("speaking");
  }

  quiet() { if (this.state === "speaking") this.set("listening"); }

  over({ status, status_details: details, output }) {
    this.responding = false;
    if (status === "failed") this.failed(details?.error || {});
    if (status === "cancelled") this.cut();
    if (this.wanted) this.want();
    else if (this.state === "thinking" && !(status === "completed" && output?.some((one) => one.type === "message"))) this.set("listening");
  }

  failed({ code, message }) {
    if (HARMLESS.has(code)) return;
    this.committed = false;
    if (code === "input_audio_buffer_commit_empty") this.log.note("Hold a little longer while you talk.");
    else this.log.note(message || "The engine failed without a word.");
    if (this.state === "thinking") this.set("listening");
  }

  fromRelay({ event, ...about }) {
    if (event === "warning") this.log.note(about.message);
    if (event === "usage") {
      this.cost = { ...about, cost: about.cost + (this.cost?.cost || 0) };
      this.facts();
    }
    if (event === "tool") this.log.note(`${about.ok ? "Used" : "Failed"}: ${about.name.replaceAll("_", " ")}`);
    if (event !== "ended") return;
    if (["upstream", "going_away", "gone"].includes(about.code)) this.lost();
    else this.lost(about);
  }
}

export const talk = new Talk();
