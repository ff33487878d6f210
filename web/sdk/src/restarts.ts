import type { Environment, Logger } from "./environment.js";

/** How long a restarted ICE may take before the next restart. */
const RESTART_MS = 6_000;
/** A restart that began so lately counts for what happens now. */
const FRESH_MS = 1_000;

export interface RestartHooks {
  /** One ICE restart by offer and answer. */
  restart(): Promise<unknown>;
  /** Whether an offer can be sent now. If not, `signalingBack` is called when it can. */
  isReady(): boolean;
  /** Whether the path works. */
  isUp(): boolean;
}

/** Restarts main's ICE, one restart at a time, and again and again while its path is dead. */
export class Restarts {
  readonly #env: Environment;
  readonly #log: Logger;
  readonly #hooks: RestartHooks;
  #running = false;
  /** Counts the connections that were main: a restart of a former one says nothing any more. */
  #era = 0;
  #wanted = false;
  #begunAt = -Infinity;
  #timer: unknown;
  #closed = false;

  constructor(env: Environment, log: Logger, hooks: RestartHooks) {
    this.#env = env;
    this.#log = log;
    this.#hooks = hooks;
  }

  /** Restarts ICE now, or as soon as the signaling is back. */
  restart(why: string): void {
    if (this.#closed) return;
    // Gathering while the network is away finds nothing, and browsers gather once per restart.
    if (!this.#hooks.isReady()) {
      this.#wanted = true;
    } else if (!this.#running) {
      this.#run(why);
    } else if (this.#env.now() - this.#begunAt > FRESH_MS) {
      this.#wanted = true;
    }
  }

  /** The signaling is back: make up for what could not be done. A restart under way is sent anew by itself. */
  signalingBack(): void {
    if (this.#running) this.#wanted = false;
    else if (this.#wanted) this.restart("signaling is back");
  }

  /** Another connection is main. What is under way on the one before may never end: it is closed. */
  mainChanged(): void {
    this.#era++;
    this.#running = this.#wanted = false;
    this.#begunAt = -Infinity;
    this.#env.clearTimer(this.#timer);
  }

  close(): void {
    this.#closed = true;
    this.#env.clearTimer(this.#timer);
  }

  #run(why: string): void {
    this.#wanted = false;
    this.#running = true;
    this.#begunAt = this.#env.now();
    this.#env.clearTimer(this.#timer);
    const era = this.#era;
    this.#log("info", "ICE restart", { why });
    void this.#hooks
      .restart()
      .catch((error: unknown) => this.#log("warn", "ICE restart failed", { error: String(error) }))
      .finally(() => {
        if (era === this.#era) this.#done();
      });
  }

  #done(): void {
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
}
