// Signing in, and what somebody keeps here: passkeys, password, people, what was spent and done.

import { get, post, remove } from "./net.js";
import { $, ask, day, doing, make } from "./view.js";

const ABOUT = { // by kind: title, what it is about, the button, and where it goes
  login: ["Sign in", "", "Sign in", "/api/login"],
  setup: ["Welcome", "This relay is new, and you are its owner. A password lets you in from elsewhere; a passkey can be added later.", "Begin", "/api/setup"],
  invite: ["Welcome", "You have been invited. Choose a name, and a password for the next time.", "Accept", "/api/invites/accept"],
};
const Passkeys = window.PublicKeyCredential?.parseRequestOptionsFromJSON && window.PublicKeyCredential;

export function entering(kind, code, me, entered) {
  const form = $("enter-form"), { name, password } = form.elements;
  const [title, about, button, path] = ABOUT[kind];
  const known = Boolean(me) && kind === "invite";
  $("enter-title").textContent = title;
  $("enter-about").textContent = known ? `You are signed in as ${me.person.name}: accept to add what you are invited to.` : about;
  $("enter-button").textContent = button;
  $("enter-passkey").hidden = kind !== "login" || !Passkeys;
  for (const input of [name, password]) input.closest("label").hidden = known;
  name.required = !known;
  password.required = kind === "login";
  password.autocomplete = kind === "login" ? "current-password" : "new-password";
  form.onsubmit = doing(async () => {
    const given = known ? {} : { name: name.value.trim(), password: password.value || undefined };
    await post(path, kind === "login" ? given : { ...given, code });
    form.reset();
    await entered();
  });
  $("enter-passkey").onclick = doing(async () => {
    const publicKey = Passkeys.parseRequestOptionsFromJSON(await post("/api/passkeys/login/begin"));
    await post("/api/passkeys/login/finish", { credential: await chosen(navigator.credentials.get({ publicKey })) });
    await entered();
  });
}

async function chosen(choice) {
  try {
    return (await choice).toJSON();
  } catch (error) {
    if (error.name === "InvalidStateError") throw new Error("This device has a passkey here already.");
    throw new Error("No passkey was used. Please try again, or use a password.");
  }
}

// --- the view ----------------------------------------------------------------------------------------------------

export async function account({ person }, signedOut) {
  $("account-name").textContent = `You are ${person.name}${person.owner ? ", an owner of this relay" : ""}.`;
  $("logout").onclick = doing(async () => { await post("/api/logout"); signedOut(); });
  $("passkey-add").hidden = !Passkeys;
  $("passkey-add").onclick = doing(async () => {
    const publicKey = Passkeys.parseCreationOptionsFromJSON(await post("/api/passkeys/register/begin"));
    const credential = await chosen(navigator.credentials.create({ publicKey }));
    await post("/api/passkeys/register/finish", { credential, label: (navigator.userAgentData?.platform || navigator.platform).slice(0, 60) });
    await passkeys();
  });
  const { username, old, new: wanted } = $("password").elements;
  username.value = person.name;
  $("password").onsubmit = doing(async () => {
    await post("/api/password", { old: old.value || undefined, new: wanted.value });
    old.value = wanted.value = "";
    await ask("The password is changed. You are signed out everywhere else.", { yes: "Good", no: "" });
  });
  $("people-card").hidden = !person.owner;
  $("invite").onsubmit = doing(() => invite({ role: $("invite-role").value }));
  $("audit-card").ontoggle = doing(audit);
  await Promise.all([passkeys(), spent(), audit(), person.owner && people(person)]);
}

export async function invite(to) {
  const { link } = await post("/api/invites", to);
  await ask("Whoever opens this link within seven days is in. It works once.", { more: link, yes: "Done", no: "" });
}

export function listing(node, found, empty, line) {
  node.replaceChildren(...(found.length ? found.map(line) : [make("li", {}, empty)]));
}

async function passkeys() {
  const { passkeys: found } = await get("/api/passkeys");
  listing($("passkeys"), found, "None yet.", (one) => make("li", {}, `${one.label}, since ${day(one.created)}`,
    removing(one.label, `/api/passkeys/${encodeURIComponent(one.id)}`, passkeys)));
}

async function people(me) {
  const { people: found } = await get("/api/people");
  listing($("people"), found, "", (one) => make("li", {}, `${one.name}${one.owner ? " (owner)" : ""}`,
    one.id === me.id ? "" : removing(one.name, `/api/people/${one.id}`, () => people(me))));
}

const removing = (name, path, then) => make("button", { type: "button", class: "danger", "aria-label": `Remove ${name}`, onclick: doing(async () => {
  if (!await ask(`Remove ${name} from this relay?`)) return;
  await remove(path);
  await then();
}) }, "Remove");

async function spent() {
  const { currency, usage } = await get("/api/usage");
  const sum = (of) => usage.reduce((total, one) => total + one[of], 0);
  $("usage").textContent = usage.length
    ? `${Math.round(sum("seconds") / 60)} minutes of talk in the last 31 days, for ${sum("cost").toFixed(2)} ${currency}.` : "Nothing so far.";
}

async function audit() {
  if (!$("audit-card").open) return;
  const { entries } = await get("/api/audit?most=50");
  listing($("audit"), entries, "Nothing.", (one) => make("li", {}, `${day(one.at)}: ${one.what.replaceAll("_", " ")}`, make("small", {}, one.name || one.who)));
}
