// Who is here, and which view is shown. The views themselves are in modules of their own.

import { account, entering } from "./account.js";
import { device, devices, leave } from "./devices.js";
import { get } from "./net.js";
import { talk } from "./talk.js";
import { $, notice } from "./view.js";

const VIEWS = ["talk", "devices", "device", "account"];
let me = null;

function show(name) {
  for (const view of [...VIEWS, "enter"]) $(view).hidden = view !== name;
  $("nav").hidden = name === "enter";
  for (const link of $("nav").children) {
    const here = link.hash === `#${name === "device" ? "devices" : name}`;
    link.ariaCurrent = here ? "page" : null;
    if (here) document.title = `${link.textContent} · edge-voice`;
  }
}

async function route() {
  const [name, value = ""] = location.hash.slice(1).split("=");
  leave();
  notice("");
  if (!me || name === "setup" || name === "invite") {
    show("enter");
    entering(["setup", "invite"].includes(name) ? name : "login", value, me, entered);
    return;
  }
  const view = VIEWS.includes(name) ? name : "talk";
  show(view);
  try {
    if (view === "devices") await devices();
    if (view === "device") await device(value);
    if (view === "account") await account(me, signedOut);
  } catch (error) {
    if (error.status === 401) signedOut();
    else notice(error.message);
  }
}

function signedOut() {
  me = null;
  talk.close();
  history.replaceState(null, "", "#talk");
  route();
}

async function entered() {
  await look();
  if (location.hash && !VIEWS.includes(location.hash.slice(1))) history.replaceState(null, "", "#talk"); // the code is used up
  await route();
  $("main").focus();
}

async function look() {
  try {
    me = await get("/api/me");
  } catch (error) {
    if (error.status === 401) me = null;
    throw error;
  }
  talk.offer(me.voice, look);
}

addEventListener("hashchange", async () => {
  await route();
  $("main").focus({ preventScroll: true });
});
$("skip").onclick = (event) => {
  event.preventDefault(); // its address would be that of a view
  $("main").focus();
};
const problem = await look().catch((error) => error);
await route();
if (problem && problem.status !== 401) notice(problem.message);
