// The person's microphone and the choice of devices.

import { $, make } from "./view.js";

const WHY = {
  NotAllowedError: "The browser may not use the microphone. Allow it beside the address, then start again.",
  NotFoundError: "No microphone was found. Plug one in, then start again.",
  OverconstrainedError: "The chosen microphone is gone. Choose another under Settings.",
  NotReadableError: "The microphone is in use by another program, or switched off.",
};

export async function microphone(id) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("Browsers give the microphone to secure pages only: open this one over https, or as localhost.");
  }
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  if (id) audio.deviceId = { exact: id };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new Error(WHY[error.name] || `The microphone cannot be used (${error.name}).`);
  }
}

// Browsers name the devices only once the microphone has been allowed.
export async function listDevices() {
  const found = await navigator.mediaDevices?.enumerateDevices?.() || [];
  fill($("mic"), found.filter((one) => one.kind === "audioinput"), "The usual microphone");
  const outputs = "setSinkId" in HTMLMediaElement.prototype ? found.filter((one) => one.kind === "audiooutput") : [];
  fill($("out"), outputs, "The usual speaker");
  $("out").closest("label").hidden = !outputs.length;
}

function fill(select, devices, usual) {
  const chosen = select.value;
  const named = devices.filter((one) => one.deviceId && one.deviceId !== "default" && one.label);
  select.replaceChildren(make("option", { value: "" }, usual), ...named.map((one) => make("option", { value: one.deviceId }, one.label)));
  select.value = named.some((one) => one.deviceId === chosen) ? chosen : "";
}

// How loud a node of Web Audio is at this moment, in dBFS.
export function gauge(context, node) {
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  node.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return () => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, one) => sum + one * one, 0) / samples.length;
    return power > 1e-10 ? 10 * Math.log10(power) : -100;
  };
}
