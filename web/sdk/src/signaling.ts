import { RESUME_WINDOW_MS, retryDelay } from "./backoff.js";
import type { Environment, Logger, SocketLike } from "./environment.js";
import { RoomlineError, asRoomlineError } from "./errors.js";
import { Knock } from "./knock.js";
import { Requests } from "./requests.js";
import { PROTOCOL_VERSION } from "./protocol.js";
import type { ClientReport, JoinedReply, ServerEvent, WaitingReply } from "./protocol.js";
import { RoundTrip } from "./round-trip.js";
import { Timers } from "./timers.js";
import { isEvent, isNumbered } from "./wire.js";
import type { JoinBody, NumberedReply, RequestBody, ServerFrame } from "./wire.js";

/** How long the WebSocket may take to open and to answer `join`, or to open and to answer `resume`. */
const JOIN_TIMEOUT_MS = 15_000;
const RESUME_ATTEMPT_MS = 8_000;
/** While a path is dead: how long a ping waits, and how often and how long we dial. */
const CHECK_MS = 1_000;
const CHECK_FLOOR_MS = 300;
/** When a second WebSocket is opened because the first doesn't answer. */
const STANDBY_MS = 300;
const STANDBY_FLOOR_MS = 30;
const HURRIED_MS = 1_000;
/**
 * How long one hurried dial after the other may take, in ms. Mostly no longer than it takes TCP to send its first
 * packet again after a second: what is lost while there is no network costs no more than that when it is
 * back. Now and then long enough for a network whose round trip takes seconds.
 */
const PATIENCE_MS = [1_000, 1_000, 1_000, 2_000, 2_000, 4_000, 2_000, 2_000, 8_000];
/** The longest wait after a dial that failed by itself while knocks go on. */
const FAILED_CEILING_MS = 4_000;
/** For so long after a knock was answered the browser's news that it is online is old. */
const KNOCKED_MS = 3_000;
/** How long a WebSocket that has opened may take to answer: what was hurried is the wait for a lost packet. */
const ANSWER_MS = 3_000;
/** Opening and resuming take so many round trips, with some to spare. */
const ROUND_TRIPS = 8;
/** How long a request may take, a lost WebSocket and its resuming included. */
const REQUEST_TIMEOUT_MS = RESUME_WINDOW_MS + 10_000;
/** How long `leave` waits for the server before it closes the WebSocket all the same. */
const LEAVE_MS = 1_000;

export type SignalingState = "joining" | "open" | "lost" | "closed";

/** What is told of a join that waits for the application: in a waiting room, for example. */
export interface Waiting {
  /** The application's words for whoever waits; may be empty. */
  message: string;
  /** It is decided within so long from now. */
  timeoutMs: number;
}

export interface SignalingHandlers {
  /** One event of the server, in order, each once. */
  event(event: ServerEvent): void;
  /** The WebSocket was lost (`lost`) or is back and resumed (`open`). */
  state(state: "open" | "lost"): void;
  /** The join waits for the application, at most so long. */
  waiting(waiting: Waiting): void;
  /** The session is over; without an error when `leave` ended it. Called once. */
  closed(error: RoomlineError | undefined): void;
  /** What the next ping tells of the selected candidate pair. */
  report(): Promise<ClientReport | undefined>;
}

/**
 * The session with the server over one WebSocket after the other.
 *
 * It knows the order of frames, requests and replies, heartbeat, and resuming. It does not know the
 * DOM: sockets, clocks and timers come from `Environment`.
 */
export class Signaling {
  readonly #url: string;
  readonly #env: Environment;
  readonly #handlers: SignalingHandlers;
  readonly #log: Logger;
  readonly #requests = new Requests();
  readonly #roundTrip: RoundTrip;
  readonly #timers: Timers;
  readonly #knock: Knock;

  #state: SignalingState = "joining";
  #socket: SocketLike | undefined;
  /** Opened while the other one doesn't answer; takes its place if it opens before an answer comes. */
  #standby: SocketLike | undefined;
  /** A WebSocket that did not answer in time, until another is open. */
  #doubted: SocketLike | undefined;
  #resumeRequest = 0;
  #resumeToken = "";
  #lastSeq = 0;
  #heartbeat = { intervalMs: 10_000, timeoutMs: 30_000 };
  #heardAt = 0;
  #lostAt = 0;
  #attempt = 0;
  /** How many hurried dials failed by themselves, and how many were given up. */
  #failures = 0;
  #givenUp = 0;
  #dialledAt = 0;
  #hurried = false;
  /** The dial that is under way, or was last, followed an answered knock. */
  #knocked = false;
  #knockedAt = -Infinity;
  #failJoin: (error: RoomlineError) => void = () => undefined;

  constructor(url: string, env: Environment, handlers: SignalingHandlers, log: Logger) {
    this.#url = url;
    this.#env = env;
    this.#handlers = handlers;
    this.#log = log;
    this.#roundTrip = new RoundTrip(() => env.now());
    this.#timers = new Timers(env);
    this.#knock = new Knock(url, env, () => {
      this.#knockedAt = env.now();
      this.#redial(true);
    });
  }

  get state(): SignalingState {
    return this.#state;
  }

  /** Opens the WebSocket and sends `join` as soon as both the WebSocket and the body are ready. */
  async join(body: Promise<JoinBody>): Promise<JoinedReply> {
    let opened = false;
    const failed = new Promise<never>((_, reject) => {
      this.#failJoin = reject;
    });
    const open = new Promise<void>((resolve) => {
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
  request(body: RequestBody): Promise<NumberedReply> {
    if (this.#state === "closed") {
      return Promise.reject(new RoomlineError("disconnected", "the session is over"));
    }
    const { number, reply } = this.#requests.add(body);
    const timer = this.#env.setTimer(() => this.#requests.expire(number), REQUEST_TIMEOUT_MS);
    if (this.#state === "open") this.#flush();
    return reply.finally(() => this.#env.clearTimer(timer));
  }

  /** Tells the server that we go, waits a moment for its answer, and closes. */
  async leave(): Promise<void> {
    if (this.#state === "open") {
      const answered = this.request({ type: "leave" }).then(
        () => undefined,
        () => undefined,
      );
      const waited = new Promise<void>((resolve) => this.#timers.set("leave", LEAVE_MS, resolve));
      await Promise.race([answered, waited]);
    }
    this.#end(undefined);
  }

  /** Sends a ping now, so that the server learns the newest client report. */
  ping(): void {
    const socket = this.#socket;
    if (this.#state !== "open" || !socket) return;
    void this.#handlers.report().then((measured) => {
      if (this.#state !== "open" || this.#socket !== socket) return;
      const request = this.#requests.number();
      this.#roundTrip.start(request);
      const ping = { type: "ping", sent: Math.round(this.#env.now()), lastSeq: this.#lastSeq, request };
      const connection = measured && { ...measured, ...this.#roundTrip.report() };
      this.#write(connection ? { ...ping, connection } : ping);
    });
  }

  #plainPing(): void {
    this.#write({ type: "ping", sent: Math.round(this.#env.now()), request: this.#requests.number() });
  }

  /**
   * Makes sure that the server is there. When it doesn't answer a ping at once another WebSocket is
   * opened beside this one, which takes its place if no answer has come until it is open.
   */
  check(): void {
    if (this.#state !== "open" || this.#timers.has("check")) return;
    this.#plainPing();
    const known = this.#roundTrip.typical;
    const limit = known === undefined ? CHECK_MS : Math.min(CHECK_MS, CHECK_FLOOR_MS + 4 * known);
    const standby = known === undefined ? STANDBY_MS : Math.min(STANDBY_MS, STANDBY_FLOOR_MS + 1.5 * known);
    this.#timers.set("check", limit, () => this.#doubt());
    this.#timers.set("standby", standby, () => this.#standBy());
  }

  /**
   * Whether to dial about every second from now on instead of backing off, when it is lost. Once lost in
   * a hurry it is dialled so until it is back.
   */
  hurry(on: boolean): void {
    if (!on && this.#state === "lost") return;
    const begins = on && !this.#hurried;
    this.#hurried = on;
    if (begins && this.#state === "lost" && this.#timers.has("retry")) this.refresh();
  }

  /** Whether an answered knock has just shown that there is a network. */
  get knowsOfNetwork(): boolean {
    return this.#env.now() - this.#knockedAt < KNOCKED_MS;
  }

  /**
   * Resumes over a new WebSocket now: after a change of network, when the old one is bound to an
   * address that is gone.
   */
  refresh(): void {
    if (this.#state === "open") {
      this.#lose("a new connection is wanted");
    } else if (this.#state === "lost") {
      this.#attempt = this.#failures = this.#givenUp = 0;
      this.#redial();
    }
  }

  /** Ends the session at once, with the reason that those who wait get to know. */
  close(error: RoomlineError): void {
    this.#end(error);
  }

  /** Tells the server that we go, without waiting: the page is being closed. */
  leaveNow(): void {
    if (this.#state === "open") this.#write({ type: "leave", request: this.#requests.number() });
    this.#end(undefined);
  }

  #sendJoin(join: JoinBody): Promise<JoinedReply> {
    const { reply } = this.#requests.add(join);
    this.#flush();
    return reply.then((frame) => {
      if (frame.type !== "joined") throw new RoomlineError("bad-message", `${frame.type} answers join`);
      return frame;
    });
  }

  #noAnswer(opened: boolean): RoomlineError {
    return opened
      ? new RoomlineError("timeout", "the server did not answer the join")
      : new RoomlineError("unreachable", `no answer from ${this.#url}`);
  }

  #standBy(): void {
    this.#dialledAt = this.#env.now();
    const socket = this.#env.openSocket(this.#url);
    this.#standby = socket;
    socket.onopen = () => {
      if (this.#standby === socket) this.#takeStandby(socket);
    };
    socket.onclose = () => {
      if (this.#standby === socket) this.#standby = undefined;
    };
  }

  /** A new WebSocket was open before the old one answered. */
  #takeStandby(socket: SocketLike): void {
    this.#abandonSocket();
    if (this.#state === "open") this.#lost("another connection was faster than an answer");
    if (this.#isClosed) return;
    this.#standby = socket;
    this.#redial();
    socket.onopen?.();
  }

  #dropStandby(): void {
    this.#timers.clear("check");
    this.#timers.clear("standby");
    const socket = this.#standby;
    this.#standby = undefined;
    socket?.close();
  }

  /** Goes on without an answer, but does not close: it may be slow only, and where nothing else opens it is all there is. */
  #doubt(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#doubted = socket;
    if (socket) {
      socket.onmessage = ({ data }) => this.#takeBack(socket, data);
      socket.onclose = () => {
        if (this.#doubted === socket) this.#doubted = undefined;
      };
    }
    this.#lose("no answer to a ping");
  }

  /** It was slow only, and no other has been opened meanwhile. */
  #takeBack(socket: SocketLike, data: unknown): void {
    if (this.#doubted !== socket) return;
    this.#log("info", "signaling answers after all", { afterMs: Math.round(this.#env.now() - this.#lostAt) });
    this.#doubted = undefined;
    this.#abandonSocket();
    this.#dropStandby();
    this.#knock.stop();
    for (const name of ["retry", "attempt"]) this.#timers.clear(name);
    this.#listen(socket, true);
    this.#state = "open";
    this.#handlers.state("open");
    this.#beat();
    this.#receive(data);
    if (this.#socket === socket) this.#flush();
  }

  #dropDoubted(): void {
    const socket = this.#doubted;
    this.#doubted = undefined;
    socket?.close();
  }

  #dial(opened: () => void): void {
    if (!this.#standby) this.#dialledAt = this.#env.now();
    const socket = this.#standby ?? this.#env.openSocket(this.#url);
    this.#standby = undefined;
    this.#listen(socket, false);
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      this.#listen(socket, true);
      this.#heardAt = this.#env.now();
      this.#dropDoubted();
      opened();
    };
  }

  /** This is the WebSocket of the session from now on. */
  #listen(socket: SocketLike, isOpen: boolean): void {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#receive(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#dropped(isOpen, code, reason);
    };
  }

  #dropped(wasOpen: boolean, code: number, reason: string): void {
    const why = reason || `code ${code}`;
    if (this.#state === "joining") {
      this.#end(
        wasOpen
          ? new RoomlineError("connection-lost", `the server closed the connection (${why})`)
          : new RoomlineError("unreachable", `no connection to ${this.#url}`),
      );
    } else {
      this.#lose(why);
    }
  }

  /** Asked where handlers, which may end the session, have just been called. */
  get #isClosed(): boolean {
    return this.#state === "closed";
  }

  /** The WebSocket is gone or given up: start, or go on with, resuming. */
  #lose(why: string): void {
    if (this.#state === "closed") return;
    this.#abandonSocket();
    this.#timers.clear("attempt");
    if (this.#state === "open") this.#lost(why);
    // Whoever was told may have left.
    if (this.#isClosed) return;
    const left = this.#lostAt + RESUME_WINDOW_MS - this.#env.now();
    if (left <= 0) {
      this.#end(new RoomlineError("connection-lost", "the server could not be reached again within 30 s"));
      return;
    }
    const wait = Math.min(left, this.#retryDelay());
    this.#timers.set("retry", wait, () => this.#redial());
    // A knock may be answered where no WebSocket opens: then there is some time between them.
    if (this.#hurried && wait > 0) this.#knock.start(this.#knocked ? HURRIED_MS : 0);
  }

  /** A dial, or the answer to `resume`, takes too long. */
  #giveUp(): void {
    if (!this.#hurried) return this.#lose("no answer to resume");
    this.#givenUp++;
    this.#attempt = 0;
    this.#lose("no answer to resume");
  }

  #lost(why: string): void {
    this.#log("warn", "signaling lost", { why });
    this.#roundTrip.reset();
    this.#state = "lost";
    this.#lostAt = this.#env.now();
    this.#attempt = this.#failures = this.#givenUp = 0;
    this.#requests.lost();
    for (const name of ["heartbeat", "check", "standby"]) this.#timers.clear(name);
    this.#handlers.state("lost");
  }

  #retryDelay(): number {
    const attempt = this.#attempt++;
    if (!this.#hurried || attempt === 0) return retryDelay(attempt, this.#env.random());
    // It failed by itself: there is no network, or nobody listens. Knocks tell when that changes.
    const wait = Math.min(HURRIED_MS * 2 ** this.#failures++, FAILED_CEILING_MS);
    return Math.max(0, this.#dialledAt + wait - this.#env.now());
  }

  /** How long one dial may take. A packet that is lost while there is no network costs it seconds. */
  #attemptMs(): number {
    if (!this.#hurried) return RESUME_ATTEMPT_MS;
    const turn = PATIENCE_MS[this.#givenUp % PATIENCE_MS.length] ?? 0;
    const known = ROUND_TRIPS * (this.#roundTrip.typical ?? 0);
    return Math.min(RESUME_ATTEMPT_MS, Math.max(turn, known, this.#knocked ? ANSWER_MS : 0));
  }

  #redial(knocked = false): void {
    this.#knock.stop();
    if (this.#state !== "lost") return;
    this.#knocked = knocked;
    this.#abandonSocket();
    this.#timers.clear("retry");
    const left = this.#lostAt + RESUME_WINDOW_MS - this.#env.now();
    const patience = (ms: number) =>
      this.#timers.set("attempt", Math.max(0, Math.min(left, ms)), () => this.#giveUp());
    patience(this.#attemptMs());
    this.#dial(() => {
      patience(Math.max(ANSWER_MS, this.#attemptMs()));
      this.#resumeRequest = this.#requests.number();
      this.#write({
        type: "resume",
        request: this.#resumeRequest,
        version: PROTOCOL_VERSION,
        resumeToken: this.#resumeToken,
        lastSeq: this.#lastSeq,
      });
    });
  }

  #receive(data: unknown): void {
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

  #event(event: ServerEvent): void {
    if (event.seq <= this.#lastSeq) return; // Already seen before the WebSocket was lost.
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

  #reply(reply: NumberedReply): void {
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
  #waiting({ message, timeoutMs, heartbeat }: WaitingReply): void {
    this.#timers.set("attempt", timeoutMs + JOIN_TIMEOUT_MS, () => this.#end(this.#noAnswer(true)));
    this.#heartbeat = heartbeat;
    this.#handlers.waiting({ message, timeoutMs });
    this.#beat();
  }

  #joined(joined: JoinedReply): void {
    this.#state = "open";
    this.#lastSeq = joined.seq;
    this.#resumeToken = joined.resumeToken;
    this.#heartbeat = joined.heartbeat;
    this.#beat();
  }

  #resumed(reply: NumberedReply): void {
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

  #beat(): void {
    this.#timers.set("heartbeat", this.#heartbeat.intervalMs, () => {
      const silent = this.#env.now() - this.#heardAt > this.#heartbeat.timeoutMs;
      if (silent && this.#state === "joining") {
        this.#end(new RoomlineError("connection-lost", "the server fell silent during the join"));
        return;
      }
      if (silent) {
        this.#lose("the server is silent");
        return;
      }
      if (this.#state === "joining") this.#plainPing();
      else this.ping();
      this.#beat();
    });
  }

  #flush(): void {
    this.#requests.flush((frame) => this.#write(frame));
  }

  #write(frame: object): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  #abandonSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  /** Ends the session for good. */
  #end(error: RoomlineError | undefined): void {
    if (this.#state === "closed") return;
    const wasJoining = this.#state === "joining";
    this.#state = "closed";
    this.#timers.clearAll();
    this.#knock.stop();
    this.#dropStandby();
    this.#dropDoubted();
    this.#socket?.close(1000);
    this.#socket = undefined;
    const reason = error ?? new RoomlineError("disconnected", "the room was left");
    this.#requests.fail(reason);
    if (wasJoining) this.#failJoin(reason);
    else this.#handlers.closed(error);
  }
}

function parseFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const frame: unknown = JSON.parse(data);
    if (typeof frame !== "object" || frame === null || !("type" in frame)) return undefined;
    return typeof frame.type === "string" ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}
