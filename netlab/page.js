// What a browser of the lab runs: a synthetic camera whose pictures carry the time, a synthetic
// microphone, and measurements. It uses the SDK as any application does.

"use strict";
(() => {
const CELLS = 36; // 32 bits of time and 4 of checksum
const COLUMNS = 9;
const CELL = 32;
const WIDTH = COLUMNS * CELL;
const HEIGHT = (CELLS / COLUMNS) * CELL;

const connections = [];
const Native = globalThis.RTCPeerConnection;
/** Functions from a class of peer connections to one that we see into. */
const seeing = [];

/** Have peer connections made of another class: in this window, and in frames that the SDK makes. */
function seeInto(wrap) {
  seeing.push(wrap);
  globalThis.RTCPeerConnection = wrap(globalThis.RTCPeerConnection);
}

const { get: windowOf } = Object.getOwnPropertyDescriptor(HTMLIFrameElement.prototype, "contentWindow");
const seen = new WeakSet();
Object.defineProperty(HTMLIFrameElement.prototype, "contentWindow", {
  get() {
    const frame = windowOf.call(this);
    if (frame && !seen.has(frame)) {
      seen.add(frame);
      frame.RTCPeerConnection = seeing.reduce((wrapped, wrap) => wrap(wrapped), frame.RTCPeerConnection);
    }
    return frame;
  },
});

seeInto((Seen) => class extends Seen {
  constructor(...args) {
    super(...args);
    connections.push(this);
  }
});

/** Have every video that is published sent with this codec, if the browser has it. */
function prefer(mimeType) {
  const addTransceiver = Native.prototype.addTransceiver;
  Native.prototype.addTransceiver = function (what, init) {
    const made = addTransceiver.call(this, what, init);
    if (what.kind === "video") {
      const all = RTCRtpReceiver.getCapabilities("video").codecs;
      const rest = (c) => c.mimeType !== mimeType && c.mimeType === "video/rtx";
      made.setCodecPreferences([...all.filter((c) => c.mimeType === mimeType), ...all.filter(rest)]);
    }
    return made;
  };
}

const clock = () => Math.round(performance.timeOrigin + performance.now()) >>> 0;
const checksum = (n) => (n ^ (n >>> 4) ^ (n >>> 8) ^ (n >>> 12) ^ (n >>> 16) ^ (n >>> 20) ^ (n >>> 24) ^ (n >>> 28)) & 15;

function draw(context, time) {
  const check = checksum(time);
  for (let i = 0; i < CELLS; i++) {
    const bit = i < 32 ? (time >>> i) & 1 : (check >>> (i - 32)) & 1;
    context.fillStyle = bit ? "#fff" : "#000";
    context.fillRect((i % COLUMNS) * CELL, Math.floor(i / COLUMNS) * CELL, CELL, CELL);
  }
}

/** The time a picture carries, or null if it can't be read. */
function read(context, video) {
  context.drawImage(video, 0, 0, WIDTH, HEIGHT);
  const { data } = context.getImageData(0, 0, WIDTH, HEIGHT);
  let time = 0;
  let check = 0;
  for (let i = 0; i < CELLS; i++) {
    const x = (i % COLUMNS) * CELL + CELL / 2;
    const y = Math.floor(i / COLUMNS) * CELL + CELL / 2;
    const bit = data[4 * (y * WIDTH + x)] > 127 ? 1 : 0;
    if (i < 32) time |= bit << i;
    else check |= bit << (i - 32);
  }
  time >>>= 0;
  return check === checksum(time) ? time : null;
}

function canvas() {
  const made = document.createElement("canvas");
  made.width = WIDTH;
  made.height = HEIGHT;
  return made.getContext("2d", { willReadFrequently: true });
}

function camera(framesPerSecond = 30) {
  const context = canvas();
  draw(context, clock());
  setInterval(() => draw(context, clock()), 1000 / framesPerSecond);
  return context.canvas.captureStream(framesPerSecond).getVideoTracks()[0];
}

async function microphone() {
  if (navigator.userAgent.includes("Firefox")) {
    // Its audio graph stands still without an output device; the fake microphone gives a tone.
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    return stream.getAudioTracks()[0];
  }
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, { frequency: 440 });
  const out = new MediaStreamAudioDestinationNode(audio);
  tone.connect(out);
  tone.start();
  return out.stream.getAudioTracks()[0];
}

const state = {
  firstFrameMs: null,
  latenciesMs: [],
  unreadable: 0,
  frames: 0,
  echoes: 0,
  events: [],
  room: null,
};

function watchVideo(stream, started) {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, autoplay: true, playsInline: true });
  video.srcObject = stream;
  document.body.append(video);
  const context = canvas();
  const onFrame = () => {
    state.firstFrameMs ??= performance.now() - started;
    state.frames += 1;
    const time = read(context, video);
    if (time === null) state.unreadable += 1;
    else state.latenciesMs.push((clock() - time) >>> 0);
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  video.play().catch((error) => state.events.push(`play: ${error}`));
}

function watchAudio(stream) {
  // Browsers deliver a remote audio track only to something that plays it.
  const element = document.createElement("audio");
  element.srcObject = stream;
  element.autoplay = true;
  document.body.append(element);
}

/**
 * Join, publish if asked to, and measure whatever comes. `ask` sends requests on a data channel and
 * counts the echoes, `echo` answers those of others; who does not `look` shows and reads no picture, which
 * costs more than to receive it; `joined` gets the room.
 */
async function join(url, token, how) {
  const { publish, ask = !publish, echo = true, look = true, framesPerSecond, joined, options = {} } = how;
  const { connect } = await import(`${location.origin}/sdk/roomline.js`);
  const tracks = publish
    ? [{ track: camera(framesPerSecond), source: "camera" }, { track: await microphone(), source: "microphone" }]
    : [];
  const started = performance.now();
  const room = await connect(url, token, { ...options, tracks });
  state.room = room;
  state.joinedMs = performance.now() - started;
  joined?.(room);
  room.on("trackSubscribed", (track, publication) => {
    state.events.push(`subscribed ${track.kind}`);
    // The stream of a publication stays while its track moves to another transport.
    const stream = publication.mediaStream ?? new MediaStream([track]);
    if (track.kind === "audio") watchAudio(stream);
    else if (look) watchVideo(stream, started);
  });
  for (const name of ["stateChanged", "disconnected", "error"]) {
    room.on(name, (what) => state.events.push(`${name}: ${what?.message ?? what}`));
  }
  if (echo) answer(room);
  if (ask) exchange(room);
}

/** A channel that is opened anew when its transport is replaced, as an application would. */
function lasting(room, label) {
  const held = { channel: undefined, send: (text) => held.channel?.readyState === "open" && held.channel.send(text) };
  const open = () => {
    if (room.state === "disconnected") return;
    held.channel = room.localParticipant.openDataChannel(label, { ordered: true });
    held.channel.addEventListener("close", open);
  };
  open();
  return held;
}

function answer(room) {
  const reply = lasting(room, "echo-reply");
  room.on("dataChannel", (channel, participant, label) => {
    if (label !== "echo-request") return;
    channel.addEventListener("message", () => reply.send("echo"));
  });
}

function exchange(room) {
  const channel = lasting(room, "echo-request");
  setInterval(() => channel.send("request"), 200);
  room.on("dataChannel", (incoming, participant, label) => {
    if (label === "echo-reply") incoming.addEventListener("message", () => (state.echoes += 1));
  });
}

/** The pair that carries the media, and what came over it. */
async function stats() {
  const found = { audioEnergy: 0, audioPackets: 0, videoFrames: 0, packetsLost: 0, packetsReceived: 0 };
  for (const connection of connections) {
    if (connection.connectionState === "closed") continue;
    const report = await connection.getStats();
    report.forEach((entry) => {
      if (entry.type === "inbound-rtp") {
        if (entry.kind === "audio") {
          found.audioEnergy += entry.totalAudioEnergy ?? 0;
          found.audioPackets += entry.packetsReceived ?? 0;
        } else if (entry.packetsReceived) found.videoCodec = report.get(entry.codecId)?.mimeType;
        if (entry.kind === "video") found.videoFrames += entry.framesDecoded ?? 0;
        found.packetsLost += entry.packetsLost ?? 0;
        found.packetsReceived += entry.packetsReceived ?? 0;
      }
    });
    Object.assign(found, await selectedPair(report));
  }
  return found;
}

async function selectedPair(report) {
  let pair = null;
  report.forEach((entry) => {
    if (entry.type === "transport" && entry.selectedCandidatePairId) {
      pair = report.get(entry.selectedCandidatePairId);
    }
  });
  // Firefox has no selectedCandidatePairId; it marks the pair instead.
  if (!pair) report.forEach((e) => { if (e.type === "candidate-pair" && e.selected) pair = e; });
  if (!pair) return {};
  const local = report.get(pair.localCandidateId) ?? {};
  const remote = report.get(pair.remoteCandidateId) ?? {};
  return {
    candidateType: local.candidateType,
    relayProtocol: local.relayProtocol ?? null,
    relayUrl: local.url ?? null,
    remotePort: remote.port,
    rttMs: (pair.currentRoundTripTime ?? 0) * 1000,
    responses: pair.responsesReceived ?? 0,
  };
}

/** The DTLS version and the SRTP profile, as far as the browser tells them. */
async function security() {
  const found = {};
  for (const connection of connections) {
    (await connection.getStats()).forEach((entry) => {
      if (entry.type !== "transport") return;
      found.dtlsState = entry.dtlsState;
      found.tlsVersion = entry.tlsVersion ?? null;
      found.srtpCipher = entry.srtpCipher ?? null;
    });
  }
  return found;
}

/** What `participant.connection` says of ourselves. */
function connection() {
  return state.room?.localParticipant.connection ?? null;
}

/** What has been measured so far, as data. */
function measured() {
  const { room, ...rest } = state;
  return rest;
}

globalThis.lab = { seeInto, prefer, join, stats, security, state, measured, connection, camera, microphone, connections };
})();
