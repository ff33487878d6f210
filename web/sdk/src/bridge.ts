import type { Environment, Logger } from "./environment.js";
import { RoomlineError } from "./errors.js";
import { Liveness } from "./liveness.js";
import type { LocalTracks } from "./local-tracks.js";
import type { Paths } from "./paths.js";
import { Transport } from "./transport.js";
import type { SlotCounts } from "./transport.js";

export interface BridgeHooks {
  /** ICE and DTLS are there. */
  up(): void;
  /** It could not be opened, or can not be used any more. */
  failed(error: unknown): void;
  /** Its path died. */
  dead(why: string): void;
}

/**
 * A second transport that carries the media while main's ICE restarts: a new peer connection has a path
 * in about half a second, where a restart off a dead path takes a browser seconds. It is bound to no
 * interface, so that it has a path also where main's interface is gone and no other is known yet.
 */
export class Bridge {
  readonly transport: Transport;
  readonly liveness: Liveness;
  readonly #paths: Paths;
  readonly #tracks: LocalTracks;
  readonly #env: Environment;
  readonly #log: Logger;
  readonly #hooks: BridgeHooks;
  readonly #stateChanged = () => this.#connectionState();
  #state: "opening" | "up" | "closed" = "opening";
  #opened: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(
    config: RTCConfiguration,
    paths: Paths,
    tracks: LocalTracks,
    env: Environment,
    log: Logger,
    hooks: BridgeHooks,
  ) {
    this.#paths = paths;
    this.#tracks = tracks;
    this.#env = env;
    this.#log = log;
    this.#hooks = hooks;
    this.transport = new Transport(env, config, log, true);
    this.liveness = new Liveness(this.transport, env, log, {
      dead: (why) => hooks.dead(why),
      alive: () => undefined,
    });
    this.transport.pc.addEventListener("connectionstatechange", this.#stateChanged);
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** Whether the server has answered its offer. */
  get isAnswered(): boolean {
    return this.transport.id !== "";
  }

  /**
   * The server's name for it as soon as there is one, also when it was closed or failed meanwhile, so that
   * it can be closed there too; undefined when there will be none.
   */
  get opened(): Promise<string | undefined> {
    return this.#opened;
  }

  /** Offers what we publish, and as many slots as `slots` says, when `turn` has come. */
  begin(turn: Promise<void>, slots: SlotCounts): void {
    this.#opened = turn.then(() => this.#open(slots));
  }

  async #open(slots: SlotCounts): Promise<string | undefined> {
    const sent = this.#tracks.all();
    try {
      const prepared = await this.transport.prepare(sent.map(({ media }) => media), slots);
      if (this.#isClosed()) return undefined;
      const { iceServers, iceServersExpireAt } = this.#paths.servers;
      // Gathering needs nothing of the server, unless the credentials at hand are too old.
      if (this.#env.wallClock() < iceServersExpireAt) this.transport.gather(iceServers);
      const sections = new Map(sent.map((each, index) => [each, { mid: prepared.tracks[index]?.mid ?? "" }]));
      this.#log("debug", "a bridge is offered");
      const reply = await this.#paths.offer(undefined, prepared.offer, this.#tracks.intents(sections));
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
      return this.transport.id || undefined;
    }
  }

  /** Stops watching; the peer connection goes on, as main. */
  release(): void {
    this.#state = "closed";
    this.liveness.close();
    this.transport.pc.removeEventListener("connectionstatechange", this.#stateChanged);
  }

  close(): void {
    this.release();
    this.#tracks.forget(this.transport);
    this.transport.close();
  }

  // A method, because the state changes during the awaits above, which the compiler doesn't know.
  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #connectionState(): void {
    const state = this.transport.pc.connectionState;
    if (state === "connected" && this.#state === "opening") {
      this.#state = "up";
      this.#hooks.up();
    } else if (state === "failed") {
      this.#hooks.failed(new RoomlineError("connection-failed", "the bridge's path failed"));
    }
  }
}
