// Joins with the SDK as an application does and writes down everything the room tells. Runs beside
// netlab/page.js, whose synthetic camera and microphone it uses.

"use strict";
(() => {
const probe = {
  room: null,
  /** `[event, detail…]`, in the order in which they came. */
  events: [],
  /** The frames presented of each remote track: `{count, at, longestGapMs}` by its id. */
  frames: {},
  /** What came on the data channels of others: `{label, from, …, messages}`. */
  channels: [],
  /** Data channels of our own, by label. */
  open: {},
};

const note = (...what) => probe.events.push(what);

function watch(id, track) {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, autoplay: true, playsInline: true });
  video.srcObject = new MediaStream([track]);
  document.body.append(video);
  const seen = (probe.frames[id] = { count: 0, at: null, longestGapMs: 0, mediaTrack: track.id });
  const frame = (now) => {
    if (probe.frames[id] !== seen) return;
    if (seen.at !== null) seen.longestGapMs = Math.max(seen.longestGapMs, now - seen.at);
    seen.at = now;
    seen.count += 1;
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback(frame);
}

function listen(room) {
  room.on("participantJoined", ({ identity }) => note("participantJoined", identity));
  room.on("participantLeft", ({ identity }, reason) => note("participantLeft", identity, reason));
  for (const name of ["trackPublished", "trackUnpublished"]) {
    room.on(name, ({ name: label }, { identity }) => note(name, identity, label));
  }
  room.on("trackMuted", ({ name, muted }, { identity }) => note("trackMuted", identity, name, muted));
  room.on("trackPaused", ({ name }, { identity }, reason) => note("trackPaused", identity, name, reason ?? null));
  room.on("trackSubscribed", (track, { id, name, kind }, { identity }) => {
    note("trackSubscribed", identity, name);
    if (kind === "video") watch(id, track);
  });
  room.on("trackUnsubscribed", (track, { id, name }, { identity }) => {
    note("trackUnsubscribed", identity, name);
    delete probe.frames[id];
  });
  room.on("data", (payload, { identity }, topic) => note("data", identity, payload, topic ?? null));
  room.on("stateChanged", (state) => note("stateChanged", state));
  room.on("error", ({ code }) => note("error", code));
  room.on("disconnected", (error) => note("disconnected", error?.code ?? null));
  room.on("dataChannel", (channel, { identity }, label) => {
    const { ordered, maxRetransmits, maxPacketLifeTime, protocol } = channel;
    const kept = { label, from: identity, ordered, maxRetransmits, maxPacketLifeTime, protocol, messages: [] };
    probe.channels.push(kept);
    channel.binaryType = "arraybuffer";
    channel.addEventListener("message", ({ data }) => {
      kept.messages.push(typeof data === "string" ? data : `${data.byteLength} bytes`);
    });
  });
}

/** `publish` is a list of `[kind, name]`. */
probe.join = async (url, token, { publish = [], options = {} } = {}) => {
  const { connect } = await import(`${location.origin}/sdk/roomline.js`);
  const tracks = [];
  for (const [kind, name, framesPerSecond] of publish) {
    const track = kind === "video" ? lab.camera(framesPerSecond) : await lab.microphone();
    tracks.push({ track, source: "other", name });
  }
  probe.room = await connect(url, token, { ...options, tracks });
  listen(probe.room);
};

/** A participant that is not ourselves. */
probe.other = (identity) => [...probe.room.participants.values()].find((each) => each.identity === identity);
const named = (participants, name) =>
  participants.flatMap((each) => [...each.publications.values()]).find((each) => each.name === name);
/** Somebody's publication by its name. */
probe.remote = (name) => named([...probe.room.participants.values()], name);
/** One's own. */
probe.own = (name) => named([probe.room.localParticipant], name);
/** The frames of somebody's track by its name. */
probe.framesOf = (name) => probe.frames[probe.remote(name)?.id] ?? { count: 0, at: null, longestGapMs: 0 };
/** The ICE user name fragment that is in use. */
probe.ufrag = () => /a=ice-ufrag:(\S+)/.exec(probe.room.peerConnection.localDescription.sdp)[1];
probe.channel = (label, options) =>
  new Promise((resolve) => {
    const channel = (probe.open[label] = probe.room.localParticipant.openDataChannel(label, options));
    channel.addEventListener("open", () => resolve(null));
  });

globalThis.probe = probe;
})();
