// The relay's HTTP and WebSockets, with what it refuses as one sentence for a person.

export class Refused extends Error {
  constructor(code, message, status = 0, wait = 0) {
    super(message);
    Object.assign(this, { code, status, wait });
  }
}

const GONE = "The relay cannot be reached. Is this device online?";
const LIMIT = 15000; // ms: above the relay's own limit for a vendor's answer

export async function send(method, path, body, type = "application/json") {
  const headers = { Accept: "application/json, application/sdp" };
  if (method !== "GET") headers["X-Edge-Voice"] = "1"; // a page from elsewhere cannot send it
  if (body !== undefined) headers["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, credentials: "same-origin", signal: AbortSignal.timeout(LIMIT),
      body: body === undefined || type !== "application/json" ? body : JSON.stringify(body),
    });
  } catch {
    throw new Refused("unreachable", GONE);
  }
  if (answer.ok) return answer;
  let error = {};
  try {
    error = (await answer.json()).error || {};
  } catch { /* a proxy's page */ }
  const wait = Number(answer.headers.get("Retry-After")) || 0;
  throw new Refused(error.code || "refused", error.message || `The relay refuses this (${answer.status}).`, answer.status, wait);
}

export const get = async (path) => (await send("GET", path)).json();
export const post = async (path, body = {}) => (await send("POST", path, body)).json();
export const remove = async (path) => (await send("DELETE", path)).json();

// A WebSocket of this relay. The ticket is good for this one socket; a cookie alone would do for any page's.
export async function socket(path, query = "") {
  const { ticket } = await post("/api/tickets", { path });
  const url = new URL(`${path}?${query}${query && "&"}ticket=${encodeURIComponent(ticket)}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const line = new WebSocket(url);
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => { line.close(); reject(new Refused("unreachable", GONE)); }, LIMIT);
    const settle = (done) => { clearTimeout(timer); line.onopen = line.onerror = line.onclose = null; done(); };
    line.onopen = () => settle(resolve);
    line.onerror = line.onclose = () => settle(() => reject(new Refused("unreachable", GONE)));
  });
  return line;
}

// Full jitter below a growing ceiling, so that a relay that comes back is not run over.
export const backoff = (attempt, cap = 30000) => Math.random() * Math.min(cap, 500 * 2 ** attempt);
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const decoded = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
export function encoded(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let n = 0; n < bytes.length; n += 8192) text += String.fromCharCode(...bytes.subarray(n, n + 8192));
  return btoa(text);
}
