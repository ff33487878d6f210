import type { Environment, Logger } from "./environment.js";
import { Probe, mediaPorts, turnPorts } from "./probe.js";
import type { ConnectionChange, IceServer, Tier } from "./protocol.js";

/** The waits between probes; the last one goes on. */
const WAITS_MS = [5_000, 10_000, 20_000, 25_000];
/** A path that was found and died within that time makes the waits longer, up to the ceiling. */
const SHORT_LIVED_MS = 60_000;
const CEILING_MS = 240_000;

export interface ClimbHooks {
  /** Whether media runs on main and nothing is under way. */
  isSettled(): boolean;
  /** The server's last SDP answer on main. */
  answer(): string;
  iceServers(): readonly IceServer[];
  /** A better path is open. */
  found(): void;
}

/** Looks for a better path while the call is on a worse one: with cheap probes, ever more rarely. */
export class Climb {
  readonly #env: Environment;
  readonly #log: Logger;
  readonly #hooks: ClimbHooks;
  #tier: Tier | undefined;
  #attempt = 0;
  /** How many paths in a row were found and did not last. */
  #disappointments = 0;
  #foundAt: number | undefined;
  /** The tier that we were on then. */
  #foundOn: Tier | undefined;
  #probes: Probe[] = [];
  #timer: unknown;
  #closed = false;

  constructor(env: Environment, log: Logger, hooks: ClimbHooks) {
    this.#env = env;
    this.#log = log;
    this.#hooks = hooks;
  }

  /** The tier that the server says we are on, and how we came there if it is another one. */
  tierIs(tier: Tier | null, change: ConnectionChange | undefined): void {
    if (tier === null || tier === this.#tier) return;
    this.#tier = tier;
    if (change?.why === "path-lost") this.#judge();
    this.#attempt = 0;
    this.#schedule();
  }

  /** The network is another one: look at once. */
  networkChanged(): void {
    this.#attempt = 0;
    this.#disappointments = 0;
    this.#foundAt = undefined;
    if (this.#isWanted()) this.#probe();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  /** Whether what was found last was worth it. */
  #judge(): void {
    if (this.#foundAt === undefined) return;
    const lived = this.#env.now() - this.#foundAt;
    this.#disappointments = lived < SHORT_LIVED_MS ? this.#disappointments + 1 : 0;
    this.#foundAt = undefined;
  }

  #isWanted(): boolean {
    return !this.#closed && this.#tier !== undefined && this.#tier !== "direct";
  }

  #schedule(): void {
    this.#stop();
    if (!this.#isWanted()) return;
    const wait = WAITS_MS[Math.min(this.#attempt++, WAITS_MS.length - 1)] ?? CEILING_MS;
    const ms = Math.min(wait * 2 ** this.#disappointments, CEILING_MS);
    this.#timer = this.#env.setTimer(() => this.#probe(), ms);
  }

  #probe(): void {
    if (this.#tier === this.#foundOn) this.#judge(); // It was found, and we are no better off.
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
      (server) =>
        new Probe(server, this.#env, (open) => {
          left--;
          if (open) this.#found(server);
          else if (left === 0) this.#schedule();
        }),
    );
    if (left === 0) this.#schedule();
  }

  #found(server: string): void {
    this.#stop();
    const settled = this.#hooks.isSettled();
    this.#log("info", "a better path is open", { server, settled });
    if (settled) {
      this.#foundAt = this.#env.now();
      this.#foundOn = this.#tier;
    }
    this.#schedule(); // Looks again unless the tier becomes better.
    if (settled) this.#hooks.found();
  }

  #stop(): void {
    this.#env.clearTimer(this.#timer);
    this.#timer = undefined;
    for (const probe of this.#probes) probe.close();
    this.#probes = [];
  }
}
