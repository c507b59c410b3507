// Signing in, and what somebody keeps here: passkeys, password, people, what was spent and done.

import { decoded, encoded, get, post, remove } from "./net.js";
import { $, ask, day, doing, make } from "./view.js";

const ABOUT = {
  login: ["Sign in", "", "Sign in"],
  setup: ["Welcome", "This relay is new, and you are its owner. A password lets you in from elsewhere; a passkey can be added later.", "Begin"],
  invite: ["Welcome", "You have been invited. Choose a name, and a password for the next time.", "Accept"],
};

export function entering(kind, code, me, entered) {
  const form = $("enter-form");
  const [title, about, button] = ABOUT[kind];
  $("enter-title").textContent = title;
  $("enter-about").textContent = me && kind === "invite" ? `You are signed in as ${me.person.name}: accept to add what you are invited to.` : about;
  $("enter-button").textContent = button;
  $("enter-passkey").hidden = kind !== "login" || !window.PublicKeyCredential;
  const known = Boolean(me) && kind === "invite";
  form.elements.name.closest("label").hidden = known;
  form.elements.name.required = !known;
  form.elements.password.closest("label").hidden = known;
  form.elements.password.required = kind === "login";
  form.elements.password.autocomplete = kind === "login" ? "current-password" : "new-password";
  form.onsubmit = doing(async () => {
    const name = form.elements.name.value.trim();
    const password = form.elements.password.value || undefined;
    const body = known ? { code } : { name, password, ...(kind === "login" ? {} : { code }) };
    await post({ login: "/api/login", setup: "/api/setup", invite: "/api/invites/accept" }[kind], body);
    form.reset();
    await entered();
  });
  $("enter-passkey").onclick = doing(async () => {
    const options = requested(await post("/api/passkeys/login/begin"));
    const credential = await chosen(() => navigator.credentials.get({ publicKey: options }));
    await post("/api/passkeys/login/finish", { credential });
    await entered();
  });
}

// --- passkeys: the browser wants buffers where JSON has text ---------------------------------------------------

const text = (buffer) => encoded(buffer).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const listed = (list) => (list || []).map((one) => ({ ...one, id: decoded(one.id) }));

function requested(options) {
  const found = { ...options, challenge: decoded(options.challenge) };
  if (options.user) found.user = { ...options.user, id: decoded(options.user.id) };
  if (options.allowCredentials) found.allowCredentials = listed(options.allowCredentials);
  if (options.excludeCredentials) found.excludeCredentials = listed(options.excludeCredentials);
  return found;
}

async function chosen(choose) {
  let found;
  try {
    found = await choose();
  } catch (error) {
    if (error.name === "InvalidStateError") throw new Error("This device has a passkey here already.");
    throw new Error("No passkey was used. Please try again, or use a password.");
  }
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (found.response[name]) response[name] = text(found.response[name]);
  }
  return { id: found.id, rawId: text(found.rawId), type: found.type, response, clientExtensionResults: {} };
}

// --- the view ----------------------------------------------------------------------------------------------------

export async function account(me, signedOut) {
  $("account-name").textContent = `You are ${me.person.name}${me.person.owner ? ", an owner of this relay" : ""}.`;
  $("logout").onclick = doing(async () => { await post("/api/logout"); signedOut(); });
  $("passkey-add").hidden = !window.PublicKeyCredential;
  $("passkey-add").onclick = doing(async () => {
    const options = requested(await post("/api/passkeys/register/begin"));
    const credential = await chosen(() => navigator.credentials.create({ publicKey: options }));
    await post("/api/passkeys/register/finish", { credential, label: platform() });
    await passkeys();
  });
  $("password").onsubmit = doing(async ({ target }) => {
    await post("/api/password", { old: target.elements.old.value || undefined, new: target.elements.new.value });
    target.reset();
    await ask("The password is changed. You are signed out everywhere else.", { yes: "Good", no: "" });
  });
  $("people-card").hidden = !me.person.owner;
  $("invite").onclick = doing(() => invite());
  $("audit-card").ontoggle = doing(audit);
  await Promise.all([passkeys(), spent(), ...(me.person.owner ? [people(me)] : [])]);
}

const platform = () => (navigator.userAgentData?.platform || navigator.platform || "passkey").slice(0, 60);

export async function invite(device) {
  const { link } = await post("/api/invites", device ? { role: "viewer", device } : { role: "viewer" });
  await ask("Whoever opens this link within seven days is in. It works once.", { more: link, yes: "Done", no: "" });
}

function listing(node, found, empty, line) {
  node.replaceChildren(...(found.length ? found.map(line) : [make("li", {}, empty)]));
}

async function passkeys() {
  const { passkeys: found } = await get("/api/passkeys");
  listing($("passkeys"), found, "None yet.", (one) => make("li", {}, `${one.label || "passkey"}, since ${day(one.created)}`,
    make("button", { type: "button", onclick: doing(async () => { await remove(`/api/passkeys/${encodeURIComponent(one.id)}`); await passkeys(); }) }, "Remove")));
}

async function people(me) {
  const { people: found } = await get("/api/people");
  listing($("people"), found, "Nobody else.", (one) => make("li", {}, `${one.name}${one.owner ? " (owner)" : ""}`,
    ...(one.id === me.person.id ? [] : [make("button", { type: "button", class: "danger", onclick: doing(async () => {
      if (!await ask(`Remove ${one.name} from this relay?`)) return;
      await remove(`/api/people/${encodeURIComponent(one.id)}`);
      await people(me);
    }) }, "Remove")])));
}

async function spent() {
  const { currency = "", usage: entries = [] } = await get("/api/usage");
  const sum = (of) => entries.reduce((total, one) => total + (one[of] || 0), 0);
  const cost = sum("cost");
  $("usage").textContent = entries.length
    ? `${Math.round(sum("seconds") / 60)} minutes of talk in the last days, for ${cost.toFixed(2)} ${currency}.` : "Nothing so far.";
}

async function audit() {
  if (!$("audit-card").open) return;
  const { entries } = await get("/api/audit?most=50");
  listing($("audit"), entries, "Nothing.", (one) => make("li", {}, `${day(one.at)}: ${one.what.replaceAll("_", " ")}`, make("small", {}, one.name || one.who || "")));
}
