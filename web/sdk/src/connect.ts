import { browser, silent } from "./environment.js";
import type { Environment, Logger, NetworkChange } from "./environment.js";
import { RoomlineError } from "./errors.js";
import { Inbox } from "./inbox.js";
import { isUp } from "./liveness.js";
import { PROTOCOL_VERSION } from "./protocol.js";
import type { JoinedReply, SubscribeMode } from "./protocol.js";
import { Room } from "./room.js";
import { Signaling } from "./signaling.js";
import type { Waiting } from "./signaling.js";
import { Transport } from "./transport.js";
import type { LocalMedia, PreparedOffer, SlotCounts } from "./transport.js";
import { VERSION } from "./version.js";

/** When the second client report follows the first, which has only one round trip to go by. */
const SECOND_REPORT_MS = 1_000;

export interface ConnectOptions {
  /** Tracks to publish with the join, which saves a round trip. */
  tracks?: readonly LocalMedia[];
  /** `auto` (default): everything in the room. `manual`: what `publication.subscribe()` asks for. */
  subscribe?: SubscribeMode;
  /** Shown to others when the token names nobody: for links that do not know who will use them. */
  name?: string;
  /** Receive-only sections in the first offer, so that as many tracks come without a second one. Default 3 and 3. */
  slots?: Partial<SlotCounts>;
  /** Called when the application takes its time to admit, in a waiting room for example. */
  onWaiting?: (waiting: Waiting) => void;
  /** Cancels the join. */
  signal?: AbortSignal;
  /** Tell the server at once when the page is closed. Default true. */
  leaveOnPageHide?: boolean;
  /** `relay` keeps off the direct path; for tests. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /** Added to the peer connection's configuration; for tests. `iceServers` in it replaces the server's. */
  rtcConfig?: RTCConfiguration;
  logger?: Logger;
  /** Replaces parts of the browser; for tests and other hosts. */
  environment?: Partial<Environment>;
}

/**
 * `https://host` and `wss://host` get the signaling path, and so does a path that ends in `/`: where the
 * server is mounted in an application.
 */
export function signalingUrl(url: string): string {
  let parsed: URL;
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

/**
 * Joins the room that the token names.
 *
 * The offer is prepared while the WebSocket opens, goes with `join` in the first frame, and is applied
 * when the answer is there, together with the ICE servers: one round trip, then media. Listeners that
 * are added right after `await connect(…)` miss nothing.
 *
 * @param url where the server is: `wss://host[:port]/v1/signal`, `https://host[:port]`, or
 *   `https://host[:port]/path/` with a slash at the end where it is mounted under a path
 * @param token an access token
 * @throws RoomlineError `unreachable`, `token-expired`, `room-full`, `permission-denied`, …
 */
export async function connect(url: string, token: string, options: ConnectOptions = {}): Promise<Room> {
  const address = signalingUrl(url);
  const env = { ...browser, ...options.environment };
  const log = options.logger ?? silent;
  if (!options.environment?.createPeerConnection && typeof RTCPeerConnection === "undefined") {
    throw new RoomlineError("unsupported-browser", "this browser has no WebRTC");
  }
  if (options.signal?.aborted) throw new RoomlineError("aborted", "the join was cancelled");
  return new Joining(address, token, options, env, log).run();
}

/** The parts of a call while they are put together. */
class Joining {
  readonly #token: string;
  readonly #options: ConnectOptions;
  readonly #env: Environment;
  readonly #log: Logger;
  readonly #config: RTCConfiguration;
  readonly #inbox = new Inbox();
  readonly #transport: Transport;
  readonly #signaling: Signaling;
  #room: Room | undefined;
  #unwatch: () => void = () => undefined;

  constructor(url: string, token: string, options: ConnectOptions, env: Environment, log: Logger) {
    this.#token = token;
    this.#options = options;
    this.#env = env;
    this.#log = log;
    const config: RTCConfiguration = { ...options.rtcConfig };
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
        report: () => this.#room?.report() ?? Promise.resolve(undefined),
      },
      log,
    );
  }

  async run(): Promise<Room> {
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

  #prepare(): Promise<PreparedOffer> {
    const { audio = 3, video = 3 } = this.#options.slots ?? {};
    return this.#transport.prepare(this.#options.tracks ?? [], { audio, video });
  }

  #body({ offer, tracks }: PreparedOffer) {
    const { name, subscribe = "auto" } = this.#options;
    return {
      type: "join" as const,
      version: PROTOCOL_VERSION,
      token: this.#token,
      offer,
      tracks,
      subscribe,
      ...(name ? { name } : {}),
      sdk: { name: "roomline-web", version: VERSION },
    };
  }

  async #accept(joined: JoinedReply, { tracks }: PreparedOffer): Promise<Room> {
    const { pc } = this.#transport;
    const room = new Room(joined, {
      signaling: this.#signaling,
      transport: this.#transport,
      config: this.#config,
      env: this.#env,
      log: this.#log,
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
  #connected(): void {
    this.#signaling.ping();
    this.#env.setTimer(() => this.#signaling.ping(), SECOND_REPORT_MS);
  }

  #networkChanged(change: NetworkChange): void {
    this.#log("info", "network", { change });
    if (change === "leaving" && (this.#options.leaveOnPageHide ?? true)) {
      this.#room?.closePaths();
      this.#signaling.leaveNow();
    } else if (change === "online" && this.#signaling.knowsOfNetwork) {
      // What was begun with that news is under way.
      this.#signaling.check();
    } else if (change === "online" || change === "changed") {
      // The WebSocket goes first: offers are sent when it is back.
      this.#signaling.refresh();
      this.#room?.networkChanged();
    } else if (change === "offline") {
      this.#signaling.check();
    }
  }

  #signalingState(state: "open" | "lost"): void {
    this.#inbox.run(() => this.#room?.setState(state === "open" ? "connected" : "reconnecting"));
    if (state === "open") this.#room?.signalingBack();
  }

  #closed(error: RoomlineError | undefined): void {
    this.#unwatch();
    const told = error && this.#explain(error);
    this.#room?.closePaths();
    this.#transport.close();
    this.#inbox.run(() => this.#room?.closed(told));
  }

  /** Media that could not connect: say what the browser said about the STUN and TURN servers. */
  #explain(error: RoomlineError): RoomlineError {
    if (error.code !== "connection-failed") return error;
    const { code, message, fatal } = error;
    return new RoomlineError(code, message, { fatal, iceErrors: this.#room?.iceErrors ?? [] });
  }
}
