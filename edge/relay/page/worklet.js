// The audio thread of the page: microphone -> 24 kHz int16, and 24 kHz int16 -> loudspeaker, whatever the sound card's rate.

const CHUNK = 0.04; // seconds of microphone in one message
const MOST = 900; // seconds of a reply that may wait: engines speak faster than they are heard
const FADE = 0.005; // seconds
const PHASES = 256, ZEROS = 12;

// Band-limited interpolation: a Hann-windowed sinc, its cutoff below the lower of both rates' halves.
class Resampler {
  constructor(from, to) {
    this.step = from / to;
    this.same = from === to;
    const cut = 0.92 * Math.min(1, to / from);
    this.half = Math.ceil(ZEROS / cut);
    this.kept = new Float32Array(2 * this.half);
    this.at = this.half;
    this.rows = Array.from({ length: PHASES + 1 }, (_, phase) => Float32Array.from({ length: 2 * this.half }, (_, n) => {
      const x = n - this.half + 1 - phase / PHASES;
      const window = Math.abs(x) < this.half ? 0.5 + 0.5 * Math.cos(Math.PI * x / this.half) : 0;
      return window * (x === 0 ? cut : Math.sin(Math.PI * cut * x) / (Math.PI * x));
    }));
  }

  process(input) {
    if (this.same) return input;
    const { half } = this;
    const all = new Float32Array(this.kept.length + input.length);
    all.set(this.kept);
    all.set(input, this.kept.length);
    const found = [];
    for (; this.at + half < all.length; this.at += this.step) {
      const whole = Math.floor(this.at);
      const row = this.rows[Math.round((this.at - whole) * PHASES)];
      let sum = 0;
      for (let n = 0, from = whole - half + 1; n < row.length; n += 1) sum += row[n] * all[from + n];
      found.push(sum);
    }
    const rest = Math.max(0, Math.floor(this.at) - half);
    this.kept = all.slice(rest);
    this.at -= rest;
    return Float32Array.from(found);
  }
}

class Ears extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.resampler = new Resampler(sampleRate, rate);
    this.chunk = new Int16Array(Math.round(rate * CHUNK));
    this.filled = 0;
    this.muted = this.held = false;
    this.port.onmessage = ({ data }) => { this.muted = data.mute; this.held = data.hold; };
  }

  process([[samples]]) {
    if (!samples) return true;
    for (const sample of this.resampler.process(samples)) {
      this.chunk[this.filled] = this.muted ? 0 : Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
      this.filled += 1;
      if (this.filled === this.chunk.length) {
        if (!this.held) this.port.postMessage(this.chunk.buffer.slice(0));
        this.filled = 0;
      }
    }
    return true;
  }
}

class Mouth extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.rate = rate;
    this.waiting = []; // {item, samples} at the card's rate, or {end}
    this.seconds = 0;
    this.at = 0;
    this.item = null;
    this.played = 0; // samples of the item that sounds
    this.resampler = new Resampler(rate, sampleRate);
    this.fading = 0;
    this.dropped = null; // the item that was stopped: what still comes of it is not played
    this.port.onmessage = ({ data }) => this.told(data);
  }

  told({ item, pcm, end, stop }) {
    if (stop) this.stop();
    else if (end && end !== this.dropped) this.waiting.push({ end });
    else if (item !== this.dropped && this.seconds < MOST) {
      const samples = this.resampler.process(Float32Array.from(new Int16Array(pcm), (one) => one / 32768));
      this.waiting.push({ item, samples });
      this.seconds += samples.length / sampleRate;
    }
  }

  stop() {
    if (this.item === null && !this.waiting.length) return;
    const item = this.item ?? this.waiting[0].item ?? this.waiting[0].end;
    const next = this.waiting[0]?.samples?.subarray(this.at, this.at + Math.round(FADE * sampleRate));
    this.waiting = next ? [{ fade: true, samples: next.map((one, n) => one * (1 - n / next.length)) }] : [];
    this.at = this.seconds = 0;
    this.dropped = item;
    this.port.postMessage({ stopped: item, ms: 1000 * this.played / sampleRate });
    this.item = null;
    this.played = 0;
  }

  process(_, [[out]]) {
    let n = 0;
    while (n < out.length && this.waiting.length) {
      const next = this.waiting[0];
      if (next.end) {
        if (this.item === next.end) { this.port.postMessage({ ended: next.end }); this.item = null; }
        this.waiting.shift();
        continue;
      }
      if (!next.fade && this.item !== next.item) {
        this.item = next.item;
        this.played = 0;
        this.port.postMessage({ started: next.item });
      }
      const count = Math.min(out.length - n, next.samples.length - this.at);
      out.set(next.samples.subarray(this.at, this.at + count), n);
      n += count;
      this.at += count;
      if (!next.fade) { this.played += count; this.seconds -= count / sampleRate; }
      if (this.at === next.samples.length) { this.waiting.shift(); this.at = 0; }
    }
    return true;
  }
}

registerProcessor("ears", Ears);
registerProcessor("mouth", Mouth);
