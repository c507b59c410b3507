// Over the relay's own WebSocket, where there is no vendor: sound both ways in base64, as the Realtime protocol has it.

import { gauge } from "./mic.js";
import { Refused, decoded, encoded, gone, socket } from "./net.js";

const RATE = 24000;
const MOST_UNSENT = 2_000_000; // bytes: half a minute of sound that a slow network has not taken
const PASSING = new Set([1006, 1012, 1013]); // codes of closes after which it is worth to try again

export class Line {
  constructor(on) {
    this.on = on; // see Call
    this.tail = 60; // ms that the last words take to here
    this.closed = false;
    this.lostFrames = 0;
  }

  async open({ mic, sink }) {
    this.mic = mic;
    const context = this.context = new AudioContext({ latencyHint: "interactive" });
    await context.audioWorklet.addModule("/page/worklet.js").catch(() => { throw gone(); });
    const processorOptions = { rate: RATE };
    this.ears = new AudioWorkletNode(context, "ears", { numberOfOutputs: 0, processorOptions });
    this.mouth = new AudioWorkletNode(context, "mouth", { numberOfInputs: 0, outputChannelCount: [1], processorOptions });
    this.ears.port.onmessage = ({ data }) => this.#heard(data);
    this.mouth.port.onmessage = ({ data }) => this.#played(data);
    this.#listen(mic);
    this.mouth.connect(context.destination);
    this.output = gauge(context, this.mouth);
    await this.setSink(sink);
    await context.resume();
    this.line = await socket("/v1/realtime");
    this.line.onmessage = ({ data }) => this.#came(JSON.parse(data));
    this.line.onclose = ({ code }) => this.closed || this.on.lost(PASSING.has(code) ? undefined : this.problem);
  }

  #listen(mic) {
    this.mic = mic;
    this.source = this.context.createMediaStreamSource(mic);
    this.source.connect(this.ears);
    this.input = gauge(this.context, this.source);
  }

  #heard(buffer) {
    if (this.line?.readyState !== WebSocket.OPEN) return;
    if (this.line.bufferedAmount > MOST_UNSENT) this.lostFrames += 1;
    else this.send({ type: "input_audio_buffer.append", audio: encoded(buffer) });
  }

  #came(event) {
    this.problem = event.type === "error" ? new Refused(event.error?.code, event.error?.message) : undefined;
    if (event.type === "response.output_audio.delta") {
      const { buffer } = decoded(event.delta);
      this.mouth.port.postMessage({ item: event.item_id, pcm: buffer }, [buffer]);
    } else if (event.type === "response.output_audio.done") {
      this.mouth.port.postMessage({ end: event.item_id });
    } else if (event.type === "relay.warning") {
      this.on.relay({ event: "warning", message: event.message });
    } else {
      if (event.type === "input_audio_buffer.speech_started") this.hush();
      this.on.event(event);
    }
  }

  // The same words as the vendor's over WebRTC, so that the conversation need not know which way it goes.
  #played({ started, ended, stopped, ms }) {
    if (started) this.on.event({ type: "output_audio_buffer.started" });
    if (ended) this.on.event({ type: "output_audio_buffer.stopped" });
    if (!stopped) return;
    const heard = Math.max(0, Math.round(ms - 1000 * (this.context.outputLatency || this.context.baseLatency || 0)));
    this.send({ type: "conversation.item.truncate", item_id: stopped, content_index: 0, audio_end_ms: heard });
    this.on.event({ type: "output_audio_buffer.cleared" });
  }

  send(event) {
    if (this.line?.readyState === WebSocket.OPEN) this.line.send(JSON.stringify(event));
  }

  // Muted: silence goes on being sent, so that a turn that has begun ends. Held back (push to talk): nothing is.
  mute(on, held) { this.ears.port.postMessage({ mute: on, hold: held }); }

  hush() { this.mouth.port.postMessage({ stop: true }); }

  get levels() { return [this.input(), this.output()]; }

  async setSink(id) { await this.context.setSinkId?.(id).catch(() => {}); }

  async setMic(stream) {
    this.source.disconnect();
    this.mic.getTracks().forEach((track) => track.stop());
    this.#listen(stream);
  }

  close() {
    this.closed = true;
    this.line?.close();
    this.mic?.getTracks().forEach((track) => track.stop());
    this.context?.close().catch(() => {});
  }
}
