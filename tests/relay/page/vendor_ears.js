// 40 ms of what is heard in each message, as int16.
registerProcessor("ears", class extends AudioWorkletProcessor {
  heard = [];

  process([[samples]]) {
    if (samples) this.heard.push(...samples);
    if (this.heard.length >= 960) this.port.postMessage(Int16Array.from(this.heard.splice(0), (one) => 32767 * one).buffer);
    return true;
  }
});
