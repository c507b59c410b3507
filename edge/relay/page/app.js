// Who is here, and which view is shown. The views themselves are in modules of their own.

import { account, entering } from "./account.js";
import { device, devices, leave } from "./devices.js";
import { Refused, get } from "./net.js";
import { talk } from "./talk.js";
import { $, notice } from "./view.js";

const VIEWS = ["talk", "devices", "device", "account"];
let me = null;

function show(name) {
  for (const view of [...VIEWS, "enter"]) $(view).hidden = view !== name;
  $("nav").hidden = name === "enter";
  for (const link of $("nav").children) {
    const here = link.hash === `#${name === "device" ? "devices" : name}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function route() {
  const [name, value = ""] = location.hash.slice(1).split("=");
  notice("");
  if (name === "setup" || name === "invite") {
    show("enter");
    return entering(name, value, me, entered);
  }
  if (!me) {
    show("enter");
    return entering("login", "", null, entered);
  }
  const view = VIEWS.includes(name) ? name : "talk";
  if (view !== "device") leave();
  show(view);
  try {
    if (view === "devices") await devices();
    if (view === "device") await device(value);
    if (view === "account") await account(me, signedOut);
  } catch (error) {
    failed(error);
  }
}

function failed(error) {
  if (error instanceof Refused && error.status === 401) signedOut();
  else notice(error.message);
}

function signedOut() {
  me = null;
  talk.close();
  leave();
  if (location.hash) location.hash = "";
  else route();
}

async function entered() {
  await look();
  if (location.hash && location.hash !== "#talk") history.replaceState(null, "", "#talk"); // the code is used up
  route();
  $("main").focus();
}

async function look() {
  try {
    me = await get("/api/me");
    talk.offer(me.voice, look);
  } catch (error) {
    me = null;
    if (error.status !== 401) notice(error.message);
  }
}

addEventListener("hashchange", route);
await look();
await route();
