// The relay's HTTP and WebSockets, with what it refuses as one sentence for a person.

export class Refused extends Error {
  constructor(code, message, status = 0) {
    super(message);
    Object.assign(this, { code, status });
  }
}

export const gone = () => new Refused("unreachable", "The relay cannot be reached. Is this device online?");
const LIMIT = 15000; // ms: above the limit of the relay itself for the answer of a vendor

export async function send(method, path, body, type = "application/json") {
  const headers = {};
  if (method !== "GET") headers["X-Edge-Voice"] = "1"; // a page from elsewhere cannot send it
  if (body !== undefined) headers["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, signal: AbortSignal.timeout(LIMIT),
      body: body === undefined || type !== "application/json" ? body : JSON.stringify(body),
    });
  } catch {
    throw gone();
  }
  if (answer.ok) return answer;
  let error = {};
  try {
    error = (await answer.json()).error || {};
  } catch { /* a proxy's page */ }
  throw new Refused(error.code || "refused", error.message || `The relay refuses this (${answer.status}).`, answer.status);
}

export const get = async (path) => (await send("GET", path)).json();
export const post = async (path, body = {}) => (await send("POST", path, body)).json();
export const patch = async (path, body) => (await send("PATCH", path, body)).json();
export const remove = async (path) => (await send("DELETE", path)).json();

// A WebSocket of this relay, open. A browser does not tell why one was refused: then it is asked for otherwise.
export async function socket(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const line = new WebSocket(url);
  const opened = await new Promise((resolve) => {
    const timer = setTimeout(() => { line.close(); resolve(false); }, LIMIT);
    line.onopen = () => resolve(true);
    line.onclose = () => resolve(false);
    line.addEventListener("open", () => clearTimeout(timer));
  });
  line.onopen = line.onclose = null;
  if (opened) return line;
  await get("/api/me"); // refused when nobody is signed in any more, or the relay is gone
  throw new Refused("no_socket", "The relay does not take this connection. Perhaps too many are open.", 503);
}

// Full jitter below a growing ceiling, so that a relay that comes back is not run over.
export const backoff = (attempt, cap) => Math.random() * Math.min(cap, 500 * 2 ** attempt);
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const decoded = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
export const encoded = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))); // of one small piece of sound
