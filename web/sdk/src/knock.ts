import type { Environment } from "./environment.js";

/** How often is knocked, more or less, how many knocks may be under way, and how long each may take. */
const KNOCK_MS = 250;
const AT_A_TIME = 2;
const PATIENCE_MS = 2_000;

/**
 * Asks again and again whether anything answers where the WebSocket is dialled, while dialling itself
 * must be rare: Firefox makes each WebSocket wait longer than the one before when these fail at once,
 * as they do without a network, and it tells nobody when the network is back.
 */
export class Knock {
  readonly #url: string;
  readonly #env: Environment;
  readonly #answered: () => void;
  readonly #pending = new Set<AbortController>();
  #timer: unknown;

  constructor(url: string, env: Environment, answered: () => void) {
    this.#url = url.replace(/^ws/, "http");
    this.#env = env;
    this.#answered = answered;
  }

  /** Knocks, `afterMs` from now on, until there is an answer or `stop`. */
  start(afterMs: number): void {
    this.stop();
    this.#soon(afterMs);
  }

  stop(): void {
    this.#env.clearTimer(this.#timer);
    for (const knock of this.#pending) knock.abort();
    this.#pending.clear();
  }

  #soon(afterMs = 0): void {
    // Spread, for those who all lost the same network.
    const pause = KNOCK_MS * (0.75 + this.#env.random() / 2);
    this.#timer = this.#env.setTimer(() => {
      this.#soon();
      if (this.#pending.size < AT_A_TIME) void this.#knock();
    }, afterMs + pause);
  }

  async #knock(): Promise<void> {
    const knock = new AbortController();
    this.#pending.add(knock);
    const timer = this.#env.setTimer(() => knock.abort(), PATIENCE_MS);
    const reached = await this.#env.reach(this.#url, knock.signal);
    this.#env.clearTimer(timer);
    // One that was taken back by `stop` says nothing any more.
    if (!this.#pending.delete(knock) || !reached) return;
    this.stop();
    this.#answered();
  }
}
