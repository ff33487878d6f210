// A server and networks that act by themselves, in virtual time: for calls that move.
import assert from "node:assert/strict";
import { connect } from "../src/connect.js";
import type { ConnectOptions } from "../src/connect.js";
import type { Room } from "../src/room.js";
import { FakeBrowser, FakeTrack, joined, nowhere, person, settle, track } from "./fakes.js";
import type { FakePeerConnection, FakeSocket } from "./fakes.js";

export type Tier = "direct" | "turn-udp" | "turn-tls";
const TIERS: Tier[] = ["direct", "turn-udp", "turn-tls"];
const STEP_MS = 10;
/** How long a browser takes to connect a new peer connection, and to leave a dead pair by an ICE restart. */
const CONNECT_MS = 300;
const RESTART_MS = 2_000;

/** One transport, as the server and the network see it. */
interface Line {
  id: string;
  pc: FakePeerConnection;
  path: Tier | undefined;
  pair: number;
  bytes: number;
  restarts: number;
  /** When the connecting that is under way is done. */
  connectAt: number | undefined;
  heardAt: number;
  silent: boolean;
  slots: { mid: string; kind: string; track?: string }[];
}

export class World {
  readonly browser = new FakeBrowser();
  readonly open = new Set<Tier>(TIERS);
  signaling = true;
  /** Without signaling a dial fails at once, as with the cable out, instead of hanging. */
  unplugged = false;
  /** Which transport carries each track of ours. */
  readonly published = new Map<string, string>();
  /** What must not happen, as it happened. */
  readonly faults: string[] = [];
  readonly lines: Line[] = [];
  readonly probes: FakePeerConnection[] = [];
  /** Lines that lose everything for a while though their path is open. */
  readonly stalled = new Set<Line>();
  remote: string[] = [];
  restartMs = RESTART_MS;
  tier: Tier | undefined;
  #seq = 10;
  #log: object[] = [];
  #made = 0;
  #tracks = 0;
  #socket: FakeSocket | undefined;
  #queue: (() => void)[] = [];

  constructor() {
    this.browser.dialled = (socket) => this.#dialled(socket);
    this.browser.reach = (_, signal) => this.#reach(signal);
  }

  get main(): Line {
    return this.lines[0]!;
  }

  async join(options: ConnectOptions = {}): Promise<Room> {
    const joining = connect("wss://x", "t", { ...options, environment: this.browser.environment });
    for (let n = 0; n < 20; n++) await this.pass(STEP_MS);
    const room = await joining;
    room.on("trackUnpublished", ({ id }) => this.faults.push(`${id} was lost`));
    room.on("disconnected", (error) => error && this.faults.push(`over: ${error.code}`));
    await this.pass(1_000);
    return room;
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.#step();
      await this.browser.pass(STEP_MS);
    }
  }

  /** Lets time pass until it is so. Returns how long that took, in ms. */
  async until(what: () => boolean, ms = 20_000): Promise<number> {
    const started = this.browser.now;
    while (!what()) {
      assert.ok(this.browser.now - started < ms, `not within ${ms} ms: ${what}`);
      await this.pass(STEP_MS);
    }
    return this.browser.now - started;
  }

  /** Whether media flows on that line. */
  flows(line: Line | undefined): boolean {
    return line?.path !== undefined && this.open.has(line.path);
  }

  line(id: string): Line | undefined {
    return this.lines.find((each) => each.id === id);
  }

  /** An event, told now or when the session is resumed. */
  tell(event: object): void {
    const numbered = { seq: ++this.#seq, ...event };
    this.#log.push(numbered);
    this.#send(this.#socket, numbered);
  }

  /** What is sent while there is no signaling comes late, unless the socket is given up. */
  #send(socket: FakeSocket | undefined, frame: object): void {
    this.#soon(() => {
      if (!socket?.closed) socket?.receive(frame);
    });
  }

  #reach(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(false));
      if (this.unplugged && !this.signaling) resolve(false);
      else this.#soon(() => resolve(!signal.aborted));
    });
  }

  #dialled(socket: FakeSocket): void {
    if (this.unplugged && !this.signaling) {
      this.browser.environment.setTimer(() => socket.closed || socket.drop(), 1);
      return;
    }
    this.#soon(() => {
      if (!socket.closed) socket.onopen?.();
    });
    socket.server = (frame) =>
      this.#soon(() => {
        if (!socket.closed) this.#answer(socket, frame);
      });
  }

  #soon(what: () => void): void {
    this.#queue.push(what);
  }

  #answer(socket: FakeSocket, frame: any): void {
    const ok = (more: object) => this.#send(socket, { request: frame.request, ...more });
    const refuse = (code: string) => ok({ type: "error", code, message: code, fatal: false });
    switch (frame.type) {
      case "join": {
        this.#socket = socket;
        const { line, tracks } = this.#opened(frame);
        const people = [person("PA_bob", this.remote.map((id) => this.#info(id, "PA_bob")))];
        ok(joined(frame.request, { transport: line.id, answer: ANSWER, tracks, participants: people }));
        return this.#bind(line);
      }
      case "resume":
        this.#socket = socket;
        ok({ type: "resumed", iceServers: [], iceServersExpireAt: 0, resumeToken: "n", seq: frame.lastSeq });
        for (const event of this.#log as any[]) if (event.seq > frame.lastSeq) this.#send(socket, event);
        return;
      case "offer":
        return this.#offer(frame, ok, refuse);
      case "move":
        if (!this.line(frame.transport)) return refuse("not-found");
        for (const { track: id, mid } of frame.tracks) {
          if (!this.published.has(id)) return refuse("not-found");
          if (this.line(frame.transport)!.pc.transceivers[Number(mid)]?.direction !== "sendonly") {
            this.faults.push(`${id} moved to ${mid}`);
          }
          this.published.set(id, frame.transport);
        }
        return ok({ type: "ok" });
      case "closeTransport":
        return this.#close(frame.transport, ok, refuse);
      case "unpublish":
        this.published.delete(frame.track);
        return ok({ type: "ok" });
      case "ping":
        return ok({ type: "pong", sent: frame.sent });
      default:
        return ok({ type: "ok" });
    }
  }

  #offer(frame: any, ok: (more: object) => void, refuse: (code: string) => void): void {
    if (!frame.transport && this.lines.length >= 2) {
      const never = this.lines.findIndex(({ path }) => path === undefined);
      if (never < 1) return refuse("permission-denied");
      this.lines.splice(never, 1);
    }
    if (frame.tracks.some((each: any) => each.track && !this.published.has(each.track))) return refuse("not-found");
    const known = this.line(frame.transport);
    if (frame.transport && !known) return refuse("not-found");
    const { line, tracks } = known ? { line: known, tracks: this.#assign(known, frame) } : this.#opened(frame);
    if (known) known.slots = slotsOf(frame.offer, known.slots);
    const servers = { iceServers: SERVERS, iceServersExpireAt: 1_900_000_000_000 };
    ok({ type: "answer", transport: line.id, answer: ANSWER, tracks, ...servers });
    this.#bind(line);
  }

  #opened(frame: any): { line: Line; tracks: object[] } {
    const number = Number(/o=- (\d+)/.exec(frame.offer)?.[1]);
    const pc = this.browser.connections.find((each) => each.number === number)!;
    const line: Line = {
      id: `TP_${++this.#made}`,
      pc,
      path: undefined,
      pair: 0,
      bytes: 0,
      restarts: pc.restarts,
      connectAt: undefined,
      heardAt: this.browser.now,
      silent: false,
      slots: slotsOf(frame.offer, []),
    };
    this.lines.push(line);
    return { line, tracks: this.#assign(line, frame) };
  }

  #assign(line: Line, frame: any): object[] {
    return frame.tracks.map(({ mid, track: moved }: any) => {
      const id = moved ?? `TR_${++this.#tracks}`;
      this.published.set(id, line.id);
      const { kind } = line.pc.transceivers[Number(mid)]!.receiver.track;
      return { mid, track: this.#info(id, "PA_me", kind) };
    });
  }

  #info(id: string, whose: string, kind = id.includes("audio") ? "audio" : "video"): object {
    return track(id, whose, kind);
  }

  /** Binds what the others publish, as far as there are slots. */
  #bind(line: Line): void {
    const missing = { audio: 0, video: 0 };
    for (const id of this.remote) {
      if (line.slots.some((slot) => slot.track === id)) continue;
      const kind = id.includes("audio") ? "audio" : "video";
      const free = line.slots.find((slot) => slot.kind === kind && !slot.track);
      if (!free) {
        missing[kind]++;
        continue;
      }
      free.track = id;
      this.tell({ type: "bound", track: id, transport: line.id, mid: free.mid });
    }
    if (missing.audio + missing.video > 0) this.tell({ type: "needSlots", transport: line.id, ...missing });
  }

  #close(id: string, ok: (more: object) => void, refuse: (code: string) => void): void {
    const index = this.lines.findIndex((each) => each.id === id);
    if (index < 0) return refuse("not-found");
    if (this.lines.length === 1) return refuse("permission-denied");
    this.lines.splice(index, 1);
    for (const [each, transport] of this.published) {
      if (transport !== id) continue;
      this.published.delete(each);
      this.tell({ type: "trackUnpublished", track: each, participant: "PA_me" });
    }
    ok({ type: "ok" });
  }

  /** The end of its DTLS reaches the server: the transport is closed, and with it what is published there. */
  #endClosed(): void {
    const closed = this.lines.filter((each) => each.pc.signalingState === "closed" && this.flows(each));
    const unheard = () => undefined;
    for (const { id } of closed) this.#close(id, unheard, unheard);
  }

  #step(): void {
    const now = this.browser.now;
    this.#endClosed();
    if (this.signaling) for (const run of this.#queue.splice(0)) run();
    for (const line of this.lines) {
      this.#connect(line, now);
      this.#carry(line, now);
    }
    this.#runProbes();
    this.#tellTier();
  }

  #best(): Tier | undefined {
    return TIERS.find((tier) => this.open.has(tier));
  }

  #connect(line: Line, now: number): void {
    const { pc } = line;
    if (pc.signalingState !== "stable" || !pc.remoteDescription) return;
    const fresh = line.path === undefined && pc.connectionState === "new";
    if (fresh || pc.restarts > line.restarts) {
      line.restarts = pc.restarts;
      line.connectAt = now + (fresh ? CONNECT_MS : this.flows(line) ? 500 : this.restartMs);
      if (fresh) pc.connectionState = "connecting";
    }
    const best = this.#best();
    if (line.connectAt === undefined || now < line.connectAt || !best) return;
    line.connectAt = undefined;
    line.path = best;
    line.pair++;
    line.bytes = 0;
    pc.connects();
  }

  #carry(line: Line, now: number): void {
    const { pc } = line;
    if (pc.signalingState === "closed") return;
    if (this.flows(line) && !this.stalled.has(line)) {
      line.bytes += 100;
      for (const { mid, track: id } of line.slots) if (id) pc.transceivers[Number(mid)]!.played = now;
      line.heardAt = now;
      if (now % 200 < STEP_MS) pc.beat();
    }
    pc.stats = new Map<string, object>([
      ["T", { id: "T", type: "transport", selectedCandidatePairId: `P${line.pair}` }],
      [
        `P${line.pair}`,
        { id: `P${line.pair}`, type: "candidate-pair", bytesReceived: line.bytes, responsesReceived: line.bytes },
      ],
    ]);
    const silent = line.path !== undefined && now - line.heardAt > 600;
    if (silent !== line.silent) this.tell({ type: "pathSilent", transport: line.id, silent });
    line.silent = silent;
  }

  #runProbes(): void {
    for (const pc of this.browser.open) {
      if (pc.channels[0] !== "probe" || !pc.localDescription || pc.iceGatheringState === "complete") continue;
      const urls = String(pc.config.iceServers?.[0]?.urls);
      if (!this.probes.includes(pc)) this.probes.push(pc);
      if (!this.open.has(urls.endsWith(":3478") ? "turn-udp" : "direct")) continue;
      pc.iceGatheringState = "complete";
      pc.dispatchEvent(new Event("icegatheringstatechange"));
    }
  }

  #tellTier(): void {
    const line = [...this.lines].reverse().find((each) => this.flows(each));
    if (!line || line.path === this.tier || this.lines.length > 1) return;
    const lost = this.tier !== undefined && !this.open.has(this.tier);
    const change = { from: this.tier, to: line.path, why: lost ? "path-lost" : "better-path", gapMs: 0, at: 0 };
    this.tier = line.path;
    const connection = { ...nowhere, state: "connected", tier: line.path };
    this.tell({ type: "connection", participant: "PA_me", connection, change });
  }
}

const SERVERS = [{ urls: ["turn:turn.example:3478", "turns:turn.example:443?transport=tcp"], username: "u", credential: "c" }];
const ANSWER = "v=0\r\nm=audio 9\r\na=candidate:1 1 udp 2130706431 203.0.113.10 20000 typ host\r\n";

function slotsOf(offer: string, old: Line["slots"]): Line["slots"] {
  const found = [...offer.matchAll(/m=(audio|video) 9\r\na=mid:(\d+)\r\na=recvonly/g)];
  return found.map(([, kind = "", mid = ""]) => {
    const bound = old.find((each) => each.mid === mid)?.track;
    return { mid, kind, ...(bound === undefined ? {} : { track: bound }) };
  });
}

export const media = (kind: string) => new FakeTrack(kind) as unknown as MediaStreamTrack;
export { settle };
