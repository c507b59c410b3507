// The vendor's end of a WebRTC call: a page that hears the visitor, and says what the fake vendor's session says.
// Over `url` it tells and is told by the fake: {id, offer} -> {id, answer}; {id, event} both ways; {id, pcm} as heard.
async ({ url, worklet }) => {
  const RATE = 24000, AWAY = 80; // ms of a reply that are on their way when it is stopped
  const line = new WebSocket(url);
  const calls = window.calls = {};
  const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const tell = (id, more) => line.send(JSON.stringify({ id, ...more }));

  async function answer(id, offer) {
    const pc = new RTCPeerConnection();
    const context = new AudioContext({ sampleRate: RATE });
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })));
    const call = calls[id] = { pc, context, until: 0, playing: [] };
    const out = call.out = context.createMediaStreamDestination();
    pc.addTrack(out.stream.getAudioTracks()[0], out.stream);
    pc.ontrack = ({ streams: [stream] }) => {
      const audio = call.audio = new Audio(); // Chromium decodes only what is attached to an element
      audio.autoplay = true;
      audio.srcObject = stream;
      const source = context.createMediaStreamSource(stream);
      const ears = new AudioWorkletNode(context, "ears", { numberOfOutputs: 0 });
      ears.port.onmessage = ({ data }) => tell(id, { pcm: base64(data) });
      source.connect(ears);
      call.look = context.createAnalyser();
      call.look.fftSize = 8192;
      source.connect(call.look);
    };
    pc.ondatachannel = ({ channel }) => {
      call.channel = channel;
      channel.onopen = () => tell(id, { open: true });
      channel.onmessage = ({ data }) => tell(id, { event: JSON.parse(data) });
    };
    await pc.setRemoteDescription({ type: "offer", sdp: offer });
    await pc.setLocalDescription();
    await new Promise((resolve) => {
      const look = () => pc.iceGatheringState === "complete" && resolve();
      pc.onicegatheringstatechange = look;
      look();
    });
    tell(id, { answer: pc.localDescription.sdp });
  }

  function play(id, text) {
    const call = calls[id], { context } = call;
    const pcm = new Int16Array(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
    const buffer = context.createBuffer(1, pcm.length, RATE);
    buffer.copyToChannel(Float32Array.from(pcm, (one) => one / 32768), 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(call.out);
    if (!call.playing.length) { call.began = call.until = context.currentTime; tell(id, { played: "started" }); }
    source.start(call.until);
    call.until += buffer.duration;
    call.playing.push(source);
    source.onended = () => {
      call.playing = call.playing.filter((one) => one !== source);
      if (!call.playing.length && !call.stopped) tell(id, { played: "stopped" });
    };
  }

  function stop(id) {
    const call = calls[id];
    if (!call.playing.length) return;
    for (const source of call.playing.splice(0)) { source.onended = null; source.stop(); }
    tell(id, { played: "cleared", ms: Math.round(1000 * (call.context.currentTime - call.began)) - AWAY });
  }

  line.onmessage = ({ data }) => {
    const { id, offer, event, pcm, hush, over } = JSON.parse(data);
    if (offer) answer(id, offer);
    if (pcm) play(id, pcm);
    if (hush) stop(id);
    if (event && calls[id].channel?.readyState === "open") calls[id].channel.send(JSON.stringify(event));
    if (over) { calls[id].pc.close(); calls[id].context.close(); }
  };
  await new Promise((resolve) => { line.onopen = resolve; });
}
