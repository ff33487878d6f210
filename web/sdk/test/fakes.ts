// A browser in virtual time: sockets, peer connections, timers and the network, all by hand.
import type { Environment, NetworkChange, SocketLike } from "../src/environment.js";

export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly frames: any[] = [];
  closed = false;
  /** Gets each frame; for a server that answers by itself. */
  server: (frame: any) => void = () => undefined;

  constructor(readonly url: string) {}

  send(text: string): void {
    const frame = JSON.parse(text);
    this.frames.push(frame);
    this.server(frame);
  }

  close(): void {
    this.closed = true;
  }

  /** The frames of that type. */
  sent(type: string): any[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  receive(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The network or the server closes it. */
  drop(code = 1006): void {
    this.onclose?.({ code, reason: "" });
  }
}

export class FakeTrack {
  enabled = true;
  constructor(
    readonly kind: string,
    readonly label = kind,
  ) {}
}

export class FakeMediaStream {
  readonly tracks: unknown[] = [];
  addTrack(track: unknown): void {
    this.tracks.push(track);
  }
  removeTrack(track: unknown): void {
    this.tracks.splice(this.tracks.indexOf(track), 1);
  }
}

class FakeTransceiver {
  mid: string | null = null;
  readonly receiver;
  readonly sender;
  /** When media of it was played last. */
  played: number | undefined;

  constructor(
    kind: string,
    track: FakeTrack | null,
    public direction: string,
  ) {
    this.receiver = {
      track: new FakeTrack(kind, "received"),
      getSynchronizationSources: () => (this.played === undefined ? [] : [{ timestamp: this.played }]),
    };
    this.sender = {
      track,
      replaceTrack: async (next: FakeTrack | null) => {
        this.sender.track = next;
      },
      getParameters: () => ({ encodings: [{}] }),
      setParameters: async () => undefined,
    };
  }
}

export class FakeChannel extends EventTarget {
  readyState = "open";
  binaryType = "blob";
  readonly sent: unknown[] = [];

  constructor(
    readonly label: string,
    readonly options: RTCDataChannelInit,
  ) {
    super();
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  receive(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

let connectionsMade = 0;

export class FakePeerConnection extends EventTarget {
  /** Part of its offers, so that a server can tell connections apart. */
  readonly number = ++connectionsMade;
  readonly transceivers: FakeTransceiver[] = [];
  readonly dataChannels: FakeChannel[] = [];
  /** How many listeners it has. */
  listeners = 0;
  connectionState = "new";
  iceGatheringState = "new";
  remoteDescription: { type: string; sdp: string } | null = null;
  /** How often an offer that restarts ICE was applied. */
  restarts = 0;
  #restarting = false;
  /** What was done to it, in order. */
  readonly calls: string[] = [];
  signalingState = "stable";
  iceConnectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  stats = new Map<string, object>();
  refuseAnswer = false;

  constructor(
    public config: RTCConfiguration,
    readonly unbound = false,
  ) {
    super();
  }

  addTransceiver(of: string | FakeTrack, init: { direction: string }): FakeTransceiver {
    const kind = typeof of === "string" ? of : of.kind;
    const added = new FakeTransceiver(kind, typeof of === "string" ? null : of, init.direction);
    this.transceivers.push(added);
    return added;
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  get channels(): string[] {
    return this.dataChannels.map(({ label }) => label);
  }

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners++;
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners--;
    super.removeEventListener(...args);
  }

  createDataChannel(label: string, options: RTCDataChannelInit = {}): FakeChannel {
    const made = new FakeChannel(label, options);
    this.dataChannels.push(made);
    return made;
  }

  async createOffer(options: RTCOfferOptions = {}): Promise<object> {
    this.calls.push(options.iceRestart ? "createOffer(restart)" : "createOffer");
    this.#restarting ||= options.iceRestart ?? false;
    const sections = this.transceivers.map(
      (each, index) => `m=${each.receiver.track.kind} 9\r\na=mid:${index}\r\na=${each.direction}\r\n`,
    );
    return { type: "offer", sdp: `v=0\r\no=- ${this.number}\r\n${sections.join("")}m=application 9\r\na=mid:data\r\n` };
  }

  async setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    this.calls.push(`setLocalDescription(${description.type})`);
    if (description.type === "rollback") {
      this.signalingState = "stable";
      return;
    }
    this.signalingState = "have-local-offer";
    this.localDescription = description;
    if (this.#restarting) this.restarts++;
    this.#restarting = false;
    this.transceivers.forEach((each, index) => {
      each.mid = String(index);
    });
  }

  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    if (this.refuseAnswer) throw new Error("no such answer");
    this.calls.push(`setRemoteDescription(${description.type})`);
    this.remoteDescription = description;
    this.signalingState = "stable";
  }

  setConfiguration(config: RTCConfiguration): void {
    this.calls.push("setConfiguration");
    this.config = config;
  }

  async getStats(): Promise<Map<string, object>> {
    return this.stats;
  }

  close(): void {
    this.signalingState = "closed";
    this.connectionState = "closed";
    for (const channel of this.dataChannels) channel.readyState = "closed";
  }

  becomes(state: string): void {
    this.iceConnectionState = state;
    this.dispatchEvent(new Event("iceconnectionstatechange"));
  }

  /** ICE and DTLS are there. */
  connects(): void {
    this.connectionState = "connected";
    this.dispatchEvent(new Event("connectionstatechange"));
    this.becomes("connected");
  }

  /** A beat of the server. */
  beat(): void {
    const channel = this.dataChannels.find(({ options }) => options.protocol === "beat/1");
    channel?.receive(new Uint8Array([1, 2, 3, 4]).buffer);
  }
}

interface Timer {
  at: number;
  callback: () => void;
}

export class FakeBrowser {
  readonly sockets: FakeSocket[] = [];
  readonly connections: FakePeerConnection[] = [];
  network: (change: NetworkChange) => void = () => undefined;
  /** Called with each new one; for a server and networks that act by themselves. */
  dialled: (socket: FakeSocket) => void = () => undefined;
  created: (pc: FakePeerConnection) => void = () => undefined;
  /** Called when the signaling is told lost. */
  left: () => void = () => undefined;
  /** What answers a request; nothing does, unless a test says so. */
  reach: (url: string, signal: AbortSignal) => Promise<boolean> = async () => false;
  wall = 1_800_000_000_000;
  #now = 0;
  #timers = new Set<Timer>();

  readonly environment: Environment = {
    openSocket: (url) => {
      const socket = new FakeSocket(url);
      this.sockets.push(socket);
      this.dialled(socket);
      return socket;
    },
    reach: (url, signal) => this.reach(url, signal),
    createPeerConnection: (config, unbound = false) => {
      const pc = new FakePeerConnection(config, unbound);
      this.connections.push(pc);
      this.created(pc);
      return pc as unknown as RTCPeerConnection;
    },
    createMediaStream: () => new FakeMediaStream() as unknown as MediaStream,
    now: () => this.#now,
    wallClock: () => this.wall + this.#now,
    random: () => 0,
    setTimer: (callback, ms) => {
      const timer = { at: this.#now + ms, callback };
      this.#timers.add(timer);
      return timer;
    },
    clearTimer: (timer) => this.#timers.delete(timer as Timer),
    watchNetwork: (listener) => {
      this.network = listener;
      return () => undefined;
    },
  };

  /** Time goes by while the page does not run: what was due comes late, all at once. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  get now(): number {
    return this.#now;
  }

  /** How many timers run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** The peer connections that are not closed. */
  get open(): FakePeerConnection[] {
    return this.connections.filter(({ signalingState }) => signalingState !== "closed");
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  get pc(): FakePeerConnection {
    return this.connections.at(-1)!;
  }

  /** Lets `ms` of virtual time pass, timer by timer, with everything that they set off. */
  async pass(ms = 0): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
      await settle();
    }
    this.#now = end;
  }
}

/** Runs every promise reaction that is ready. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export const nowhere = {
  state: "connecting",
  tier: null,
  protocol: null,
  serverPort: null,
  rttMs: null,
  addedLatencyMs: null,
  since: null,
};

export function person(id: string, tracks: object[] = []): object {
  return { id, identity: id, name: `Name of ${id}`, joinedAt: 1, tracks, connection: nowhere };
}

export function track(id: string, participant: string, kind = "video"): object {
  const source = kind === "video" ? "camera" : "microphone";
  return { id, participant, kind, source, name: source, muted: false };
}

export function joined(request: number, more: object = {}): object {
  return {
    type: "joined",
    request,
    version: 1,
    room: { name: "atelier", limits: { maxParticipants: 0, maxPublishers: 0, maxBitrate: 0 } },
    participant: {
      ...person("PA_me"),
      grants: { join: true, publish: true, subscribe: true, data: true, sources: [], maxBitrate: 0 },
    },
    participants: [],
    transport: "TP_1",
    answer: "answer",
    tracks: [],
    iceServers: [{ urls: ["turn:turn.example:3478"], username: "u", credential: "c" }],
    iceServersExpireAt: 1_900_000_000_000,
    resumeToken: "token 1",
    heartbeat: { intervalMs: 5_000, timeoutMs: 15_000 },
    seq: 10,
    ...more,
  };
}

export function answer(request: number, more: object = {}): object {
  return {
    type: "answer",
    request,
    transport: "TP_1",
    answer: "a",
    tracks: [],
    iceServers: [{ urls: ["turn:turn.example:3478"], username: "fresh", credential: "c" }],
    iceServersExpireAt: 1_900_000_000_000,
    ...more,
  };
}
