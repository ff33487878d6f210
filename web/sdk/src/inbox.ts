/**
 * Holds back what the room has to tell until somebody can listen: `connect()` returns the room, and
 * only the code after its `await` can add listeners.
 */
export class Inbox {
  #waiting: (() => void)[] | undefined = [];

  /** Runs `deliver` now, or in its turn once the inbox is opened. */
  run(deliver: () => void): void {
    if (this.#waiting) this.#waiting.push(deliver);
    else deliver();
  }

  open(): void {
    while (this.#waiting?.length) this.#waiting.shift()?.();
    this.#waiting = undefined;
  }
}
