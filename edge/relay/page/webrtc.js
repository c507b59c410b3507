// Straight to the vendor over WebRTC. The relay sees the offer, and minds the call beside it; no sound goes through it.

import { gauge } from "./mic.js";
import { Refused, pause, send, socket } from "./net.js";

const OPEN = 15000; // ms until the data channel must be open
const AWAY = 4000; // ms that a line may be interrupted before it counts as lost
const PAGE_BACK = 4500; // ms: the relay hangs up when the page has been gone for 5 s

export class Call {
  constructor(on) {
    this.on = on; // event(of the server), relay(event of the relay), lost(why, if there is no use in trying again)
    this.tail = 250; // ms that the last words take to the vendor
    this.closed = false;
  }

  async open({ mic, sink }) {
    this.track = mic.getAudioTracks()[0];
    const pc = this.pc = new RTCPeerConnection();
    this.context = new AudioContext();
    this.sender = pc.addTrack(this.track, mic);
    this.input = gauge(this.context, this.context.createMediaStreamSource(mic));
    this.output = () => -100;
    this.audio = new Audio();
    this.audio.autoplay = true;
    await this.setSink(sink);
    pc.ontrack = ({ streams: [stream] }) => {
      this.audio.srcObject = stream;
      this.audio.play().catch(() => {});
      this.output = gauge(this.context, this.context.createMediaStreamSource(stream));
    };
    pc.onconnectionstatechange = () => this.#looked();
    const channel = this.channel = pc.createDataChannel("oai-events");
    channel.onmessage = ({ data }) => this.on.event(JSON.parse(data));
    const opened = new Promise((resolve) => { channel.onopen = () => resolve(true); });
    await pc.setLocalDescription();
    const answer = await send("POST", "/v1/realtime/calls", pc.localDescription.sdp, "application/sdp");
    this.id = answer.headers.get("Location").split("/").pop();
    if (this.closed) { this.#hangUp(); return; } // ended meanwhile
    this.#mind();
    await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    if (!await Promise.race([opened, pause(OPEN)])) throw new Refused("no_media", "No connection to the voice service. A firewall may block it (UDP).");
  }

  #looked() {
    const { pc } = this;
    clearTimeout(this.timer);
    if (this.closed) return;
    if (pc.connectionState === "failed") this.on.lost();
    if (pc.connectionState === "disconnected") this.timer = setTimeout(() => this.closed || this.on.lost(), AWAY);
  }

  // The socket that tells the relay that the page is there. A network that changes may cost it; then it is opened again.
  async #mind() {
    for (let since = performance.now(); !this.closed && performance.now() - since < PAGE_BACK; await pause(300)) {
      try {
        const line = this.line = await socket(`/api/calls/${this.id}/page`);
        line.onmessage = ({ data }) => {
          const event = JSON.parse(data);
          if (event.event === "ended") this.id = ""; // there is nothing to hang up any more
          this.on.relay(event);
        };
        if (this.closed) line.close();
        await new Promise((resolve) => { line.onclose = resolve; });
        since = performance.now();
      } catch { /* again */ }
    }
  }

  send(event) {
    if (this.channel?.readyState === "open") this.channel.send(JSON.stringify(event));
  }

  mute(on) { this.track.enabled = !on; }

  hush() { this.send({ type: "output_audio_buffer.clear" }); } // the vendor cuts the reply to what was heard

  get levels() { return [this.input(), this.output()]; }

  async setSink(id) { await this.audio.setSinkId?.(id).catch(() => {}); }

  async setMic(stream) {
    const [track] = stream.getAudioTracks();
    track.enabled = this.track.enabled;
    this.track.stop();
    await this.sender.replaceTrack(track);
    this.track = track;
    this.input = gauge(this.context, this.context.createMediaStreamSource(stream));
  }

  #hangUp() {
    send("POST", `/v1/realtime/calls/${this.id}/hangup`, {}).catch(() => {}); // the end of its socket tells it, too
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    if (this.id) this.#hangUp();
    this.line?.close();
    this.pc?.close();
    this.track?.stop();
    this.audio?.pause();
    this.context?.close().catch(() => {});
  }
}
