// What a browser of the lab runs beside page.js when the network changes under its call: it numbers
// every encoded frame that is sent, writes down every one that arrives and every event, and sends
// numbered messages over the signaling connection.
//
// The numbering is done where frames are between encoder and packetizer (WebRTC Encoded Transform):
// each one gets a trailer with sender, number and time, which the receiver takes off before decoding.
// One audio frame is one RTP packet, every 20 ms, so nothing has to be sampled.

"use strict";
(() => {
/**
 * Runs in a worker. Records are `[page, kind, sender, number, sentAt, arrivedAt]`, times in ms since 1970.
 * Stalls are `[from, to]`: when the worker, which ticks by itself, did not run.
 */
function numbering() {
  const TICK_MS = 20;
  const MAGIC = 0x524c6162;
  const TRAILER_BYTES = 24;
  let records = [];
  let stalls = [];
  let ticked = 0;
  const now = () => performance.timeOrigin + performance.now();

  function stamp(page) {
    const sender = crypto.getRandomValues(new Uint32Array(1))[0];
    let number = 0;
    return (frame, controller) => {
      const encoded = new Uint8Array(frame.data);
      const bytes = new Uint8Array(encoded.length + TRAILER_BYTES);
      bytes.set(encoded);
      const trailer = new DataView(bytes.buffer, encoded.length);
      trailer.setUint32(0, page);
      trailer.setUint32(4, sender);
      trailer.setUint32(8, number++);
      trailer.setFloat64(12, now());
      trailer.setUint32(20, MAGIC);
      frame.data = bytes.buffer;
      controller.enqueue(frame);
    };
  }

  function record(frame, controller) {
    const at = frame.data.byteLength - TRAILER_BYTES;
    const trailer = at >= 0 ? new DataView(frame.data, at) : null;
    if (trailer?.getUint32(20) === MAGIC) {
      const kind = frame instanceof RTCEncodedAudioFrame ? "audio" : "video";
      const [page, sender, number] = [0, 4, 8].map((offset) => trailer.getUint32(offset));
      records.push([page, kind, sender, number, trailer.getFloat64(12), now()]);
      frame.data = frame.data.slice(0, at);
    }
    controller.enqueue(frame);
  }

  globalThis.onrtctransform = ({ transformer }) => {
    const { page, sends } = transformer.options;
    const transform = sends ? stamp(page) : record;
    void transformer.readable.pipeThrough(new TransformStream({ transform })).pipeTo(transformer.writable);
  };
  globalThis.onmessage = ({ ports }) => {
    ports[0].postMessage({ records, stalls });
    records = [];
    stalls = [];
  };
  setInterval(() => {
    const at = now();
    if (ticked && at - ticked > 2 * TICK_MS) stalls.push([ticked + TICK_MS, at]);
    ticked = at;
  }, TICK_MS);
}

const source = new Blob([`(${numbering})()`], { type: "text/javascript" });
const worker = new Worker(URL.createObjectURL(source));
const now = () => performance.timeOrigin + performance.now();
const moving = {
  /** Who we are in the trailers. */
  page: 0,
  /** `[at, name, …detail]`: what the room told. */
  told: [],
  /** `[at, level, message, details]`: what the SDK logs. */
  sdk: [],
  /** `[at, socket, seq, type]`: every event of the server as it came over one WebSocket or another. */
  wire: [],
  /** `[at, from, number]`: numbered messages of others. */
  messages: [],
  /** How many numbered messages were sent, and those that the server has confirmed. */
  sent: 0,
  confirmed: [],
  sockets: 0,
};

globalThis.lab.seeInto((Seen) => class extends Seen {
  addTransceiver(what, init = {}) {
    const made = super.addTransceiver(what, init);
    const number = (end, sends) => {
      end.transform = new RTCRtpScriptTransform(worker, { page: moving.page, sends });
    };
    if (init.direction !== "recvonly") number(made.sender, true);
    if (init.direction !== "sendonly") number(made.receiver, false);
    return made;
  }
});

const NativeSocket = globalThis.WebSocket;
globalThis.WebSocket = class extends NativeSocket {
  constructor(...args) {
    super(...args);
    const socket = (moving.sockets += 1);
    this.addEventListener("message", ({ data }) => {
      const { seq, type, request } = JSON.parse(data);
      if (seq !== undefined && request === undefined) moving.wire.push([now(), socket, seq, type]);
      else if (type === "joined") moving.wire.push([now(), socket, seq, type]);
    });
  }
};

/** Write down what a room tells. `follow` are identities whose tracks we want. */
function watch(room, { follow, tell }) {
  moving.room = room;
  const note = (...what) => moving.told.push([now(), ...what]);
  for (const name of ["participantJoined", "participantLeft"]) {
    room.on(name, ({ identity }, reason) => note(name, identity, reason ?? null));
  }
  for (const name of ["trackUnpublished", "trackPublished"]) {
    room.on(name, ({ id }, { identity }) => note(name, identity, id));
  }
  for (const name of ["trackSubscribed", "trackUnsubscribed", "trackReplaced"]) {
    room.on(name, (track, { id }, { identity }) => note(name, identity, id));
  }
  room.on("trackPaused", ({ id }, { identity }, reason) => note("trackPaused", identity, id, reason ?? null));
  room.on("connectionChanged", ({ identity }, { state, tier, serverPort }, change) =>
    note("connectionChanged", identity, state, tier, serverPort, change ?? null));
  for (const name of ["stateChanged", "disconnected", "error", "draining"]) {
    room.on(name, (what) => note(name, what?.message ?? what ?? null));
  }
  room.on("data", (payload, { identity }) => moving.messages.push([now(), identity, Number(payload)]));
  subscribeTo(room, follow);
  setInterval(() => {
    if (room.state === "disconnected") return;
    const to = [...room.participants.values()].filter(({ identity }) => tell.includes(identity));
    if (to.length === 0) return;
    const number = moving.sent++;
    room.sendData(String(number), { to }).then(
      () => moving.confirmed.push(number),
      // What was on its way when the WebSocket was lost: the SDK says that nobody knows.
      (error) => note("sendData", String(error)),
    );
  }, 500);
}

function subscribeTo(room, follow) {
  const wanted = (publication, { identity }) => {
    if (!follow.includes(identity)) return;
    publication.subscribe().catch((error) => moving.told.push([now(), "subscribe", String(error)]));
  };
  const everything = (participant) => {
    for (const publication of participant.publications.values()) wanted(publication, participant);
  };
  for (const participant of room.participants.values()) everything(participant);
  room.on("participantJoined", everything);
  room.on("trackPublished", wanted);
}

/** What must be the same before and after a move. */
moving.identity = () => {
  const { room } = moving;
  const subscribed = [...room.participants.values()].flatMap((each) =>
    [...each.publications.values()].filter(({ track }) => track).map(({ id }) => id));
  return {
    participant: room.localParticipant.id,
    tracks: [...room.localParticipant.publications.keys()].sort(),
    subscriptions: subscribed.sort(),
  };
};

/** The frames that have arrived since the last call, and the stalls. */
moving.arrivals = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => resolve(data);
  worker.postMessage(null, [port2]);
});

/** What has been written down so far. */
moving.log = () => {
  const { told, sdk, wire, messages, sent, confirmed, sockets, page } = moving;
  return { told, sdk, wire, messages, sent, confirmed, sockets, page, now: now() };
};

/** Join as page `page`; the rest as `lab.join` takes it, with `follow` and `tell`. */
moving.join = (url, token, { page, follow, tell, ...how }) => {
  moving.page = page;
  const logger = (...what) => moving.sdk.push([now(), ...what]);
  const options = { ...how.options, logger };
  return lab.join(url, token, { ...how, options, joined: (room) => watch(room, { follow, tell }) });
};

globalThis.moving = moving;
})();
