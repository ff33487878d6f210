import type { Environment } from "./environment.js";

/** How often is knocked, how many knocks may be under way, and how long each may take. */
const KNOCK_MS = 250;
const AT_A_TIME = 4;
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
  #round = 0;
  #pending = 0;
  #timer: unknown;

  constructor(url: string, env: Environment, answered: () => void) {
    this.#url = url.replace(/^ws/, "http");
    this.#env = env;
    this.#answered = answered;
  }

  /** Knocks until there is an answer, or `stop`. */
  start(): void {
    this.stop();
    this.#pending = 0;
    this.#soon();
  }

  stop(): void {
    this.#round++;
    this.#env.clearTimer(this.#timer);
  }

  #soon(): void {
    this.#timer = this.#env.setTimer(() => {
      if (this.#pending < AT_A_TIME) this.#knock(this.#round);
      this.#soon();
    }, KNOCK_MS);
  }

  #knock(round: number): void {
    this.#pending++;
    void this.#env.reach(this.#url, PATIENCE_MS).then((reached) => {
      if (round !== this.#round) return;
      this.#pending--;
      if (!reached) return;
      this.stop();
      this.#answered();
    });
  }
}
