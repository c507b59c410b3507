// What all views of the page use. Text from outside goes in as text only.

export const $ = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...inside);
  return node;
}

export function notice(text) {
  $("notice").hidden = !text;
  if ($("notice").textContent !== text) $("notice").textContent = text;
}

// Runs what a control is for; what it is refused is shown. It cannot be used again meanwhile, and keeps the focus.
export const doing = (work) => async (event) => {
  event?.preventDefault();
  const button = event?.submitter || event?.currentTarget;
  if (button?.ariaBusy === "true") return;
  if (button) button.ariaBusy = "true";
  notice("");
  try {
    await work(event);
  } catch (error) {
    notice(error.message || String(error));
  } finally {
    if (button) button.ariaBusy = null;
  }
};

export function ask(text, { more = "", yes = "Yes", no = "No" } = {}) {
  const box = $("ask");
  $("ask-text").textContent = text;
  $("ask-more").textContent = more;
  $("ask-yes").textContent = yes;
  $("ask-no").textContent = no;
  $("ask-no").hidden = !no;
  box.returnValue = "no";
  box.showModal();
  return new Promise((resolve) => box.addEventListener("close", () => resolve(box.returnValue === "yes"), { once: true }));
}

const MOST_LINES = 400;

// A log of lines that may still grow. `line` makes one, or finds the one with this key again.
export class Log {
  constructor(node) {
    this.node = node;
    this.lines = new Map();
  }

  line(key, who, kind = "") {
    const known = this.lines.get(key);
    if (known) return known;
    this.node.querySelector(".empty")?.remove();
    const text = make("span");
    const node = make("p", { class: kind }, ...(who ? [make("b", {}, who)] : []), text);
    this.keepingEnd(() => this.node.append(node));
    const line = { node, text };
    this.lines.set(key, line);
    if (this.lines.size > MOST_LINES) this.drop(this.lines.keys().next().value);
    return line;
  }

  write(key, who, text, { kind = "", more = false } = {}) {
    const line = this.line(key, who, kind);
    this.keepingEnd(() => { if (more) line.text.append(text); else line.text.textContent = text; });
    return line;
  }

  note(text) { this.write(`note-${performance.now()}`, "", text, { kind: "note" }); }

  drop(key) {
    this.lines.get(key)?.node.remove();
    this.lines.delete(key);
  }

  keepingEnd(change) { // who has scrolled up to read is left there
    const { node } = this;
    const atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < 40;
    change();
    if (atEnd) node.scrollTop = node.scrollHeight;
  }
}

export const seconds = (ms) => `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
export const day = (stamp) => new Date(stamp * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
export const percent = (db) => Math.max(0, Math.min(100, (db + 60) * (100 / 54))); // -60 to -6 dBFS
