import type { Environment } from "./environment.js";

/** Timers by name: setting one anew takes the place of the one that ran. */
export class Timers {
  readonly #env: Environment;
  readonly #running = new Map<string, unknown>();

  constructor(env: Environment) {
    this.#env = env;
  }

  set(name: string, ms: number, callback: () => void): void {
    this.clear(name);
    const fire = () => {
      this.#running.delete(name);
      callback();
    };
    this.#running.set(name, this.#env.setTimer(fire, ms));
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }

  clear(name: string): void {
    const timer = this.#running.get(name);
    if (timer !== undefined) this.#env.clearTimer(timer);
    this.#running.delete(name);
  }

  clearAll(): void {
    for (const name of [...this.#running.keys()]) this.clear(name);
  }
}
