// The devices that somebody may see, and one of them live.

import { invite } from "./account.js";
import { backoff, get, pause, post, remove, socket } from "./net.js";
import { $, Log, ask, doing, make, notice, seconds, shown } from "./view.js";

const COMMANDS = [["press", "Press its button"], ["mute", "Mute"], ["unmute", "Unmute"], ["forget", "Forget the conversation"], ["timers", "Timers"], ["restart", "Restart"]];
const SURE = { restart: "Restart the device's service? A conversation there would end.", forget: "Make the device forget its conversation?" };
const ANSWER = 5000; // ms

let live = null;

export async function devices() {
  const { devices: found } = await get("/api/devices");
  $("device-list").replaceChildren(...found.map((one) => make("li", {},
    make("h2", {}, make("span", { class: one.online ? "dot on" : "dot" }), make("a", { href: `#device=${one.id}` }, one.name || one.id)),
    make("small", {}, [one.online ? "online" : "offline", one.state, one.version, one.role === "viewer" && "you may watch it"].filter(Boolean).join(" · ")))));
  if (!found.length) $("device-list").append(make("li", {}, "No devices yet."));
  $("pair").onsubmit = doing(async () => {
    const { id } = await post("/api/devices/pair", { code: $("pair-code").value.trim().toUpperCase() });
    $("pair-code").value = "";
    location.hash = `device=${id}`;
  });
}

export function leave() {
  live?.close();
  live = null;
}

export async function device(id) {
  leave();
  const about = await get(`/api/devices/${encodeURIComponent(id)}`);
  const owner = about.role === "owner";
  $("device-name").textContent = about.name || id;
  for (const node of $("device").querySelectorAll(".owner")) node.hidden = !owner;
  $("device-log").replaceChildren(make("p", { class: "empty" }, "What happens appears here."));
  const one = live = new Live(id);
  $("device-buttons").hidden = !owner;
  $("device-buttons").replaceChildren(...COMMANDS.map(([name, text]) => make("button", { type: "button", onclick: doing(async () => {
    if (SURE[name] && !await ask(SURE[name])) return;
    const result = await one.command(name);
    if (name === "timers") one.log.note(timers(result));
  }) }, text)));
  $("device-volume").onchange = doing(() => one.command("volume", Number($("device-volume").value)));
  $("device-say").onsubmit = doing(async ({ submitter }) => {
    await one.command(submitter.value, $("device-text").value);
    $("device-text").value = "";
  });
  $("device-invite").onclick = doing(() => invite(id));
  $("device-remove").onclick = doing(async () => {
    if (!await ask(`Remove ${about.name || id}? Its key is good no more, and it must be paired again.`)) return;
    await remove(`/api/devices/${encodeURIComponent(id)}`);
    location.hash = "devices";
  });
  one.run();
}

const timers = (result) => {
  const found = result.timers || [];
  return found.length ? found.map((one) => `${one.name || "timer"}: ${Math.round(one.in_s ?? one.left_s ?? 0)} s`).join(", ") : "No timers are running.";
};

// The control protocol of the device's own socket, through the relay.
class Live {
  constructor(id) {
    this.id = id;
    this.closed = false;
    this.next = 0;
    this.waiting = new Map();
    this.log = new Log($("device-log"));
  }

  async run() {
    for (let attempt = 0; !this.closed; attempt += 1) {
      try {
        const line = this.line = await socket(`/api/devices/${encodeURIComponent(this.id)}/live`);
        if (this.closed) return line.close();
        attempt = 0;
        line.onmessage = ({ data }) => this.came(JSON.parse(data));
        await new Promise((resolve) => { line.onclose = resolve; });
      } catch (error) {
        if (error.status >= 400 && error.status < 500 && error.status !== 429) return notice(error.message);
      }
      for (const { reject } of this.waiting.values()) reject(new Error("The connection to the relay was lost."));
      this.waiting.clear();
      if (!this.closed) this.state("The connection to the relay was lost. Trying again…");
      await pause(300 + backoff(attempt, 15000));
    }
    return undefined;
  }

  command(command, argument) {
    if (this.line?.readyState !== WebSocket.OPEN) return Promise.reject(new Error("There is no connection to the relay at the moment."));
    const id = this.next += 1;
    this.line.send(JSON.stringify({ v: 1, id, command, ...(argument === undefined ? {} : { argument }) }));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      setTimeout(() => this.waiting.delete(id) && reject(new Error("The device has not answered.")), ANSWER);
    });
  }

  came(message) {
    if (message.id !== undefined && this.waiting.has(message.id)) {
      const { resolve, reject } = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      return message.ok ? resolve(message.result || {}) : reject(new Error(message.error || "The device refuses this."));
    }
    const { event } = message;
    const key = message.turn ?? "now";
    if (event === "presence") this.state(message.online ? "Online." : "Offline.");
    else if (event === "state") this.state(message.muted ? "Muted." : `${String(message.state)[0].toUpperCase()}${String(message.state).slice(1)}.`);
    else if (event === "level") shown($("device-level"), message.db ?? -100);
    else if (event === "user_transcript") this.log.write(`u${key}`, "Person", message.text, { kind: "me" });
    else if (event === "reply_transcript") this.log.write(`r${key}`, "Device", message.text, { more: !message.final });
    else if (event === "tool") this.log.note(`Tool: ${message.name}`);
    else if (event === "error") this.log.note(message.message);
    else if (event === "turn") this.turn(message);
    else if (event === "device" || event === "status") this.facts(message);
    return undefined;
  }

  turn(message) {
    const told = Object.entries(message.latency_ms || {}).filter(([, value]) => typeof value === "number");
    this.log.note(told.length ? told.map(([name, value]) => `${name.replace(/_ms$/, "").replaceAll("_", " ")} ${seconds(value)}`).join(", ") : "Turn over.");
  }

  facts({ v, event, ...about }) {
    if (about.speaker?.volume !== undefined) $("device-volume").value = about.speaker.volume;
    if (about.state) this.state(`${about.state}.`);
    const rows = Object.entries(about).filter(([, value]) => value !== null && value !== "");
    $("device-facts").replaceChildren(...rows.flatMap(([name, value]) => [
      make("dt", {}, name.replaceAll("_", " ")), make("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value)),
    ]));
  }

  state(text) { if (live === this) $("device-state").textContent = text; }

  close() {
    this.closed = true;
    this.line?.close();
  }
}
