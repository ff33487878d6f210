/** What can be paused: a remote publication. */
export interface Pausable {
  readonly id: string;
  pause(paused: boolean): Promise<void>;
}

/** So long nobody has looked before a picture is paused: turning a page and back costs nothing. */
const UNSEEN_MS = 3_000;

/** Has the server not send pictures that are on another page. */
export class Attention {
  readonly #paused = new Set<string>();
  readonly #timers = new Map<string, number>();

  /** These pictures there are; those in `seen` are on the screen. */
  look(pictures: readonly Pausable[], seen: ReadonlySet<string>): void {
    const known = new Set(pictures.map(({ id }) => id));
    for (const id of [...this.#timers.keys(), ...this.#paused]) if (!known.has(id)) this.#forget(id);
    for (const picture of pictures) {
      if (seen.has(picture.id)) this.#see(picture);
      else this.#unsee(picture);
    }
  }

  end(): void {
    for (const id of [...this.#timers.keys()]) this.#forget(id);
  }

  #see(picture: Pausable): void {
    const paused = this.#paused.has(picture.id);
    this.#forget(picture.id);
    if (paused) ask(picture, false);
  }

  #unsee(picture: Pausable): void {
    if (this.#paused.has(picture.id) || this.#timers.has(picture.id)) return;
    const timer = window.setTimeout(() => {
      this.#timers.delete(picture.id);
      this.#paused.add(picture.id);
      ask(picture, true);
    }, UNSEEN_MS);
    this.#timers.set(picture.id, timer);
  }

  #forget(id: string): void {
    window.clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#paused.delete(id);
  }
}

function ask(picture: Pausable, paused: boolean): void {
  // It has just ended, or the call has: nothing is sent then either.
  picture.pause(paused).catch(() => undefined);
}
