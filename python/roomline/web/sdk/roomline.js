// sdk/src/environment.ts
var silent = () => void 0;
var browser = {
  // The DOM types its handlers by `this` and full events; ours ask for less.
  openSocket: (url) => new WebSocket(url),
  createPeerConnection: (config) => new RTCPeerConnection(config),
  createMediaStream: () => new MediaStream(),
  now: () => performance.now(),
  wallClock: () => Date.now(),
  random: () => Math.random(),
  setTimer: (callback, ms) => setTimeout(callback, ms),
  clearTimer: (timer) => clearTimeout(timer),
  watchNetwork: watchPage
};
function watchPage(listener) {
  const undo = [];
  const watch = (target, type, handler) => {
    target.addEventListener(type, handler);
    undo.push(() => target.removeEventListener(type, handler));
  };
  watch(globalThis, "offline", () => listener("offline"));
  watch(globalThis, "online", () => listener("online"));
  watch(globalThis, "pagehide", () => listener("leaving"));
  watchConnectionType(watch, () => listener("changed"));
  return () => undo.forEach((each) => each());
}
function watchConnectionType(watch, changed) {
  const network = navigator.connection;
  if (network?.type === void 0) return;
  let last = network.type;
  watch(network, "change", () => {
    if (network.type === void 0 || network.type === last) return;
    last = network.type;
    changed();
  });
}

// sdk/src/errors.ts
var RoomlineError = class extends Error {
  code;
  fatal;
  iceErrors;
  constructor(code, message, details = {}) {
    super(message, details.cause === void 0 ? void 0 : { cause: details.cause });
    this.name = "RoomlineError";
    this.code = code;
    this.fatal = details.fatal ?? false;
    this.iceErrors = details.iceErrors ?? [];
  }
};
function asRoomlineError(error, code) {
  if (error instanceof RoomlineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RoomlineError(code, message, { cause: error });
}

// sdk/src/inbox.ts
var Inbox = class {
  #waiting = [];
  /** Runs `deliver` now, or in its turn once the inbox is opened. */
  run(deliver) {
    if (this.#waiting) this.#waiting.push(deliver);
    else deliver();
  }
  open() {
    while (this.#waiting?.length) this.#waiting.shift()?.();
    this.#waiting = void 0;
  }
};

// sdk/src/liveness.ts
var LOOK_MS = 100;
var NOTE_MS = 400;
var SILENT_MS = 600;
var COMPARE_MS = 190;
var REPLAY_MS = 20;
var STEADY_MS = 1e3;
var Liveness = class {
  #transport;
  #env;
  #log;
  #hooks;
  #stateChanged = () => this.#iceState();
  #alive = true;
  #uplinkSilent = false;
  #beatAt;
  #diedAt = 0;
  #steadySince;
  /** What was counted when the suspicion began, or when the path died. */
  #noted;
  #notedAt = 0;
  #looking = false;
  #timer;
  #toldTimer;
  #closed = false;
  constructor(transport, env, log, hooks) {
    this.#transport = transport;
    this.#env = env;
    this.#log = log;
    this.#hooks = hooks;
    transport.onBeat = () => this.#beat();
    transport.pc.addEventListener("iceconnectionstatechange", this.#stateChanged);
  }
  get alive() {
    return this.#alive;
  }
  /** How long no beat has come, in ms; 0 before the first. */
  get quietMs() {
    return this.#beatAt === void 0 ? 0 : this.#env.now() - this.#beatAt;
  }
  /** The server hears nothing from us on this path, or hears us again. */
  told(silent2) {
    this.#uplinkSilent = silent2;
    this.#env.clearTimer(this.#toldTimer);
    this.#toldTimer = silent2 ? this.#env.setTimer(() => this.#die("the server hears nothing"), REPLAY_MS) : void 0;
  }
  /** The path is known to be gone: the address that it began at is. */
  suspect(why) {
    this.#die(why);
  }
  close() {
    this.#closed = true;
    this.#env.clearTimer(this.#timer);
    this.#env.clearTimer(this.#toldTimer);
    this.#timer = void 0;
    this.#transport.onBeat = () => void 0;
    this.#transport.pc.removeEventListener("iceconnectionstatechange", this.#stateChanged);
  }
  #beat() {
    this.#beatAt = this.#env.now();
    if (this.#alive) this.#noted = void 0;
    if (this.#timer === void 0 && !this.#closed) this.#lookLater();
  }
  #iceState() {
    const state = this.#transport.pc.iceConnectionState;
    this.#log("debug", "ICE state", { transport: this.#transport.id, state });
    if (state === "disconnected" || state === "failed") this.#die(`ICE is ${state}`);
    else if (isUp(state) && this.#beatAt === void 0) this.#revive(true);
  }
  #lookLater() {
    this.#timer = this.#env.setTimer(() => {
      this.#lookLater();
      this.#look();
    }, LOOK_MS);
  }
  #look() {
    if (this.#looking) return;
    if (!this.#alive) this.#compare((figures) => this.#isBack(figures));
    else if (this.quietMs < NOTE_MS) return;
    else if (!this.#noted) this.#compare((figures) => this.#note(figures));
    else if (this.quietMs >= SILENT_MS && this.#env.now() - this.#notedAt >= COMPARE_MS) {
      this.#compare((figures) => this.#confirm(figures));
    }
  }
  #compare(judge) {
    this.#looking = true;
    void this.#transport.figures().then((figures) => {
      this.#looking = false;
      if (figures && !this.#closed) judge(figures);
    });
  }
  #note(figures) {
    if (!this.#alive || this.quietMs < NOTE_MS) return;
    this.#noted = figures;
    this.#notedAt = this.#env.now();
  }
  #confirm(figures) {
    const noted = this.#noted;
    if (!this.#alive || !noted || this.quietMs < SILENT_MS) return;
    if (received(figures, noted)) this.#note(figures);
    else this.#die(`nothing for ${Math.round(this.quietMs)} ms`);
  }
  #die(why) {
    if (!this.#alive || this.#closed) return;
    this.#alive = false;
    this.#diedAt = this.#env.now();
    this.#steadySince = void 0;
    this.#noted = void 0;
    if (this.#timer === void 0) this.#lookLater();
    this.#hooks.dead(why);
  }
  /** A dead path is back when both directions of the pair in use are proven, not when anything came. */
  #isBack(figures) {
    if (this.#alive) return;
    const noted = this.#noted;
    if (!noted) {
      this.#noted = figures;
      return;
    }
    const beats = (this.#beatAt ?? 0) > this.#diedAt;
    if (figures.pair !== noted.pair) {
      if (figures.pair !== void 0 && figures.bytes > 0) this.#revive(false);
    } else if (!this.#uplinkSilent && (beats || received(figures, noted)) && this.#answered(figures, noted)) {
      this.#revive(true);
    }
  }
  #answered(figures, noted) {
    if (figures.responses !== void 0) return figures.responses > (noted.responses ?? 0);
    if (this.quietMs > NOTE_MS) this.#steadySince = void 0;
    else this.#steadySince ??= this.#env.now();
    return this.#steadySince !== void 0 && this.#env.now() - this.#steadySince >= STEADY_MS;
  }
  #revive(proven) {
    if (this.#alive) return;
    this.#alive = true;
    this.#uplinkSilent = false;
    this.#noted = void 0;
    if (this.#beatAt !== void 0) this.#beatAt = this.#env.now();
    this.#hooks.alive(this.#env.now() - this.#diedAt, proven);
  }
};
function received(now, before) {
  return now.bytes > before.bytes || now.packets > before.packets;
}
function isUp(state) {
  return state === "connected" || state === "completed";
}

// sdk/src/protocol.ts
var PROTOCOL_VERSION = 1;

// sdk/src/probe.ts
var PROBE_MS = 2500;
var Probe = class {
  #pc;
  #env;
  #done;
  #timer;
  #over = false;
  /** `done` is called once, unless the probe is closed before. `server` is a `stun:` URL. */
  constructor(server, env, done) {
    this.#env = env;
    this.#done = done;
    this.#pc = env.createPeerConnection({ iceServers: [{ urls: [server] }] });
    this.#timer = env.setTimer(() => this.#end(false), PROBE_MS);
    this.#pc.addEventListener("icecandidateerror", () => this.#end(false));
    this.#pc.addEventListener("icegatheringstatechange", () => {
      if (this.#pc.iceGatheringState === "complete") this.#end(true);
    });
    this.#pc.createDataChannel("probe");
    void this.#gather();
  }
  close() {
    if (this.#over) return;
    this.#over = true;
    this.#env.clearTimer(this.#timer);
    this.#pc.close();
  }
  async #gather() {
    try {
      const offer = await this.#pc.createOffer();
      if (!this.#over) await this.#pc.setLocalDescription(offer);
    } catch {
      this.#end(false);
    }
  }
  #end(open) {
    if (this.#over) return;
    this.close();
    this.#done(open);
  }
};
function mediaPorts(answer) {
  const urls = /* @__PURE__ */ new Set();
  for (const [, address = "", port = ""] of answer.matchAll(
    /^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/gim
  )) {
    urls.add(`stun:${address.includes(":") ? `[${address}]` : address}:${port}`);
  }
  return [...urls];
}
function turnPorts(servers) {
  const urls = /* @__PURE__ */ new Set();
  for (const url of servers.flatMap((each) => each.urls)) {
    const [, host, query = ""] = /^turn:([^?]+)(\?.*)?$/i.exec(url) ?? [];
    if (host && !/transport=tcp/i.test(query)) urls.add(`stun:${host}`);
  }
  return [...urls];
}

// sdk/src/climb.ts
var WAITS_MS = [5e3, 1e4, 2e4, 25e3];
var SHORT_LIVED_MS = 6e4;
var CEILING_MS = 24e4;
var Climb = class {
  #env;
  #log;
  #hooks;
  #tier;
  #attempt = 0;
  /** How many paths in a row were found and did not last. */
  #disappointments = 0;
  #foundAt;
  #probes = [];
  #timer;
  #closed = false;
  constructor(env, log, hooks) {
    this.#env = env;
    this.#log = log;
    this.#hooks = hooks;
  }
  /** The tier that the server says we are on, and how we came there if it is another one. */
  tierIs(tier, change) {
    if (tier === null || tier === this.#tier) return;
    this.#tier = tier;
    if (change?.why === "path-lost") this.#judge();
    this.#attempt = 0;
    this.#schedule();
  }
  /** The network is another one: look at once. */
  networkChanged() {
    this.#attempt = 0;
    this.#disappointments = 0;
    this.#foundAt = void 0;
    if (this.#isWanted()) this.#probe();
  }
  close() {
    this.#closed = true;
    this.#stop();
  }
  /** Whether what was found last was worth it. */
  #judge() {
    if (this.#foundAt === void 0) return;
    const lived = this.#env.now() - this.#foundAt;
    this.#disappointments = lived < SHORT_LIVED_MS ? this.#disappointments + 1 : 0;
    this.#foundAt = void 0;
  }
  #isWanted() {
    return !this.#closed && this.#tier !== void 0 && this.#tier !== "direct";
  }
  #schedule() {
    this.#stop();
    if (!this.#isWanted()) return;
    const wait = WAITS_MS[Math.min(this.#attempt++, WAITS_MS.length - 1)] ?? CEILING_MS;
    const ms = Math.min(wait * 2 ** this.#disappointments, CEILING_MS);
    this.#timer = this.#env.setTimer(() => this.#probe(), ms);
  }
  #probe() {
    if (this.#foundAt !== void 0) this.#judge();
    if (!this.#hooks.isSettled()) {
      this.#schedule();
      return;
    }
    this.#stop();
    const servers = mediaPorts(this.#hooks.answer());
    if (this.#tier !== "turn-udp") servers.push(...turnPorts(this.#hooks.iceServers()));
    let left = servers.length;
    this.#log("debug", "probing for a better path", { servers });
    this.#probes = servers.map(
      (server) => new Probe(server, this.#env, (open) => {
        left--;
        if (open) this.#found(server);
        else if (left === 0) this.#schedule();
      })
    );
    if (left === 0) this.#schedule();
  }
  #found(server) {
    this.#stop();
    const settled = this.#hooks.isSettled();
    this.#log("info", "a better path is open", { server, settled });
    if (settled) this.#foundAt = this.#env.now();
    this.#schedule();
    if (settled) this.#hooks.found();
  }
  #stop() {
    this.#env.clearTimer(this.#timer);
    this.#timer = void 0;
    for (const probe of this.#probes) probe.close();
    this.#probes = [];
  }
};

// sdk/src/data-channels.ts
var DataChannels = class {
  #find;
  #deliver;
  #early = [];
  #open = false;
  constructor(find, deliver) {
    this.#find = find;
    this.#deliver = deliver;
  }
  /** A channel has come. */
  add(channel) {
    const messages = [];
    const keep = (event) => messages.push(event);
    channel.addEventListener("message", keep);
    this.#early.push({ channel, messages, keep });
    this.deliver();
  }
  /** Somebody listens from now on. */
  open() {
    this.#open = true;
    this.deliver();
  }
  /** Delivers the channels whose sender is known by now. */
  deliver() {
    if (!this.#open) return;
    const early = this.#early;
    this.#early = [];
    for (const each of early) {
      const [, sender = "", label = ""] = /^([^/]*)\/(.*)$/s.exec(each.channel.label) ?? [];
      const from = this.#find(sender);
      if (!from) {
        if (each.channel.readyState !== "closed") this.#early.push(each);
        continue;
      }
      each.channel.removeEventListener("message", each.keep);
      this.#deliver(each.channel, from, label);
      for (const { data } of each.messages) {
        each.channel.dispatchEvent(new MessageEvent("message", { data }));
      }
    }
  }
};

// sdk/src/events.ts
var Emitter = class {
  #listeners = /* @__PURE__ */ new Map();
  /** Calls `listener` at every `event`. Returns a function that removes it again. */
  on(event, listener) {
    const listeners = this.#listeners.get(event) ?? /* @__PURE__ */ new Set();
    listeners.add(listener);
    this.#listeners.set(event, listeners);
    return () => this.off(event, listener);
  }
  /** Calls `listener` at the next `event` only. */
  once(event, listener) {
    const off = this.on(event, (...args) => {
      off();
      listener(...args);
    });
    return off;
  }
  /** Removes a listener given to `on`. */
  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }
  emit(event, ...args) {
    for (const listener of [...this.#listeners.get(event) ?? []]) {
      try {
        listener(...args);
      } catch (error) {
        reportError(error);
      }
    }
  }
  removeAllListeners() {
    this.#listeners.clear();
  }
};

// sdk/src/track.ts
var Publication = class {
  id;
  /** The id of the participant whose track it is. */
  participantId;
  kind;
  source;
  name;
  #muted;
  /** @internal */
  constructor(info) {
    this.id = info.id;
    this.participantId = info.participant;
    this.kind = info.kind;
    this.source = info.source;
    this.name = info.name;
    this.#muted = info.muted;
  }
  /** Whether its sender has muted it: nothing is sent then. */
  get muted() {
    return this.#muted;
  }
  /** @internal */
  setMutedState(muted) {
    this.#muted = muted;
  }
};
var LocalPublication = class extends Publication {
  #link;
  #maxBitrate;
  /** One on each transport that sends it: two while the call moves. */
  #senders = /* @__PURE__ */ new Map();
  #track;
  /** @internal */
  constructor(info, media, link) {
    super(info);
    this.#link = link;
    this.#track = media.track;
    this.#maxBitrate = media.maxBitrate;
  }
  get track() {
    return this.#track;
  }
  /** @internal What another transport has to send. */
  get media() {
    const { source, name, muted } = this;
    const limit = this.#maxBitrate === void 0 ? {} : { maxBitrate: this.#maxBitrate };
    return { track: this.#track, source, name, muted, ...limit };
  }
  /** @internal */
  get senders() {
    return this.#senders;
  }
  /** @internal It is sent there too from now on. */
  addSender(transport, transceiver) {
    this.#senders.set(transport, transceiver);
  }
  /** @internal Sends there what is sent elsewhere: muted or replaced since the section was offered. */
  syncSender(transport) {
    const sender = this.#senders.get(transport)?.sender;
    const wanted = this.muted ? null : this.#track;
    if (sender && sender.track !== wanted) void sender.replaceTrack(wanted);
  }
  /** @internal */
  removeSender(transport) {
    this.#senders.delete(transport);
  }
  /** Stops sending, or goes on, and tells everybody. The publication stays. */
  async mute(muted) {
    if (muted === this.muted) return;
    this.setMutedState(muted);
    await this.#send(muted ? null : this.#track);
    await this.#link.request({ type: "mute", track: this.id, muted });
  }
  /** Sends another track of the same kind from now on, another camera say. Needs no negotiation. */
  async replaceTrack(track) {
    if (!this.muted) await this.#send(track);
    this.#track = track;
  }
  /** Ends the publication. */
  unpublish() {
    return this.#link.unpublish(this);
  }
  async #send(track) {
    await Promise.all([...this.#senders.values()].map(({ sender }) => sender.replaceTrack(track)));
  }
};
var RemotePublication = class extends Publication {
  #link;
  #stream;
  #track;
  #paused;
  /** @internal */
  constructor(info, link) {
    super(info);
    this.#link = link;
  }
  /**
   * The media to play: one stream for as long as the publication lives. `track` is in it while there is
   * one, and is exchanged inside when the call moves to another path, so what plays it plays on.
   */
  get mediaStream() {
    if (!this.#stream) {
      this.#stream = this.#link.createMediaStream();
      if (this.#track) this.#stream.addTrack(this.#track);
    }
    return this.#stream;
  }
  /** Has a media element show or sound it, across every change of path. Whether it may, `play()` tells. */
  attach(element) {
    element.autoplay = true;
    if ("playsInline" in element) element.playsInline = true;
    if (element.srcObject !== this.mediaStream) element.srcObject = this.mediaStream;
  }
  /** Takes it off a media element again. Does nothing to an element that plays something else. */
  detach(element) {
    if (this.#stream && element.srcObject === this.#stream) element.srcObject = null;
  }
  /**
   * The media, while we are subscribed and the server has given the track a slot. It is another one
   * after `trackReplaced`: play `mediaStream`, or use `attach`, and nothing has to be done then.
   */
  get track() {
    return this.#track;
  }
  /** Why the server sends nothing of it at the moment, if so. */
  get paused() {
    return this.#paused;
  }
  /** Asks for the track. `trackSubscribed` follows. Only needed with `subscribe: "manual"`. */
  async subscribe() {
    await this.#link.request({ type: "subscribe", track: this.id });
  }
  /** Does without the track. `trackUnsubscribed` follows. */
  async unsubscribe() {
    await this.#link.request({ type: "unsubscribe", track: this.id });
  }
  /** Has the server stop sending the track, or go on, without giving up its slot. */
  async pause(paused) {
    await this.#link.request({ type: "pauseSubscription", track: this.id, paused });
  }
  /** @internal */
  setTrack(track) {
    const old = this.#track;
    this.#track = track;
    if (!track) this.#paused = void 0;
    if (track === old || !this.#stream) return;
    if (track) this.#stream.addTrack(track);
    if (old) this.#stream.removeTrack(old);
  }
  /** @internal */
  setPaused(reason) {
    this.#paused = reason;
  }
};

// sdk/src/connection-quality.ts
function clientReport(stats) {
  const entries = [...stats.values()];
  const pair = selectedPair(entries);
  const rtt = pair?.["currentRoundTripTime"];
  if (!pair || typeof rtt !== "number" || !Number.isFinite(rtt) || rtt < 0) return void 0;
  const local = entries.find((entry) => entry.id === pair["localCandidateId"]);
  const candidateType = local?.["candidateType"];
  if (!isCandidateType(candidateType)) return void 0;
  const relayProtocol = local?.["relayProtocol"];
  const report = { candidateType, rttMs: Math.round(rtt * 1e4) / 10 };
  return isRelayProtocol(relayProtocol) ? { ...report, relayProtocol } : report;
}
function rank({ candidateType, relayProtocol }) {
  if (candidateType !== "relay") return 0;
  return relayProtocol === "tls" || relayProtocol === "tcp" ? 2 : 1;
}
function pathFigures(stats) {
  const entries = [...stats.values()];
  const pair = selectedPair(entries);
  const responses = pair?.["responsesReceived"];
  let packets = 0;
  for (const entry of entries) {
    if (entry.type === "inbound-rtp") packets += count(entry["packetsReceived"]);
  }
  return {
    pair: pair?.id,
    responses: typeof responses === "number" ? responses : void 0,
    bytes: count(pair?.["bytesReceived"]),
    packets
  };
}
function count(value) {
  return typeof value === "number" ? value : 0;
}
function selectedPair(entries) {
  const transport = entries.find((entry) => entry.type === "transport" && entry["selectedCandidatePairId"]);
  if (transport) return entries.find((entry) => entry.id === transport["selectedCandidatePairId"]);
  return entries.find((entry) => entry.type === "candidate-pair" && entry["selected"] === true);
}
function isCandidateType(value) {
  return value === "host" || value === "srflx" || value === "prflx" || value === "relay";
}
function isRelayProtocol(value) {
  return value === "udp" || value === "tcp" || value === "tls";
}

// sdk/src/transport.ts
var OWN_CHANNEL = "roomline";
var BEATS = { protocol: "beat/1", ordered: false, maxRetransmits: 0 };
var MAX_ICE_ERRORS = 32;
var Transport = class {
  pc;
  /** What the browser said about STUN and TURN servers it could not use. */
  iceErrors = [];
  /** The server's name for this transport; empty before the join. */
  id = "";
  /** A beat of the server came; it has been sent back. */
  onBeat = () => void 0;
  #config;
  #fixedServers;
  #log;
  /** Sending sections whose track was unpublished. */
  #idle = [];
  #first;
  /** The first offer applied before its answer. */
  #applied;
  #queue = Promise.resolve();
  constructor(env, config, log) {
    this.#config = { bundlePolicy: "max-bundle", ...config };
    this.#fixedServers = config.iceServers !== void 0;
    this.#log = log;
    this.pc = env.createPeerConnection(this.#config);
    this.pc.addEventListener("icecandidateerror", (event) => this.#iceError(event));
  }
  /** The first offer: what is published at once, the spare slots, and SCTP. Applies nothing yet. */
  async prepare(media, slots) {
    for (const each of media) this.addSender(each);
    this.addSlots(slots.audio, slots.video);
    this.#openBeats();
    const first = await this.pc.createOffer().catch((error) => {
      throw asRoomlineError(error, "negotiation-failed");
    });
    this.#first = first;
    const offer = first.sdp ?? "";
    const mids = mediaMids(offer);
    return {
      offer,
      // A transceiver learns its mid only in setLocalDescription, which comes after the join; until
      // then the order of the sections is that of the transceivers (RFC 9429 §5.2.1).
      tracks: media.map((each, index) => intent(mids[index] ?? "", each))
    };
  }
  /** Gathers before the answer is there, with ICE servers at hand. */
  gather(iceServers) {
    this.#setIceServers(iceServers);
    this.#applied = this.pc.setLocalDescription(this.#first);
    this.#applied.catch(() => void 0);
  }
  /** Applies the prepared offer and the answer to it, with the ICE servers that came along. */
  async accept(id, answer, iceServers) {
    this.id = id;
    if (!this.#applied) this.gather(iceServers);
    try {
      await this.#applied;
      await this.pc.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      throw asRoomlineError(error, "negotiation-failed");
    }
    this.#first = this.#applied = void 0;
  }
  /**
   * One offer and answer, after those that are under way. `change` is called when it is this one's
   * turn. When it fails the connection is as before, but for transceivers that `change` added.
   */
  negotiate(change, exchange) {
    return this.#inTurn(async () => {
      change();
      await this.pc.setLocalDescription(await this.pc.createOffer());
      try {
        const reply = await exchange(this.pc.localDescription?.sdp ?? "");
        await this.#setAnswer(reply);
        return reply;
      } catch (error) {
        await this.#rollBack();
        throw error;
      }
    });
  }
  /**
   * One offer and answer that restarts ICE. The browser gathers when the offer is applied, so that is
   * done when the answer is there, with the fresh TURN credentials that came along.
   */
  restartIce(exchange) {
    return this.#inTurn(async () => {
      const offer = await this.pc.createOffer({ iceRestart: true });
      const reply = await exchange(offer.sdp ?? "");
      this.#setIceServers(reply.iceServers);
      await this.pc.setLocalDescription(offer);
      await this.#setAnswer(reply);
      return reply;
    });
  }
  /** A section that sends `media`: an idle one, or a new one. Takes part in the next negotiation. */
  addSender(media) {
    const index = this.#idle.findIndex((each) => each.receiver.track.kind === media.track.kind);
    const [idle] = index < 0 ? [] : this.#idle.splice(index, 1);
    const sent = media.muted ? null : media.track;
    if (idle) {
      idle.direction = "sendonly";
      void idle.sender.replaceTrack(sent);
      limitBitrate(idle.sender, media.maxBitrate);
      return idle;
    }
    const init = { direction: "sendonly" };
    if (media.maxBitrate !== void 0) init.sendEncodings = [{ maxBitrate: media.maxBitrate }];
    const added = this.pc.addTransceiver(media.track, init);
    if (!sent) void added.sender.replaceTrack(null);
    return added;
  }
  /** Nothing is sent there any more; the section is kept for the next publication of its kind. */
  releaseSender(transceiver) {
    if (this.#idle.includes(transceiver) || this.pc.signalingState === "closed") return;
    void transceiver.sender.replaceTrack(null);
    transceiver.direction = "inactive";
    this.#idle.push(transceiver);
  }
  addSlots(audio, video) {
    for (let n = 0; n < audio; n++) this.pc.addTransceiver("audio", { direction: "recvonly" });
    for (let n = 0; n < video; n++) this.pc.addTransceiver("video", { direction: "recvonly" });
  }
  /** A data channel over the SCTP association that the join negotiated: no further offer. */
  openDataChannel(label, options) {
    if (label.startsWith(OWN_CHANNEL)) {
      throw new RoomlineError("invalid-argument", `labels that begin with "${OWN_CHANNEL}" are reserved`);
    }
    return this.pc.createDataChannel(label, options);
  }
  async report() {
    if (this.pc.signalingState === "closed") return void 0;
    try {
      return clientReport(await this.pc.getStats());
    } catch (error) {
      this.#log("debug", "no statistics", { error: String(error) });
      return void 0;
    }
  }
  /** What was counted on the path in use; undefined when the browser doesn't say. */
  async figures() {
    if (this.pc.signalingState === "closed") return void 0;
    try {
      return pathFigures(await this.pc.getStats());
    } catch (error) {
      this.#log("debug", "no statistics", { error: String(error) });
      return void 0;
    }
  }
  /** The slots of each kind. */
  slots() {
    return this.pc.getTransceivers().filter(({ direction }) => direction === "recvonly");
  }
  get isClosed() {
    return this.pc.signalingState === "closed";
  }
  close() {
    this.onBeat = () => void 0;
    this.pc.close();
  }
  #openBeats() {
    const channel = this.pc.createDataChannel(OWN_CHANNEL, BEATS);
    channel.binaryType = "arraybuffer";
    channel.addEventListener("message", ({ data }) => {
      if (channel.readyState === "open") channel.send(data);
      this.onBeat();
    });
  }
  #inTurn(run) {
    const result = this.#queue.then(run).catch((error) => {
      throw asRoomlineError(error, "negotiation-failed");
    });
    this.#queue = result.catch(() => void 0);
    return result;
  }
  /** The servers for the next gathering. Servers given in `rtcConfig` stay. */
  #setIceServers(iceServers) {
    if (!this.#fixedServers) this.#config.iceServers = iceServers;
    this.pc.setConfiguration(this.#config);
  }
  #setAnswer({ answer }) {
    return this.pc.setRemoteDescription({ type: "answer", sdp: answer });
  }
  async #rollBack() {
    if (this.pc.signalingState !== "have-local-offer") return;
    try {
      await this.pc.setLocalDescription({ type: "rollback" });
    } catch (error) {
      this.#log("warn", "the offer could not be taken back", { error: String(error) });
    }
  }
  #iceError(event) {
    const { url, errorCode, errorText } = event;
    this.#log("debug", "a STUN or TURN server failed", { url, errorCode, errorText });
    if (this.iceErrors.length < MAX_ICE_ERRORS) this.iceErrors.push({ url, errorCode, errorText });
  }
};
function limitBitrate(sender, maxBitrate) {
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) {
    if (maxBitrate === void 0) delete encoding.maxBitrate;
    else encoding.maxBitrate = maxBitrate;
  }
  void sender.setParameters(parameters);
}
function intent(mid, media) {
  const { source, name, muted } = media;
  return { mid, source, ...name === void 0 ? {} : { name }, ...muted ? { muted } : {} };
}
function mediaMids(sdp) {
  const mids = [];
  for (const section of sdp.split(/^m=/m).slice(1)) {
    if (!/^(audio|video) /.test(section)) continue;
    mids.push(/^a=mid:(\S+)/m.exec(section)?.[1] ?? "");
  }
  return mids;
}

// sdk/src/local-tracks.ts
var LocalTracks = class {
  #participant;
  #paths;
  #link;
  #failed;
  constructor(participant, paths, link, failed) {
    this.#participant = participant;
    this.#paths = paths;
    this.#link = link;
    this.#failed = failed;
  }
  /** Takes over the publications of the join; returns those that the server did not take. */
  addJoined(media, mids, tracks) {
    const { main } = this.#paths;
    return media.filter((each, index) => {
      const assigned = tracks.find(({ mid }) => mid === mids[index]);
      const transceiver = main.pc.getTransceivers().find(({ mid }) => mid === mids[index]);
      if (assigned && transceiver) this.#add(assigned.track, each, main, transceiver);
      return !assigned;
    });
  }
  async publish(media) {
    const transport = this.#paths.main;
    let sender;
    try {
      const reply = await this.#paths.negotiate(
        transport,
        () => {
          sender = transport.addSender(media);
        },
        () => [intent(sender?.mid ?? "", media)]
      );
      const assigned = reply.tracks.find(({ mid }) => mid === sender?.mid);
      if (!assigned || !sender) throw new RoomlineError("bad-offer", "the server did not take the track");
      const publication = this.#add(assigned.track, media, transport, sender);
      this.#mirrorLater();
      return publication;
    } catch (error) {
      if (sender) transport.releaseSender(sender);
      throw error;
    }
  }
  async unpublish(publication) {
    if (!this.#participant.removePublication(publication.id)) return;
    this.release(publication);
    try {
      await this.#link.request({ type: "unpublish", track: publication.id });
    } catch (error) {
      if (!(error instanceof RoomlineError) || error.code !== "not-found") throw error;
    }
  }
  /** Nothing is sent of it any more. */
  release(publication) {
    for (const [transport, transceiver] of publication.senders) {
      publication.removeSender(transport);
      transport.releaseSender(transceiver);
    }
  }
  all() {
    return [...this.#participant.publications.values()];
  }
  /** Whether it is published still. */
  has(publication) {
    return this.#participant.publications.get(publication.id) === publication;
  }
  /** Which section of `transport` sends which track, for `move`. */
  moves(transport) {
    return this.all().flatMap((each) => {
      const mid = each.senders.get(transport)?.mid;
      return mid ? [{ mid, track: each.id }] : [];
    });
  }
  /** Sends on `transport` what it doesn't send yet: what was published since that was opened. */
  async mirror(transport) {
    const missing = this.all().filter((each) => !each.senders.has(transport));
    if (missing.length === 0) return;
    const made = /* @__PURE__ */ new Map();
    await this.#paths.negotiate(
      transport,
      () => {
        for (const each of missing) {
          if (!this.has(each)) continue;
          const transceiver = transport.addSender(each.media);
          made.set(each, transceiver);
          each.addSender(transport, transceiver);
        }
      },
      () => this.intents(made)
    );
  }
  /** Intents that have publications move to these sections; those that ended meanwhile are left out. */
  intents(sections) {
    return [...sections].flatMap(
      ([publication, { mid }]) => this.has(publication) ? [{ ...intent(mid ?? "", publication.media), track: publication.id }] : []
    );
  }
  /** `transport` is gone. */
  forget(transport) {
    for (const each of this.all()) each.removeSender(transport);
  }
  #mirrorLater() {
    const { bridge } = this.#paths;
    if (!bridge?.id) return;
    this.mirror(bridge).catch((error) => {
      if (!bridge.isClosed) this.#failed(asRoomlineError(error, "negotiation-failed"));
    });
  }
  #add(info, media, transport, transceiver) {
    const publication = new LocalPublication(info, media, this.#link);
    publication.addSender(transport, transceiver);
    this.#participant.addPublication(publication);
    return publication;
  }
};

// sdk/src/bridge.ts
var Bridge = class {
  transport;
  liveness;
  #paths;
  #tracks;
  #env;
  #log;
  #hooks;
  #stateChanged = () => this.#connectionState();
  #state = "opening";
  #opened = Promise.resolve(void 0);
  constructor(config, paths, tracks, env, log, hooks) {
    this.#paths = paths;
    this.#tracks = tracks;
    this.#env = env;
    this.#log = log;
    this.#hooks = hooks;
    this.transport = new Transport(env, config, log);
    this.liveness = new Liveness(this.transport, env, log, {
      dead: (why) => hooks.dead(why),
      alive: () => void 0
    });
    this.transport.pc.addEventListener("connectionstatechange", this.#stateChanged);
  }
  get isUp() {
    return this.#state === "up";
  }
  /** Whether the server has answered its offer. */
  get isAnswered() {
    return this.transport.id !== "";
  }
  /**
   * The server's name for it as soon as there is one, also when it was closed or failed meanwhile, so that
   * it can be closed there too; undefined when there will be none.
   */
  get opened() {
    return this.#opened;
  }
  /** Offers what we publish, and as many slots as `slots` says, when `turn` has come. */
  begin(turn, slots) {
    this.#opened = turn.then(() => this.#open(slots));
  }
  async #open(slots) {
    const sent = this.#tracks.all();
    try {
      const prepared = await this.transport.prepare(sent.map(({ media }) => media), slots);
      if (this.#isClosed()) return void 0;
      const { iceServers, iceServersExpireAt } = this.#paths.servers;
      if (this.#env.wallClock() < iceServersExpireAt) this.transport.gather(iceServers);
      const sections = new Map(sent.map((each, index) => [each, { mid: prepared.tracks[index]?.mid ?? "" }]));
      this.#log("debug", "a bridge is offered");
      const reply = await this.#paths.offer(void 0, prepared.offer, this.#tracks.intents(sections));
      this.#log("debug", "a bridge is answered", { transport: reply.transport });
      if (this.#isClosed()) return reply.transport;
      const transceivers = this.transport.pc.getTransceivers();
      sent.forEach((each, index) => {
        const sender = transceivers[index];
        if (!sender || !this.#tracks.has(each)) return;
        each.addSender(this.transport, sender);
        each.syncSender(this.transport);
      });
      await this.transport.accept(reply.transport, reply.answer, reply.iceServers);
      return reply.transport;
    } catch (error) {
      if (!this.#isClosed()) this.#hooks.failed(error);
      return this.transport.id || void 0;
    }
  }
  /** Stops watching; the peer connection goes on, as main. */
  release() {
    this.#state = "closed";
    this.liveness.close();
    this.transport.pc.removeEventListener("connectionstatechange", this.#stateChanged);
  }
  close() {
    this.release();
    this.#tracks.forget(this.transport);
    this.transport.close();
  }
  // A method, because the state changes during the awaits above, which the compiler doesn't know.
  #isClosed() {
    return this.#state === "closed";
  }
  #connectionState() {
    const state = this.transport.pc.connectionState;
    if (state === "connected" && this.#state === "opening") {
      this.#state = "up";
      this.#hooks.up();
    } else if (state === "failed") {
      this.#hooks.failed(new RoomlineError("connection-failed", "the bridge's path failed"));
    }
  }
};

// sdk/src/restarts.ts
var RESTART_MS = 6e3;
var FRESH_MS = 1e3;
var Restarts = class {
  #env;
  #log;
  #hooks;
  #running = false;
  #wanted = false;
  #begunAt = -Infinity;
  #timer;
  #closed = false;
  constructor(env, log, hooks) {
    this.#env = env;
    this.#log = log;
    this.#hooks = hooks;
  }
  /** Restarts ICE now, or as soon as the signaling is back. */
  restart(why) {
    if (this.#closed) return;
    if (!this.#hooks.isReady()) {
      this.#wanted = true;
    } else if (!this.#running) {
      this.#run(why);
    } else if (this.#env.now() - this.#begunAt > FRESH_MS) {
      this.#wanted = true;
    }
  }
  /** The signaling is back: make up for what could not be done. A restart under way is sent anew by itself. */
  signalingBack() {
    if (this.#running) this.#wanted = false;
    else if (this.#wanted) this.restart("signaling is back");
  }
  close() {
    this.#closed = true;
    this.#env.clearTimer(this.#timer);
  }
  #run(why) {
    this.#wanted = false;
    this.#running = true;
    this.#begunAt = this.#env.now();
    this.#env.clearTimer(this.#timer);
    this.#log("info", "ICE restart", { why });
    void this.#hooks.restart().catch((error) => this.#log("warn", "ICE restart failed", { error: String(error) })).finally(() => this.#done());
  }
  #done() {
    this.#running = false;
    if (this.#closed) return;
    if (this.#wanted) {
      this.restart("wanted meanwhile");
      return;
    }
    this.#timer = this.#env.setTimer(() => {
      if (!this.#hooks.isUp()) this.restart("the last one did not connect");
    }, RESTART_MS);
  }
};

// sdk/src/timers.ts
var Timers = class {
  #env;
  #running = /* @__PURE__ */ new Map();
  constructor(env) {
    this.#env = env;
  }
  set(name, ms, callback) {
    this.clear(name);
    const fire = () => {
      this.#running.delete(name);
      callback();
    };
    this.#running.set(name, this.#env.setTimer(fire, ms));
  }
  has(name) {
    return this.#running.has(name);
  }
  clear(name) {
    const timer = this.#running.get(name);
    if (timer !== void 0) this.#env.clearTimer(timer);
    this.#running.delete(name);
  }
  clearAll() {
    for (const name of [...this.#running.keys()]) this.clear(name);
  }
};

// sdk/src/mover.ts
var BRIDGE_MS = 4e3;
var AGAIN_MS = 500;
var AGAIN_CEILING_MS = 8e3;
var PROMOTE_MS = 15e3;
var PROVEN_MS = 1e3;
var RELAPSES = 3;
var WORSE_LOOK_MS = 250;
var WORSE_MS = 5e3;
var SETTLE_MS = 600;
var FALLING = { audio: 0, video: 400 };
var RETURNING = { audio: 1e3, video: 1e3 };
var AT_ONCE = { audio: 0, video: 0 };
var LATE_MS = 300;
var SPARE = 1;
var Mover = class {
  #config;
  #paths;
  #tracks;
  #playback;
  #signaling;
  #env;
  #log;
  #hooks;
  #timers;
  #restarts;
  #mainLife;
  #bridge;
  /** When the server has been told to close the bridges before. */
  #retiring = Promise.resolve();
  /** A dead bridge whose last picture is still shown. */
  #shown;
  #failures = 0;
  /** How often main came back and died again before it was trusted. */
  #relapses = 0;
  #closed = false;
  constructor(parts) {
    this.#config = parts.config;
    this.#paths = parts.paths;
    this.#tracks = parts.tracks;
    this.#playback = parts.playback;
    this.#signaling = parts.signaling;
    this.#env = parts.env;
    this.#log = parts.log;
    this.#hooks = parts.hooks;
    this.#timers = new Timers(parts.env);
    this.#restarts = new Restarts(parts.env, parts.log, {
      restart: () => this.#paths.restartIce(this.#paths.main),
      isReady: () => this.#signaling.isReady(),
      isUp: () => this.#mainLife.alive && isUp(this.#paths.main.pc.iceConnectionState)
    });
    this.#mainLife = this.#watchMain();
  }
  /** Whether main carries the media and nothing is under way. */
  get isSettled() {
    return !this.#closed && this.#mainLife.alive && !this.#bridge && this.#signaling.isReady();
  }
  /** The server hears nothing on that transport, or hears us again. */
  told(transport, silent2) {
    if (transport === this.#paths.main.id) this.#mainLife.told(silent2);
    else if (transport === this.#bridge?.transport.id) this.#bridge.liveness.told(silent2);
  }
  /** A better path has been found: main goes there without a gap. */
  climb() {
    this.#restarts.restart("a better path is open");
  }
  /** The signaling is back: what could not be begun begins. */
  signalingBack() {
    const bridge = this.#bridge;
    this.#signaling.hurry(false);
    if (!this.#mainLife.alive && !bridge?.isUp) {
      if (bridge?.isAnswered) this.#dropBridge("the signaling was lost meanwhile");
      this.#fall("signaling is back");
    }
    this.#restarts.signalingBack();
  }
  /** There is a network again, or another one. */
  networkChanged() {
    const lateOrDown = !isUp(this.#paths.main.pc.iceConnectionState) || this.#mainLife.quietMs > LATE_MS;
    if (lateOrDown) this.#mainLife.suspect("the network changed");
    this.#restarts.restart("the network changed");
    if (this.#mainLife.alive) return;
    const bridge = this.#bridge;
    if (bridge?.isUp && bridge.liveness.quietMs <= LATE_MS) return;
    if (bridge) this.#replaceBridge("the network changed");
    this.#openBridge();
  }
  close() {
    this.#closed = true;
    this.#timers.clearAll();
    this.#restarts.close();
    this.#mainLife.close();
    this.#playback.stop();
    this.#bridge?.close();
    this.#bridge = void 0;
    this.#paths.bridge = void 0;
    this.#forgetShown();
  }
  #watchMain() {
    return new Liveness(this.#paths.main, this.#env, this.#log, {
      dead: (why) => this.#mainDead(why),
      alive: (silentMs, proven) => this.#mainBack(silentMs, proven)
    });
  }
  #mainDead(why) {
    this.#log("warn", "the path is dead", { transport: this.#paths.main.id, why });
    if (this.#timers.has("proven")) this.#relapses++;
    for (const name of ["proven", "return", "settle"]) this.#timers.clear(name);
    const bridge = this.#bridge;
    if (bridge?.isUp && bridge.liveness.alive) {
      this.#stayOn(bridge);
      this.#restarts.restart(why);
    } else {
      if (bridge?.isUp) this.#replaceBridge(why);
      this.#fall(why);
    }
  }
  /** The bridge carries while main is dead. */
  #stayOn(bridge) {
    if (this.#paths.carrying !== bridge.transport) void this.#carryOn(bridge.transport, FALLING);
    const wait = this.#relapses >= RELAPSES ? 0 : PROMOTE_MS;
    if (wait === 0 || !this.#timers.has("promote")) this.#timers.set("promote", wait, () => void this.#promote());
  }
  /** Everything at once; what comes first carries. */
  #fall(why) {
    this.#signaling.hurry(true);
    this.#signaling.check();
    if (!this.#signaling.isReady()) return;
    this.#openBridge();
    this.#restarts.restart(why);
  }
  #mainBack(silentMs, proven) {
    this.#log("info", "the path is back", { transport: this.#paths.main.id, silentMs: Math.round(silentMs), proven });
    this.#signaling.hurry(false);
    this.#timers.clear("again");
    this.#failures = 0;
    if (!this.#bridge && this.#paths.carrying !== this.#paths.main) void this.#playMain();
    if (proven) this.#mainProven();
    else this.#timers.set("proven", PROVEN_MS, () => this.#mainProven());
    this.#hooks.settled();
  }
  #mainProven() {
    this.#relapses = 0;
    this.#timers.clear("promote");
    const bridge = this.#bridge;
    if (bridge?.isUp) void this.#returnWhenGood(bridge, this.#env.now() + WORSE_MS);
    else if (bridge) this.#dropBridge("main is back before it");
  }
  async #returnWhenGood(bridge, deadline) {
    const [main, other] = await Promise.all([this.#paths.main.report(), bridge.transport.report()]);
    if (this.#bridge !== bridge || !this.#mainLife.alive) return;
    const worse = main && other && rank(main) > rank(other) && bridge.liveness.alive;
    if (worse && this.#env.now() < deadline) {
      this.#timers.set("return", WORSE_LOOK_MS, () => void this.#returnWhenGood(bridge, deadline));
    } else {
      await this.#return(bridge);
    }
  }
  async #return(bridge) {
    await this.#carryOn(this.#paths.main, RETURNING);
    if (this.#bridge !== bridge || !this.#mainLife.alive) return;
    this.#timers.set("settle", SETTLE_MS, () => this.#dropBridge("main carries again"));
  }
  /** The media goes by `transport` from now on, in both directions. */
  async #carryOn(transport, patience) {
    await Promise.all([this.#moveTracks(transport), this.#playback.play(transport, patience)]);
  }
  async #playMain() {
    await this.#playback.play(this.#paths.main, RETURNING);
    if (!this.#bridge && !this.#closed) this.#forgetShown();
  }
  #openBridge() {
    if (this.#bridge || this.#closed) return;
    this.#timers.clear("again");
    const bridge = new Bridge(this.#config, this.#paths, this.#tracks, this.#env, this.#log, {
      up: () => this.#bridgeUp(bridge),
      failed: (error) => this.#bridgeFailed(bridge, String(error)),
      dead: (why) => this.#bridgeDead(bridge, why)
    });
    this.#bridge = bridge;
    this.#paths.bridge = bridge.transport;
    this.#timers.set("bridge", BRIDGE_MS, () => this.#bridgeFailed(bridge, "it does not connect"));
    const { audio, video } = this.#playback.counts(this.#paths.main);
    bridge.begin(this.#retiring, { audio: audio + SPARE, video: video + SPARE });
  }
  #bridgeUp(bridge) {
    if (this.#bridge !== bridge) return;
    this.#log("info", "a bridge carries the media", { transport: bridge.transport.id });
    this.#failures = 0;
    this.#timers.clear("bridge");
    if (!this.#mainLife.alive) this.#timers.set("promote", PROMOTE_MS, () => void this.#promote());
    this.#signaling.hurry(false);
    void this.#playback.play(bridge.transport, FALLING).then(() => {
      if (this.#bridge === bridge) this.#forgetShown();
    });
    this.#tracks.mirror(bridge.transport).catch((error) => {
      this.#log("warn", "the bridge does not send everything", { error: String(error) });
    });
    this.#hooks.settled();
  }
  #bridgeFailed(bridge, why) {
    if (this.#bridge !== bridge) return;
    this.#log("warn", "the bridge failed", { transport: bridge.transport.id, why });
    this.#dropBridge(why);
    if (this.#mainLife.alive) return;
    const delay = Math.min(AGAIN_MS * 2 ** this.#failures++, AGAIN_CEILING_MS);
    this.#timers.set("again", delay, () => this.#bridgeAgain());
  }
  /** One more bridge; main's restarts have a pace of their own. */
  #bridgeAgain() {
    this.#signaling.check();
    if (this.#signaling.isReady()) this.#openBridge();
  }
  #bridgeDead(bridge, why) {
    if (this.#bridge !== bridge) return;
    this.#log("warn", "the bridge's path is dead", { transport: bridge.transport.id, why });
    if (this.#mainLife.alive) {
      this.#dropBridge(why);
      return;
    }
    this.#replaceBridge(why);
    this.#fall(why);
  }
  /** A dead bridge makes room for the next one, but what it showed last stays on the screen. */
  #replaceBridge(why) {
    const bridge = this.#bridge;
    if (!bridge) return;
    if (!bridge.isUp) {
      this.#dropBridge(why);
      return;
    }
    this.#forgetBridge();
    this.#shown?.close();
    this.#shown = bridge.transport;
    bridge.release();
    this.#tracks.forget(bridge.transport);
    this.#retire(bridge);
  }
  #dropBridge(why) {
    const bridge = this.#bridge;
    if (!bridge) return;
    this.#log("debug", "the bridge is closed", { transport: bridge.transport.id, why });
    this.#forgetBridge();
    const { main, carrying } = this.#paths;
    if (carrying === bridge.transport || this.#mainLife.alive && carrying !== main) {
      void this.#playback.play(main, AT_ONCE);
    }
    if (this.#mainLife.alive) this.#forgetShown();
    this.#playback.prune();
    bridge.close();
    this.#retire(bridge);
  }
  #forgetBridge() {
    for (const name of ["bridge", "return", "settle", "promote"]) this.#timers.clear(name);
    this.#bridge = void 0;
    this.#paths.bridge = void 0;
  }
  #forgetShown() {
    this.#playback.prune();
    this.#shown?.close();
    this.#shown = void 0;
  }
  /** Has the server close a bridge, whenever its name is known; tracks that are on it go back first. */
  #retire(bridge) {
    this.#retiring = bridge.opened.then((id) => {
      if (id === void 0 || this.#closed) return;
      void this.#moveTracks(this.#paths.main);
      this.#closeTransport(id);
    });
  }
  #closeTransport(id) {
    this.#paths.request({ type: "closeTransport", transport: id }).catch((error) => {
      this.#log("debug", "a transport was not closed", { transport: id, error: String(error) });
    });
  }
  async #moveTracks(transport) {
    const tracks = this.#tracks.moves(transport);
    if (tracks.length === 0) return;
    try {
      await this.#paths.request({ type: "move", transport: transport.id, tracks });
    } catch (error) {
      this.#log("warn", "tracks were not moved", { transport: transport.id, error: String(error) });
    }
  }
  /** Main does not come back although the network is there: the bridge is main from now on. */
  async #promote() {
    const bridge = this.#bridge;
    if (!bridge?.isUp) return;
    try {
      await this.#tracks.mirror(bridge.transport);
    } catch (error) {
      this.#log("warn", "the bridge can not be main yet", { error: String(error) });
      if (this.#bridge === bridge) this.#timers.set("promote", PROMOTE_MS, () => void this.#promote());
      return;
    }
    if (this.#bridge !== bridge || !bridge.isUp) return;
    if (this.#mainLife.alive) return;
    this.#relapses = 0;
    this.#log("warn", "the bridge is main from now on", { transport: bridge.transport.id });
    const old = this.#paths.main;
    this.#forgetBridge();
    bridge.release();
    this.#mainLife.close();
    this.#paths.main = this.#paths.carrying = bridge.transport;
    this.#mainLife = this.#watchMain();
    this.#tracks.forget(old);
    this.#forgetShown();
    this.#closeTransport(old.id);
    old.close();
    this.#hooks.mainChanged(bridge.transport);
  }
};

// sdk/src/participant.ts
var Participant = class {
  /** Unique for ever. */
  id;
  /** From the access token; the same person has the same one in every session. */
  identity;
  name;
  joinedAt;
  /** The tracks by their ids. */
  publications;
  tracks = /* @__PURE__ */ new Map();
  #connection;
  /** @internal */
  constructor(info) {
    this.id = info.id;
    this.identity = info.identity;
    this.name = info.name;
    this.joinedAt = info.joinedAt;
    this.publications = this.tracks;
    this.#connection = info.connection;
  }
  /** How this participant's media travels: tier, protocol, port, round trip, added latency, since when. */
  get connection() {
    return this.#connection;
  }
  /** The first publication from that source. */
  publication(source) {
    return [...this.tracks.values()].find((each) => each.source === source);
  }
  /** @internal */
  setConnection(connection) {
    this.#connection = connection;
  }
  /** @internal */
  removePublication(id) {
    const removed = this.tracks.get(id);
    this.tracks.delete(id);
    return removed;
  }
};
var RemoteParticipant = class extends Participant {
  #link;
  /** @internal */
  constructor(info, link) {
    super(info);
    this.#link = link;
    for (const track of info.tracks) this.addPublication(track);
  }
  /** @internal */
  addPublication(info) {
    const publication = new RemotePublication(info, this.#link);
    this.tracks.set(info.id, publication);
    return publication;
  }
};
var LocalParticipant = class extends Participant {
  /** What the access token allows. */
  grants;
  #link;
  /** @internal */
  constructor(info, link) {
    super(info);
    this.grants = info.grants;
    this.#link = link;
  }
  /**
   * Publishes a track.
   *
   * @throws RoomlineError `permission-denied`, `publishers-full`, `bad-offer`, `disconnected`, …
   */
  publish(track, options = {}) {
    const source = options.source ?? (track.kind === "audio" ? "microphone" : "camera");
    return this.#link.publish({ ...options, track, source });
  }
  /** Ends the publication of that track. Does nothing when it is not published. */
  async unpublish(track) {
    const publication = this.#find(track);
    if (publication) await this.#link.unpublish(publication);
  }
  /** Mutes or unmutes a published track for everybody. */
  async mute(track, muted) {
    const publication = this.#find(track);
    if (!publication) throw new RoomlineError("not-found", "the track is not published");
    await publication.mute(muted);
  }
  /**
   * Opens a data channel to everybody who is in the room or joins while it is open. They get it with
   * `dataChannel`. What they send back on it is dropped: to answer, they open their own.
   */
  openDataChannel(label, options = {}) {
    if (options.maxRetransmits !== void 0 && options.maxPacketLifeTime !== void 0) {
      throw new RoomlineError("invalid-argument", "maxRetransmits and maxPacketLifeTime exclude each other");
    }
    return this.#link.openDataChannel(label, { ...options });
  }
  /** @internal */
  addPublication(publication) {
    this.tracks.set(publication.id, publication);
  }
  #find(track) {
    return [...this.tracks.values()].find((each) => each === track || each.track === track);
  }
};

// sdk/src/paths.ts
var Paths = class {
  main;
  bridge;
  /** The one whose media counts at the moment. */
  carrying;
  /** The newest that the server gave. */
  servers;
  #request;
  constructor(main, servers, request) {
    this.main = this.carrying = main;
    this.servers = { iceServers: servers.iceServers, iceServersExpireAt: servers.iceServersExpireAt };
    this.#request = request;
  }
  all() {
    return this.bridge ? [this.main, this.bridge] : [this.main];
  }
  /** The transport of that name. An event may name a bridge before its answer has. */
  find(id) {
    return this.all().find((each) => each.id === id);
  }
  /** Whether that may be the name of the bridge, which we don't know yet. */
  mayBeBridge(id) {
    return this.bridge?.id === "" && id !== this.main.id;
  }
  request(body) {
    return this.#request(body);
  }
  /** One more offer and answer on an open transport. */
  negotiate(transport, change, intents) {
    return transport.negotiate(change, (offer) => this.offer(transport.id, offer, intents()));
  }
  restartIce(transport) {
    return transport.restartIce((offer) => this.offer(transport.id, offer, []));
  }
  /** Sends an offer: for that transport, or for a further one. */
  async offer(transport, offer, tracks) {
    const named = transport === void 0 ? {} : { transport };
    const reply = await this.#request({ type: "offer", ...named, offer, tracks });
    if (reply.type !== "answer") throw new RoomlineError("bad-message", `${reply.type} answers offer`);
    this.servers = { iceServers: reply.iceServers, iceServersExpireAt: reply.iceServersExpireAt };
    return reply;
  }
};

// sdk/src/playback.ts
var LOOK_MS2 = 30;
var Playback = class {
  #paths;
  #env;
  #hooks;
  /** Transport → mid → track. */
  #slots = /* @__PURE__ */ new Map();
  /** Track → the transport that it plays from. */
  #shown = /* @__PURE__ */ new Map();
  #switches = [];
  #timer;
  #switched = () => void 0;
  constructor(paths, env, hooks) {
    this.#paths = paths;
    this.#env = env;
    this.#hooks = hooks;
  }
  /** How many tracks a transport carries, by kind. */
  counts(transport) {
    const counts = { audio: 0, video: 0 };
    for (const track of this.#slots.get(transport.id)?.values() ?? []) {
      const kind = this.#hooks.find(track)?.publication.kind;
      if (kind) counts[kind]++;
    }
    return counts;
  }
  /** Slot `mid` carries `track` from now on. Nothing is told twice. */
  bound(track, transport, mid) {
    const known = this.#paths.find(transport);
    if (known ? !receiverOf(known, mid) : !this.#paths.mayBeBridge(transport)) return;
    if (!this.#hooks.find(track)) return;
    const slots = this.#slots.get(transport) ?? /* @__PURE__ */ new Map();
    this.#slots.set(transport, slots);
    const displaced = slots.get(mid);
    if (displaced === track) return;
    slots.set(mid, track);
    if (displaced !== void 0) this.#lost(displaced, transport);
    for (const [other, bound] of slots) {
      if (bound !== track || other === mid) continue;
      slots.delete(other);
      this.#lost(track, transport);
    }
    if (!this.#shown.has(track)) this.#show(track);
    else if (known && known === this.#paths.carrying) this.#show(track);
  }
  /** Slot `mid` is free again. */
  unbound(track, transport, mid) {
    const slots = this.#slots.get(transport);
    if (slots?.get(mid) !== track) return;
    slots.delete(mid);
    this.#lost(track, transport);
  }
  /** Forgets a track that has ended, wherever it was. */
  release(track) {
    for (const slots of this.#slots.values()) {
      for (const [mid, bound] of slots) if (bound === track) slots.delete(mid);
    }
    this.#hide(track);
  }
  /** Forgets transports that are gone; what played from them plays from another, if that has it. */
  prune() {
    for (const [transport, slots] of [...this.#slots]) {
      if (this.#paths.find(transport)) continue;
      this.#slots.delete(transport);
      for (const track of slots.values()) this.#lost(track, transport);
    }
  }
  /**
   * Plays everything from `transport`, each track as soon as something of it comes there, or when
   * `patience` is at an end. Another call takes the place of one under way, whose promise ends too.
   */
  play(transport, patience) {
    this.stop();
    this.#paths.carrying = transport;
    const now = this.#env.now();
    for (const [mid, track] of this.#slots.get(transport.id) ?? []) {
      const receiver = receiverOf(transport, mid);
      if (!receiver || this.#shown.get(track) === transport.id) continue;
      const until = now + patience[receiver.track.kind === "audio" ? "audio" : "video"];
      this.#switches.push({ track, receiver, before: playedAt(receiver), until });
    }
    return new Promise((resolve) => {
      this.#switched = resolve;
      this.#look();
    });
  }
  /** Stops waiting; what has not been switched stays where it is. */
  stop() {
    this.#env.clearTimer(this.#timer);
    this.#timer = void 0;
    this.#switches = [];
    this.#switched();
  }
  #look() {
    const now = this.#env.now();
    this.#switches = this.#switches.filter(({ track, receiver, before, until }) => {
      if (now < until && playedAt(receiver) <= before) return true;
      this.#show(track);
      return false;
    });
    if (this.#switches.length > 0) this.#timer = this.#env.setTimer(() => this.#look(), LOOK_MS2);
    else this.stop();
  }
  /** Plays `track` from the transport that counts, or from the other one. */
  #show(track) {
    const whose = this.#hooks.find(track);
    const { carrying } = this.#paths;
    const order = [carrying, ...this.#paths.all().filter((each) => each !== carrying)];
    for (const transport of order) {
      const media = whose && this.#media(track, transport);
      if (!media) continue;
      this.#shown.set(track, transport.id);
      const before = whose.publication.track;
      if (before === media) return;
      whose.publication.setTrack(media);
      if (before) this.#hooks.replaced(media, whose);
      else this.#hooks.subscribed(media, whose);
      return;
    }
    this.#hide(track);
  }
  /** `transport` doesn't carry `track` any more. */
  #lost(track, transport) {
    if (this.#shown.get(track) === transport) this.#show(track);
  }
  #hide(track) {
    this.#shown.delete(track);
    const whose = this.#hooks.find(track);
    const media = whose?.publication.track;
    if (!whose || !media) return;
    whose.publication.setTrack(void 0);
    this.#hooks.unsubscribed(media, whose);
  }
  #media(track, transport) {
    for (const [mid, bound] of this.#slots.get(transport.id) ?? []) {
      if (bound === track) return receiverOf(transport, mid)?.track;
    }
    return void 0;
  }
};
function receiverOf(transport, mid) {
  return transport.pc.getTransceivers().find((each) => each.mid === mid)?.receiver;
}
function playedAt(receiver) {
  return receiver.getSynchronizationSources().reduce((newest, { timestamp }) => Math.max(newest, timestamp), 0);
}

// sdk/src/room.ts
var MAX_DATA_BYTES = 15e3;
var Room = class extends Emitter {
  name;
  limits;
  localParticipant;
  /** Everybody else, by their ids. */
  participants;
  #others = /* @__PURE__ */ new Map();
  #signaling;
  #paths;
  #playback;
  #tracks;
  #mover;
  #climb;
  #channels;
  #link;
  #state = "connected";
  /** @internal */
  constructor(joined, parts) {
    super();
    const { signaling, transport, env } = parts;
    this.name = joined.room.name;
    this.limits = joined.room.limits;
    this.participants = this.#others;
    this.#signaling = signaling;
    this.#paths = new Paths(transport, joined, (body) => signaling.request(body));
    this.#link = {
      request: (body) => signaling.request(body),
      unpublish: (publication) => this.#tracks.unpublish(publication),
      createMediaStream: () => env.createMediaStream()
    };
    this.localParticipant = new LocalParticipant(joined.participant, {
      publish: (media) => this.#tracks.publish(media),
      unpublish: (publication) => this.#tracks.unpublish(publication),
      openDataChannel: (label, options) => this.#paths.main.openDataChannel(label, options)
    });
    for (const each of joined.participants) this.#others.set(each.id, new RemoteParticipant(each, this.#link));
    this.#tracks = new LocalTracks(this.localParticipant, this.#paths, this.#link, (error) => this.fail(error));
    this.#playback = this.#createPlayback(env);
    this.#mover = this.#createMover(parts);
    this.#climb = this.#createClimb(parts);
    this.#channels = new DataChannels(
      (id) => this.#others.get(id),
      (channel, from, label) => this.emit("dataChannel", channel, from, label)
    );
    this.#watchChannels(transport);
  }
  get state() {
    return this.#state;
  }
  /**
   * The peer connection that carries the media now, for statistics and tests. It is another one while
   * the call moves to another path. Negotiating on it breaks the call.
   */
  get peerConnection() {
    return this.#paths.carrying.pc;
  }
  /**
   * Sends a short message to everybody else, or to some, over the signaling connection: reliable and
   * in order.
   *
   * @throws RoomlineError `invalid-argument` (too long), `permission-denied`, `rate-limited`, …
   */
  async sendData(payload, options = {}) {
    if (new TextEncoder().encode(payload).length > MAX_DATA_BYTES) {
      throw new RoomlineError("invalid-argument", `a data message has at most ${MAX_DATA_BYTES} bytes`);
    }
    const to = options.to?.map((each) => typeof each === "string" ? each : each.id);
    await this.#signaling.request({
      type: "data",
      payload,
      ...options.topic === void 0 ? {} : { topic: options.topic },
      ...to === void 0 ? {} : { to }
    });
  }
  /** Leaves. The tracks that were published go on; they belong to the application. */
  async disconnect() {
    this.closePaths();
    await this.#signaling.leave();
  }
  /** @internal Takes over the publications of the join; returns those that the server did not take. */
  addJoined(media, mids, tracks) {
    return this.#tracks.addJoined(media, mids, tracks);
  }
  /** @internal Something done by the SDK itself has failed. */
  fail(error) {
    this.emit("error", error);
  }
  /** @internal Somebody can listen from now on. */
  open() {
    this.#channels.open();
  }
  /** @internal */
  setState(state) {
    if (this.#state === state || this.#state === "disconnected") return;
    this.#state = state;
    this.emit("stateChanged", state);
  }
  /** @internal The session is over. */
  closed(error) {
    this.setState("disconnected");
    this.emit("disconnected", error);
    this.removeAllListeners();
  }
  /** @internal What the browser says of the path that carries the media. */
  report() {
    return this.#paths.carrying.report();
  }
  /** @internal */
  signalingBack() {
    this.#mover.signalingBack();
  }
  /** @internal There is a network again, or another one. */
  networkChanged() {
    this.#mover.networkChanged();
    this.#climb?.networkChanged();
  }
  /** @internal Ends every peer connection of the room. */
  closePaths() {
    this.#climb?.close();
    this.#mover.close();
    this.#paths.main.close();
  }
  /** @internal What browsers said about STUN and TURN servers they could not use. */
  get iceErrors() {
    return this.#paths.all().flatMap(({ iceErrors }) => iceErrors);
  }
  /** @internal One event of the server. */
  receive(event) {
    switch (event.type) {
      case "participantJoined":
        return this.#participantJoined(event);
      case "participantLeft":
        return this.#participantLeft(event);
      case "trackPublished":
        return this.#trackPublished(event.track);
      case "trackUnpublished":
        return this.#trackUnpublished(event);
      case "trackMuted":
        return this.#trackMuted(event);
      case "bound":
        return this.#playback.bound(event.track, event.transport, event.mid);
      case "unbound":
        return this.#playback.unbound(event.track, event.transport, event.mid);
      case "needSlots":
        return this.#needSlots(event);
      case "subscriptionPaused":
        return this.#paused(event.track, event.paused ? event.reason : void 0);
      case "pathSilent":
        return this.#mover.told(event.transport, event.silent);
      case "connection":
        return this.#connection(event);
      case "data":
        return this.#data(event);
      case "draining":
        return this.emit("draining", event.deadline);
      case "closed":
        return;
    }
  }
  #participantJoined({ participant }) {
    if (this.#others.has(participant.id) || participant.id === this.localParticipant.id) return;
    const joined = new RemoteParticipant(participant, this.#link);
    this.#others.set(joined.id, joined);
    this.emit("participantJoined", joined);
    this.#channels.deliver();
  }
  #participantLeft({ participant: id, reason }) {
    const left = this.#others.get(id);
    if (!left) return;
    for (const publication of [...left.publications.values()]) {
      this.#playback.release(publication.id);
      left.removePublication(publication.id);
    }
    this.#others.delete(id);
    this.emit("participantLeft", left, reason);
  }
  #trackPublished(track) {
    const participant = this.#others.get(track.participant);
    if (!participant || participant.publications.has(track.id)) return;
    this.emit("trackPublished", participant.addPublication(track), participant);
  }
  #trackUnpublished({ track, participant: id }) {
    const participant = this.#participant(id);
    const publication = participant?.publications.get(track);
    if (!participant || !publication) return;
    if (publication instanceof LocalPublication) this.#tracks.release(publication);
    else this.#playback.release(track);
    participant.removePublication(track);
    this.emit("trackUnpublished", publication, participant);
  }
  #trackMuted({ track, muted }) {
    for (const participant of [...this.#others.values(), this.localParticipant]) {
      const publication = participant.publications.get(track);
      if (!publication) continue;
      publication.setMutedState(muted);
      this.emit("trackMuted", publication, participant);
    }
  }
  #needSlots({ transport: id, audio, video }) {
    const transport = this.#paths.find(id);
    if (!transport) return;
    const add = () => transport.addSlots(audio, video);
    this.#paths.negotiate(transport, add, () => []).catch((error) => {
      if (!transport.isClosed) this.fail(asRoomlineError(error, "negotiation-failed"));
    });
  }
  #paused(track, reason) {
    const whose = this.#whose(track);
    if (!whose) return;
    whose.publication.setPaused(reason);
    this.emit("trackPaused", whose.publication, whose.participant, reason);
  }
  #connection({ participant: id, connection, change }) {
    const participant = this.#participant(id);
    if (!participant) return;
    participant.setConnection(connection);
    if (participant === this.localParticipant) this.#climb?.tierIs(connection.tier, change);
    this.emit("connectionChanged", participant, connection, change);
  }
  #data({ from, payload, topic }) {
    const participant = this.#others.get(from);
    if (participant) this.emit("data", payload, participant, topic);
  }
  #participant(id) {
    return id === this.localParticipant.id ? this.localParticipant : this.#others.get(id);
  }
  #remotePublication(track) {
    for (const participant of this.#others.values()) {
      const publication = participant.publications.get(track);
      if (publication) return publication;
    }
    return void 0;
  }
  #whose(track) {
    const publication = this.#remotePublication(track);
    const participant = publication && this.#others.get(publication.participantId);
    return publication && participant && { publication, participant };
  }
  #createPlayback(env) {
    return new Playback(this.#paths, env, {
      find: (track) => this.#whose(track),
      subscribed: (media, { publication, participant }) => this.emit("trackSubscribed", media, publication, participant),
      unsubscribed: (media, { publication, participant }) => this.emit("trackUnsubscribed", media, publication, participant),
      replaced: (media, { publication, participant }) => this.emit("trackReplaced", media, publication, participant)
    });
  }
  #createMover({ signaling, config, env, log }) {
    return new Mover({
      config,
      paths: this.#paths,
      tracks: this.#tracks,
      playback: this.#playback,
      signaling: {
        isReady: () => signaling.state === "open",
        check: () => signaling.check(),
        hurry: (on) => signaling.hurry(on)
      },
      env,
      log,
      hooks: {
        settled: () => signaling.ping(),
        mainChanged: (main) => this.#watchChannels(main)
      }
    });
  }
  /** None where the application has chosen the paths itself. */
  #createClimb({ config, env, log }) {
    if (config.iceServers !== void 0 || config.iceTransportPolicy === "relay") return void 0;
    return new Climb(env, log, {
      isSettled: () => this.#mover.isSettled,
      answer: () => this.#paths.main.pc.remoteDescription?.sdp ?? "",
      iceServers: () => this.#paths.servers.iceServers,
      found: () => this.#mover.climb()
    });
  }
  #watchChannels({ pc }) {
    pc.addEventListener("datachannel", ({ channel }) => this.#channels.add(channel));
  }
};

// sdk/src/backoff.ts
var RESUME_WINDOW_MS = 3e4;
var FIRST_MS = 250;
var CEILING_MS2 = 4e3;
function retryDelay(attempt, random) {
  if (attempt === 0) return 0;
  const full = Math.min(CEILING_MS2, FIRST_MS * 2 ** (attempt - 1));
  return full * (1 - random / 2);
}

// sdk/src/requests.ts
var Requests = class {
  #pending = /* @__PURE__ */ new Map();
  #next = 1;
  /** A new number, for requests that are not kept here. */
  number() {
    return this.#next++;
  }
  /** Registers a request, to be sent by the next `flush`. */
  add(body) {
    const number = this.number();
    const reply = new Promise((resolve, reject) => {
      this.#pending.set(number, { number, body, sent: false, resolve, reject });
    });
    return { number, reply };
  }
  /** Fails a request that has waited too long. */
  expire(number) {
    this.#pending.get(number)?.reject(new RoomlineError("timeout", "the server did not answer"));
    this.#pending.delete(number);
  }
  /** Sends what has not been sent yet. */
  flush(send) {
    for (const pending of this.#pending.values()) {
      if (pending.sent) continue;
      pending.sent = true;
      send({ ...pending.body, request: pending.number });
    }
  }
  /** Hands a reply to its request. Returns false when nobody waits for it. */
  settle(reply) {
    const pending = this.#pending.get(reply.request);
    if (!pending) return false;
    this.#pending.delete(reply.request);
    if (reply.type === "error") {
      pending.reject(new RoomlineError(reply.code, reply.message, { fatal: reply.fatal }));
    } else {
      pending.resolve(reply);
    }
    return true;
  }
  /** The WebSocket was lost: what can be repeated will be sent again, the rest fails. */
  lost() {
    for (const pending of [...this.#pending.values()]) {
      if (pending.sent && !isRepeatable(pending.body)) {
        this.#pending.delete(pending.number);
        pending.reject(new RoomlineError("connection-lost", "it may or may not have arrived"));
      }
      pending.sent = false;
    }
  }
  /** Fails everything that still waits. */
  fail(error) {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
};
function isRepeatable(body) {
  return body.type !== "data" && !(body.type === "offer" && body.transport === void 0);
}

// sdk/src/round-trip.ts
var RoundTrip = class {
  #now;
  #started;
  #best;
  #typical;
  constructor(now) {
    this.#now = now;
  }
  /** Ping number `request` goes out. */
  start(request) {
    this.#started = { request, at: this.#now() };
  }
  /** Its pong has come. */
  end(request) {
    if (this.#started?.request !== request) return;
    const took = this.#now() - this.#started.at;
    this.#best = Math.min(took, this.#best ?? took);
    this.#started = void 0;
    this.#typical = this.#best;
  }
  /** The best that was measured last, also over a WebSocket before: for how long to wait. */
  get typical() {
    return this.#typical;
  }
  /** The way may be another one from now on. */
  reset() {
    this.#started = this.#best = void 0;
  }
  /** The field of the client report, once there is something to report. */
  report() {
    return this.#best === void 0 ? {} : { signalingRttMs: Math.round(this.#best * 10) / 10 };
  }
};

// sdk/src/wire.ts
function isEvent(frame) {
  return "seq" in frame && !("request" in frame);
}
function isNumbered(frame) {
  return typeof frame.request === "number";
}

// sdk/src/signaling.ts
var JOIN_TIMEOUT_MS = 15e3;
var RESUME_ATTEMPT_MS = 8e3;
var CHECK_MS = 1e3;
var CHECK_FLOOR_MS = 300;
var STANDBY_MS = 300;
var STANDBY_FLOOR_MS = 30;
var HURRIED_MS = 1e3;
var ROUND_TRIPS = 8;
var REQUEST_TIMEOUT_MS = RESUME_WINDOW_MS + 1e4;
var LEAVE_MS = 1e3;
var Signaling = class {
  #url;
  #env;
  #handlers;
  #log;
  #requests = new Requests();
  #roundTrip;
  #timers;
  #state = "joining";
  #socket;
  /** Opened while the other one doesn't answer; takes its place if it opens before an answer comes. */
  #standby;
  #resumeRequest = 0;
  #resumeToken = "";
  #lastSeq = 0;
  #heartbeat = { intervalMs: 1e4, timeoutMs: 3e4 };
  #heardAt = 0;
  #lostAt = 0;
  #attempt = 0;
  #dialledAt = 0;
  #hurried = false;
  #failJoin = () => void 0;
  constructor(url, env, handlers, log) {
    this.#url = url;
    this.#env = env;
    this.#handlers = handlers;
    this.#log = log;
    this.#roundTrip = new RoundTrip(() => env.now());
    this.#timers = new Timers(env);
  }
  get state() {
    return this.#state;
  }
  /** Opens the WebSocket and sends `join` as soon as both the WebSocket and the body are ready. */
  async join(body) {
    let opened = false;
    const failed = new Promise((_, reject) => {
      this.#failJoin = reject;
    });
    const open = new Promise((resolve) => {
      this.#dial(() => {
        opened = true;
        resolve();
      });
    });
    this.#timers.set("attempt", JOIN_TIMEOUT_MS, () => this.#end(this.#noAnswer(opened)));
    const sent = Promise.all([body, open]).then(([join]) => this.#sendJoin(join));
    try {
      const joined = await Promise.race([sent, failed]);
      this.#timers.clear("attempt");
      return joined;
    } catch (error) {
      const reason = asRoomlineError(error, "unreachable");
      this.#end(reason);
      throw reason;
    }
  }
  /** Sends a request, now or when the session is resumed. Rejects with the server's error. */
  request(body) {
    if (this.#state === "closed") {
      return Promise.reject(new RoomlineError("disconnected", "the session is over"));
    }
    const { number, reply } = this.#requests.add(body);
    const timer = this.#env.setTimer(() => this.#requests.expire(number), REQUEST_TIMEOUT_MS);
    if (this.#state === "open") this.#flush();
    return reply.finally(() => this.#env.clearTimer(timer));
  }
  /** Tells the server that we go, waits a moment for its answer, and closes. */
  async leave() {
    if (this.#state === "open") {
      const answered = this.request({ type: "leave" }).then(
        () => void 0,
        () => void 0
      );
      const waited = new Promise((resolve) => this.#timers.set("leave", LEAVE_MS, resolve));
      await Promise.race([answered, waited]);
    }
    this.#end(void 0);
  }
  /** Sends a ping now, so that the server learns the newest client report. */
  ping() {
    const socket = this.#socket;
    if (this.#state !== "open" || !socket) return;
    void this.#handlers.report().then((measured) => {
      if (this.#state !== "open" || this.#socket !== socket) return;
      const request = this.#requests.number();
      this.#roundTrip.start(request);
      const ping = { type: "ping", sent: Math.round(this.#env.now()), request };
      const connection = measured && { ...measured, ...this.#roundTrip.report() };
      this.#write(connection ? { ...ping, connection } : ping);
    });
  }
  #plainPing() {
    this.#write({ type: "ping", sent: Math.round(this.#env.now()), request: this.#requests.number() });
  }
  /**
   * Makes sure that the server is there. When it doesn't answer a ping at once another WebSocket is
   * opened beside this one, which takes its place if no answer has come until it is open.
   */
  check() {
    if (this.#state !== "open" || this.#timers.has("check")) return;
    this.#write({ type: "ping", sent: Math.round(this.#env.now()), request: this.#requests.number() });
    const known = this.#roundTrip.typical;
    const limit = known === void 0 ? CHECK_MS : Math.min(CHECK_MS, CHECK_FLOOR_MS + 4 * known);
    const standby = known === void 0 ? STANDBY_MS : Math.min(STANDBY_MS, STANDBY_FLOOR_MS + 1.5 * known);
    this.#timers.set("check", limit, () => this.#lose("no answer to a ping"));
    this.#timers.set("standby", standby, () => this.#standBy());
  }
  /**
   * Whether to dial about every second from now on instead of backing off, when it is lost. Once lost in
   * a hurry it is dialled so until it is back.
   */
  hurry(on) {
    if (!on && this.#state === "lost") return;
    const begins = on && !this.#hurried;
    this.#hurried = on;
    if (begins && this.#state === "lost" && this.#timers.has("retry")) this.refresh();
  }
  /**
   * Resumes over a new WebSocket now: after a change of network, when the old one is bound to an
   * address that is gone.
   */
  refresh() {
    if (this.#state === "open") {
      this.#lose("a new connection is wanted");
    } else if (this.#state === "lost") {
      this.#attempt = 0;
      this.#redial();
    }
  }
  /** Ends the session at once, with the reason that those who wait get to know. */
  close(error) {
    this.#end(error);
  }
  /** Tells the server that we go, without waiting: the page is being closed. */
  leaveNow() {
    if (this.#state === "open") this.#write({ type: "leave", request: this.#requests.number() });
    this.#end(void 0);
  }
  #sendJoin(join) {
    const { reply } = this.#requests.add(join);
    this.#flush();
    return reply.then((frame) => {
      if (frame.type !== "joined") throw new RoomlineError("bad-message", `${frame.type} answers join`);
      return frame;
    });
  }
  #noAnswer(opened) {
    return opened ? new RoomlineError("timeout", "the server did not answer the join") : new RoomlineError("unreachable", `no answer from ${this.#url}`);
  }
  #standBy() {
    const socket = this.#env.openSocket(this.#url);
    this.#standby = socket;
    this.#dialledAt = this.#env.now();
    socket.onopen = () => {
      if (this.#standby === socket) this.#takeStandby(socket);
    };
    socket.onclose = () => {
      if (this.#standby === socket) this.#standby = void 0;
    };
  }
  /** A new WebSocket was open before the old one answered. */
  #takeStandby(socket) {
    this.#abandonSocket();
    this.#lost("another connection was faster than an answer");
    this.#standby = socket;
    this.#redial();
    socket.onopen?.();
  }
  #dropStandby() {
    this.#timers.clear("check");
    this.#timers.clear("standby");
    const socket = this.#standby;
    this.#standby = void 0;
    socket?.close();
  }
  #dial(opened) {
    let isOpen = false;
    const socket = this.#standby ?? this.#env.openSocket(this.#url);
    if (!this.#standby) this.#dialledAt = this.#env.now();
    this.#standby = void 0;
    this.#socket = socket;
    socket.onopen = () => {
      isOpen = true;
      this.#heardAt = this.#env.now();
      if (this.#socket === socket) opened();
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#receive(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#dropped(isOpen, code, reason);
    };
  }
  #dropped(wasOpen, code, reason) {
    const why = reason || `code ${code}`;
    if (this.#state === "joining") {
      this.#end(
        wasOpen ? new RoomlineError("connection-lost", `the server closed the connection (${why})`) : new RoomlineError("unreachable", `no connection to ${this.#url}`)
      );
    } else {
      this.#lose(why);
    }
  }
  /** The WebSocket is gone or given up: start, or go on with, resuming. */
  #lose(why) {
    if (this.#state === "closed") return;
    this.#abandonSocket();
    if (this.#state === "open") this.#lost(why);
    const left = this.#lostAt + RESUME_WINDOW_MS - this.#env.now();
    if (left <= 0) {
      this.#end(new RoomlineError("connection-lost", "the server could not be reached again within 30 s"));
      return;
    }
    this.#timers.set("retry", Math.min(left, this.#retryDelay()), () => this.#redial());
  }
  #lost(why) {
    this.#log("warn", "signaling lost", { why });
    this.#roundTrip.reset();
    this.#state = "lost";
    this.#lostAt = this.#env.now();
    this.#attempt = 0;
    this.#requests.lost();
    for (const name of ["heartbeat", "check", "standby"]) this.#timers.clear(name);
    this.#handlers.state("lost");
  }
  #retryDelay() {
    const attempt = this.#attempt++;
    if (!this.#hurried || attempt === 0) return retryDelay(attempt, this.#env.random());
    return Math.max(0, this.#dialledAt + HURRIED_MS - this.#env.now());
  }
  /** How long one dial may take. A packet that is lost while there is no network costs it seconds. */
  #attemptMs() {
    if (!this.#hurried) return RESUME_ATTEMPT_MS;
    return Math.min(RESUME_ATTEMPT_MS, Math.max(HURRIED_MS, ROUND_TRIPS * (this.#roundTrip.typical ?? 0)));
  }
  #redial() {
    this.#abandonSocket();
    this.#timers.clear("retry");
    const left = this.#lostAt + RESUME_WINDOW_MS - this.#env.now();
    this.#timers.set("attempt", Math.max(0, Math.min(left, this.#attemptMs())), () => this.#lose("no answer to resume"));
    this.#dial(() => {
      this.#resumeRequest = this.#requests.number();
      this.#write({
        type: "resume",
        request: this.#resumeRequest,
        version: PROTOCOL_VERSION,
        resumeToken: this.#resumeToken,
        lastSeq: this.#lastSeq
      });
    });
  }
  #receive(data) {
    this.#heardAt = this.#env.now();
    if (this.#state === "open") this.#dropStandby();
    const frame = parseFrame(data);
    if (!frame) {
      this.#log("warn", "a frame that cannot be read");
    } else if (isEvent(frame)) {
      this.#event(frame);
    } else if (isNumbered(frame)) {
      this.#reply(frame);
    } else if (frame.type === "error") {
      this.#log("warn", "error from the server", { code: frame.code, message: frame.message });
      if (frame.fatal) this.#end(new RoomlineError(frame.code, frame.message, { fatal: true }));
    }
  }
  #event(event) {
    if (event.seq <= this.#lastSeq) return;
    if (event.seq > this.#lastSeq + 1) {
      this.#lose(`event ${this.#lastSeq + 1} is missing`);
      return;
    }
    this.#lastSeq = event.seq;
    if (event.type === "closed") {
      this.#end(new RoomlineError(event.code, event.message, { fatal: true }));
    } else {
      this.#handlers.event(event);
    }
  }
  #reply(reply) {
    if (reply.type === "waiting") {
      if (this.#state === "joining") this.#waiting(reply);
      return;
    }
    if (reply.type === "joined") this.#joined(reply);
    if (this.#state === "lost" && reply.request === this.#resumeRequest) {
      this.#resumed(reply);
      return;
    }
    if (reply.type === "pong") this.#roundTrip.end(reply.request);
    this.#requests.settle(reply);
    if (reply.type === "error" && reply.fatal) {
      this.#end(new RoomlineError(reply.code, reply.message, { fatal: true }));
    }
  }
  /** The answer may take minutes: until then the server wants to hear from us. */
  #waiting({ message, timeoutMs, heartbeat }) {
    this.#timers.set("attempt", timeoutMs + JOIN_TIMEOUT_MS, () => this.#end(this.#noAnswer(true)));
    this.#heartbeat = heartbeat;
    this.#handlers.waiting({ message, timeoutMs });
    this.#beat();
  }
  #joined(joined) {
    this.#state = "open";
    this.#lastSeq = joined.seq;
    this.#resumeToken = joined.resumeToken;
    this.#heartbeat = joined.heartbeat;
    this.#beat();
  }
  #resumed(reply) {
    if (reply.type === "error") {
      this.#end(new RoomlineError(reply.code, reply.message, { fatal: true }));
      return;
    }
    if (reply.type !== "resumed") return;
    this.#timers.clear("attempt");
    this.#state = "open";
    this.#resumeToken = reply.resumeToken;
    this.#log("info", "signaling resumed", { afterMs: Math.round(this.#env.now() - this.#lostAt) });
    this.#handlers.state("open");
    this.#flush();
    this.#beat();
  }
  #beat() {
    this.#timers.set("heartbeat", this.#heartbeat.intervalMs, () => {
      const silent2 = this.#env.now() - this.#heardAt > this.#heartbeat.timeoutMs;
      if (silent2 && this.#state === "joining") {
        this.#end(new RoomlineError("connection-lost", "the server fell silent during the join"));
        return;
      }
      if (silent2) {
        this.#lose("the server is silent");
        return;
      }
      if (this.#state === "joining") this.#plainPing();
      else this.ping();
      this.#beat();
    });
  }
  #flush() {
    this.#requests.flush((frame) => this.#write(frame));
  }
  #write(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }
  #abandonSocket() {
    const socket = this.#socket;
    this.#socket = void 0;
    socket?.close();
  }
  /** Ends the session for good. */
  #end(error) {
    if (this.#state === "closed") return;
    const wasJoining = this.#state === "joining";
    this.#state = "closed";
    this.#timers.clearAll();
    this.#dropStandby();
    this.#socket?.close(1e3);
    this.#socket = void 0;
    const reason = error ?? new RoomlineError("disconnected", "the room was left");
    this.#requests.fail(reason);
    if (wasJoining) this.#failJoin(reason);
    else this.#handlers.closed(error);
  }
};
function parseFrame(data) {
  if (typeof data !== "string") return void 0;
  try {
    const frame = JSON.parse(data);
    if (typeof frame !== "object" || frame === null || !("type" in frame)) return void 0;
    return typeof frame.type === "string" ? frame : void 0;
  } catch {
    return void 0;
  }
}

// sdk/src/version.ts
var VERSION = "0.1.0";

// sdk/src/connect.ts
var SECOND_REPORT_MS = 1e3;
function signalingUrl(url) {
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    throw new RoomlineError("invalid-argument", `not a URL: ${url}`);
  }
  if (parsed.protocol === "https:") parsed.protocol = "wss:";
  if (parsed.protocol === "http:") parsed.protocol = "ws:";
  if (parsed.protocol !== "wss:" && parsed.protocol !== "ws:") {
    throw new RoomlineError("invalid-argument", `not a WebSocket URL: ${url}`);
  }
  if (parsed.pathname.endsWith("/")) parsed.pathname += "v1/signal";
  parsed.hash = "";
  return parsed.href;
}
async function connect(url, token, options = {}) {
  const address = signalingUrl(url);
  const env = { ...browser, ...options.environment };
  const log = options.logger ?? silent;
  if (!options.environment?.createPeerConnection && typeof RTCPeerConnection === "undefined") {
    throw new RoomlineError("unsupported-browser", "this browser has no WebRTC");
  }
  if (options.signal?.aborted) throw new RoomlineError("aborted", "the join was cancelled");
  return new Joining(address, token, options, env, log).run();
}
var Joining = class {
  #token;
  #options;
  #env;
  #log;
  #config;
  #inbox = new Inbox();
  #transport;
  #signaling;
  #room;
  #unwatch = () => void 0;
  constructor(url, token, options, env, log) {
    this.#token = token;
    this.#options = options;
    this.#env = env;
    this.#log = log;
    const config = { ...options.rtcConfig };
    if (options.iceTransportPolicy) config.iceTransportPolicy = options.iceTransportPolicy;
    this.#config = config;
    this.#transport = new Transport(env, config, log);
    this.#signaling = new Signaling(
      url,
      env,
      {
        event: (event) => this.#inbox.run(() => this.#room?.receive(event)),
        state: (state) => this.#signalingState(state),
        closed: (error) => this.#closed(error),
        waiting: (waiting) => this.#options.onWaiting?.(waiting),
        report: () => this.#room?.report() ?? Promise.resolve(void 0)
      },
      log
    );
  }
  async run() {
    const abort = () => this.#signaling.close(new RoomlineError("aborted", "the join was cancelled"));
    this.#options.signal?.addEventListener("abort", abort);
    try {
      const prepared = this.#prepare();
      const joined = await this.#signaling.join(prepared.then((offer) => this.#body(offer)));
      return await this.#accept(joined, await prepared);
    } catch (error) {
      this.#transport.close();
      this.#signaling.leaveNow();
      throw error;
    } finally {
      this.#options.signal?.removeEventListener("abort", abort);
    }
  }
  #prepare() {
    const { audio = 3, video = 3 } = this.#options.slots ?? {};
    return this.#transport.prepare(this.#options.tracks ?? [], { audio, video });
  }
  #body({ offer, tracks }) {
    const { name, subscribe = "auto" } = this.#options;
    return {
      type: "join",
      version: PROTOCOL_VERSION,
      token: this.#token,
      offer,
      tracks,
      subscribe,
      ...name ? { name } : {},
      sdk: { name: "roomline-web", version: VERSION }
    };
  }
  async #accept(joined, { tracks }) {
    const { pc } = this.#transport;
    const room = new Room(joined, {
      signaling: this.#signaling,
      transport: this.#transport,
      config: this.#config,
      env: this.#env,
      log: this.#log
    });
    this.#room = room;
    pc.addEventListener("iceconnectionstatechange", () => {
      if (isUp(pc.iceConnectionState)) this.#connected();
    });
    await this.#transport.accept(joined.transport, joined.answer, joined.iceServers);
    const mids = tracks.map(({ mid }) => mid);
    for (const { source } of room.addJoined(this.#options.tracks ?? [], mids, joined.tracks)) {
      this.#inbox.run(() => room.fail(new RoomlineError("permission-denied", `${source} was not published`)));
    }
    if (this.#signaling.state !== "closed") {
      this.#unwatch = this.#env.watchNetwork((change) => this.#networkChanged(change));
    }
    this.#env.setTimer(() => {
      room.open();
      this.#inbox.open();
    }, 0);
    return room;
  }
  /** Tells the server the round trip at once, and when it has been measured more than once. */
  #connected() {
    this.#signaling.ping();
    this.#env.setTimer(() => this.#signaling.ping(), SECOND_REPORT_MS);
  }
  #networkChanged(change) {
    this.#log("info", "network", { change });
    if (change === "leaving" && (this.#options.leaveOnPageHide ?? true)) {
      this.#room?.closePaths();
      this.#signaling.leaveNow();
    } else if (change === "online" || change === "changed") {
      this.#signaling.refresh();
      this.#room?.networkChanged();
    } else if (change === "offline") {
      this.#signaling.check();
    }
  }
  #signalingState(state) {
    this.#inbox.run(() => this.#room?.setState(state === "open" ? "connected" : "reconnecting"));
    if (state === "open") this.#room?.signalingBack();
  }
  #closed(error) {
    this.#unwatch();
    const told = error && this.#explain(error);
    this.#room?.closePaths();
    this.#transport.close();
    this.#inbox.run(() => this.#room?.closed(told));
  }
  /** Media that could not connect: say what the browser said about the STUN and TURN servers. */
  #explain(error) {
    if (error.code !== "connection-failed") return error;
    const { code, message, fatal } = error;
    return new RoomlineError(code, message, { fatal, iceErrors: this.#room?.iceErrors ?? [] });
  }
};
export {
  LocalParticipant,
  LocalPublication,
  MAX_DATA_BYTES,
  Participant,
  Publication,
  RemoteParticipant,
  RemotePublication,
  Room,
  RoomlineError,
  VERSION,
  connect
};
//# sourceMappingURL=roomline.js.map
