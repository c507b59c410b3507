// Straight to the vendor over WebRTC. The relay sees the offer, and minds the call beside it; no sound goes through it.

import { gauge } from "./mic.js";
import { Refused, pause, send, socket } from "./net.js";

const OPEN = 15000; // ms until the vendor's data channel must be open
const AWAY = 4000; // ms that a line may be interrupted before it counts as lost
const GATHER = 500; // ms for candidates: those of this machine are there at once, and a vendor has a public address
const PAGE_BACK = 4500; // ms: the relay hangs up when the page has been gone for 5 s

export class Call {
  constructor(on) {
    this.on = on; // event(server event), relay(relay's event), lost(), level is read by `levels`
    this.quiet = true; // nothing of a reply is heard
    this.closed = false;
  }

  async open({ mic, sink }) {
    const pc = this.pc = new RTCPeerConnection();
    this.context = new AudioContext();
    this.track = mic.getAudioTracks()[0];
    this.sender = pc.addTrack(this.track, mic);
    this.input = gauge(this.context, this.context.createMediaStreamSource(mic));
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
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    const answer = await send("POST", "/v1/realtime/calls", pc.localDescription.sdp, "application/sdp");
    this.id = answer.headers.get("Location").split("/").pop();
    await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    this.#mind();
    await opened(channel);
  }

  #looked() {
    const { pc } = this;
    clearTimeout(this.timer);
    if (this.closed) return;
    if (pc.connectionState === "failed" || pc.connectionState === "closed") this.on.lost();
    if (pc.connectionState === "disconnected") this.timer = setTimeout(() => !this.closed && pc.connectionState !== "connected" && this.on.lost(), AWAY);
  }

  // The socket that tells the relay that the page is there. A network that changes may cost it; then it is opened again.
  async #mind() {
    let since = performance.now();
    while (!this.closed && performance.now() - since < PAGE_BACK) {
      try {
        const line = this.line = await socket(`/api/calls/${this.id}/page`);
        line.onmessage = ({ data }) => this.on.relay(JSON.parse(data));
        await new Promise((resolve) => { line.onclose = resolve; });
        since = performance.now();
      } catch {
        await pause(300);
      }
    }
  }

  send(event) {
    if (this.channel?.readyState === "open") this.channel.send(JSON.stringify(event));
  }

  mute(on) { this.track.enabled = !on; }

  hush() { this.send({ type: "output_audio_buffer.clear" }); } // the vendor cuts the reply to what was heard

  get levels() { return [this.input?.() ?? -100, this.output?.() ?? -100]; }

  async setSink(id) {
    if (id && this.audio.setSinkId) await this.audio.setSinkId(id).catch(() => {});
  }

  async setMic(stream) {
    const [track] = stream.getAudioTracks();
    track.enabled = this.track.enabled;
    this.track.stop();
    await this.sender.replaceTrack(track);
    this.track = track;
    this.input = gauge(this.context, this.context.createMediaStreamSource(stream));
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    if (this.id) send("POST", `/v1/realtime/calls/${this.id}/hangup`, {}).catch(() => {}); // its socket's end tells it, too
    this.line?.close();
    this.pc?.close();
    this.track?.stop();
    this.audio?.pause();
    this.context?.close().catch(() => {});
  }
}

async function gathered(pc) {
  if (pc.iceGatheringState === "complete") return;
  await Promise.race([pause(GATHER), new Promise((resolve) => {
    pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && resolve();
  })]);
}

async function opened(channel) {
  if (channel.readyState === "open") return;
  await Promise.race([
    new Promise((resolve) => { channel.onopen = resolve; }),
    pause(OPEN).then(() => { throw new Refused("no_media", "The connection to the voice service does not come about. A firewall may block it (UDP)."); }),
  ]);
}
