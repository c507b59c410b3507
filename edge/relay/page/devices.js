// The devices that somebody may see, and one of them live.

import { invite, listing } from "./account.js";
import { backoff, get, patch, pause, post, remove, socket } from "./net.js";
import { $, Log, ask, doing, make, notice, percent, seconds } from "./view.js";

const COMMANDS = [["press", "Press its button"], ["mute", "Mute"], ["forget", "Forget"], ["timers", "Timers"], ["restart", "Restart"]];
const SURE = { restart: "Restart the device's service? A conversation there would end.", forget: "Make the device forget its conversation?" };
const NOTES = { interrupted: "Interrupted.", forgotten: "The conversation is forgotten.", nothing_heard: "Nothing was heard.", microphone: "The microphone works again.", speaker: "The loudspeaker works again." };
const ANSWER = 8000; // ms: above the limit of the relay itself

let live = null;

export async function devices() {
  const { devices: found } = await get("/api/devices");
  listing($("device-list"), found, "No devices yet.", (one) => make("li", {},
    make("h2", {}, make("span", { class: one.online ? "dot on" : "dot" }), make("a", { href: `#device=${one.id}` }, one.name || one.id)),
    make("small", {}, [one.online ? one.state || "online" : "offline", one.version, one.role === "viewer" && "you may watch it"].filter(Boolean).join(" · "))));
  $("pair").onsubmit = doing(async () => {
    const { id } = await post("/api/devices/pair", { code: $("pair-code").value.trim() });
    $("pair-code").value = "";
    location.hash = `device=${id}`;
  });
}

export function leave() {
  live?.close();
  live = null;
}

export async function device(id) {
  const path = `/api/devices/${encodeURIComponent(id)}`;
  const about = await get(path);
  const owner = about.role === "owner";
  $("device-name").textContent = $("device-called").value = about.name || id;
  for (const node of $("device").querySelectorAll(".owner")) node.hidden = !owner;
  $("device-log").replaceChildren(make("p", { class: "empty" }, "What happens appears here."));
  const one = live = new Live(path);
  $("device-buttons").replaceChildren(...COMMANDS.filter(([name]) => owner || name === "timers").map(([name, text]) => make("button", {
    type: "button", id: `device-${name}`, onclick: doing(async () => {
      if (SURE[name] && !await ask(SURE[name])) return;
      const result = await one.command(name === "mute" && one.muted ? "unmute" : name);
      if (name === "timers") one.log.note(timers(result));
    }) }, text)));
  $("device-volume").onchange = doing(() => one.command("volume", Number($("device-volume").value)));
  $("device-say").onsubmit = doing(async ({ submitter }) => {
    await one.command(submitter.value, $("device-text").value);
    $("device-text").value = "";
  });
  $("device-rename").onsubmit = doing(async () => {
    await patch(path, { name: $("device-called").value });
    $("device-name").textContent = $("device-called").value;
  });
  $("device-words").checked = about.transcripts;
  $("device-words").onchange = doing(() => patch(path, { transcripts: $("device-words").checked }));
  $("device-config").ontoggle = doing(async () => { if ($("device-config").open) settings(one, await one.command("settings")); });
  $("device-config").open = false;
  listing($("device-people"), about.people || [], "Nobody but the relay's owners.", (who) => make("li", {}, who.name, make("small", {}, who.role)));
  $("device-invite").onsubmit = doing(() => invite({ role: $("device-role").value, device: id }));
  $("device-remove").onclick = doing(async () => {
    if (!await ask(`Remove ${about.name || id}? Its key is good no more, and it must be paired again.`)) return;
    await remove(path);
    location.hash = "devices";
  });
  one.run();
}

const timers = ({ timers: found = [] }) => found.map((one) => `${one.name || "Timer"}: ${Math.round(one.left_s)} s`).join(", ") || "No timers are running.";

function settings(one, { settings: found }) {
  $("device-settings").replaceChildren(...Object.entries(found).map(([key, { value, low, high, about }]) => {
    const flag = typeof value === "boolean";
    const kind = flag ? { type: "checkbox", checked: value } : typeof value === "number" ? { type: "number", value, min: low ?? "", max: high ?? "", step: "any" } : { value };
    const input = make("input", { ...kind, onchange: doing(() => one.command("settings", { [key]: flag ? input.checked : kind.type ? input.valueAsNumber : input.value })) });
    const text = make("span", {}, key, make("br"), make("small", {}, about));
    return make("label", flag ? { class: "check" } : {}, ...(flag ? [input, text] : [text, input]));
  }));
}

// The control protocol of the device's own socket, through the relay.
class Live {
  constructor(path) {
    this.path = path;
    this.next = 0;
    this.waiting = new Map();
    this.log = new Log($("device-log"));
    this.tell("Connecting…");
  }

  async run() {
    for (let attempt = 0; !this.closed; attempt += 1) {
      try {
        const line = this.line = await socket(`${this.path}/live`);
        if (this.closed) return line.close();
        attempt = 0;
        line.onmessage = ({ data }) => this.came(JSON.parse(data));
        const { code, reason } = await new Promise((resolve) => { line.onclose = resolve; });
        if (code === 4403) return this.closed || notice(reason); // it is not to be seen any more
      } catch (error) {
        if (error.status === 401) return this.closed || notice(error.message);
      }
      for (const { reject } of this.waiting.values()) reject(new Error("The connection to the relay was lost."));
      this.waiting.clear();
      this.tell("Connection to the relay lost. Trying again…");
      await pause(300 + backoff(attempt, 15000));
    }
    return undefined;
  }

  command(command, argument) {
    if (this.line?.readyState !== WebSocket.OPEN) return Promise.reject(new Error("No connection to the relay now."));
    const id = this.next += 1;
    this.line.send(JSON.stringify({ v: 1, id, command, argument }));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      setTimeout(() => this.waiting.delete(id) && reject(new Error("The device has not answered.")), ANSWER);
    });
  }

  came(message) {
    if (this.closed) return;
    const { event, id } = message;
    if (this.waiting.has(id)) {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (message.ok) resolve(message.result || {});
      else reject(new Error(message.error || "The device refuses this."));
    }
    if (event === "presence") this.tell(message.online ? "Online." : "Offline.");
    if (event === "state" || event === "status") this.stands(message);
    if (event === "status") this.facts(message);
    if (event === "mute") this.stands({ muted: message.on });
    if (event === "volume") $("device-volume").value = message.percent;
    if (event === "level") $("device-level").value = percent(message.db);
    if (event === "user_transcript") this.words("Person", "me", message);
    if (event === "reply_transcript") this.words("Device", "", { ...message, more: true });
    if (event === "tool") this.log.note(`Tool: ${message.name}`);
    if (event === "error" || event === "warning") this.log.note(message.message);
    if (NOTES[event]) this.log.note(NOTES[event]);
    if (event === "turn") this.turn(message);
  }

  stands({ state = this.state, muted = this.muted }) {
    Object.assign(this, { state, muted });
    this.tell(muted ? "Muted." : state ? `${state[0].toUpperCase()}${state.slice(1)}.` : "Online.");
    if ($("device-mute")) $("device-mute").textContent = muted ? "Unmute" : "Mute";
  }

  // Of each side one line at a time, which grows until the other side or the next turn has the word.
  words(who, kind, { text, final, more }) {
    if (this.speaker !== who) this.key = performance.now();
    this.speaker = final ? "" : who;
    this.log.write(this.key, who, text, { kind, more });
  }

  turn({ latency_ms: took = {} }) {
    this.speaker = "";
    const first = took.first_sound ?? took.first_audio;
    if (first !== undefined) this.log.note(`Answered after ${seconds(first)}.`);
  }

  facts({ v, event, ...about }) {
    if (about.speaker?.volume !== undefined) $("device-volume").value = about.speaker.volume;
    const rows = Object.entries(about).filter(([, value]) => value !== null && value !== "");
    $("device-facts").replaceChildren(...rows.flatMap(([name, value]) => [
      make("dt", {}, name.replaceAll("_", " ")), make("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value)),
    ]));
  }

  tell(text) { if (!this.closed) $("device-state").textContent = text; }

  close() {
    this.closed = true;
    this.line?.close();
  }
}
