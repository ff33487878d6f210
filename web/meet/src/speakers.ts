/** How loud somebody must be, of 1, to count as speaking. */
const AUDIBLE = 0.02;
/** How much of the last look is kept in the smoothed level. */
const KEPT = 0.6;
/** Nobody takes the floor from somebody who has it for so short a time. */
const HOLD_MS = 1_500;
/** Somebody who is silent for so long no longer speaks. */
const SILENT_MS = 800;

/** Tells from the levels of all participants who speaks and whose turn it is. Time is an argument. */
export class Speakers {
  readonly #levels = new Map<string, number>();
  readonly #heard = new Map<string, number>();
  #active: string | undefined;
  #since = -Infinity;

  /** Who has the floor: the last one who spoke for a while. */
  get active(): string | undefined {
    return this.#active;
  }

  /** One look at everybody's level (0 to 1) at time `now` in ms. Returns those who speak. */
  look(levels: ReadonlyMap<string, number>, now: number): Set<string> {
    for (const id of [...this.#levels.keys()]) if (!levels.has(id)) this.forget(id);
    let loudest: string | undefined;
    for (const [id, level] of levels) {
      const smooth = KEPT * (this.#levels.get(id) ?? 0) + (1 - KEPT) * level;
      this.#levels.set(id, smooth);
      if (smooth < AUDIBLE) continue;
      this.#heard.set(id, now);
      if (smooth > (this.#levels.get(loudest ?? "") ?? 0)) loudest = id;
    }
    this.#pass(loudest, now);
    return new Set([...this.#heard].filter(([, at]) => now - at < SILENT_MS).map(([id]) => id));
  }

  forget(id: string): void {
    this.#levels.delete(id);
    this.#heard.delete(id);
    if (this.#active === id) this.#active = undefined;
  }

  #pass(loudest: string | undefined, now: number): void {
    if (!loudest || loudest === this.#active) return;
    const free = this.#active === undefined || now - (this.#heard.get(this.#active) ?? -Infinity) > SILENT_MS;
    if (!free && now - this.#since < HOLD_MS) return;
    this.#active = loudest;
    this.#since = now;
  }
}

interface Level {
  readonly timestamp: number;
  readonly audioLevel?: number;
}

/** A source that has sent nothing for so long is silent. */
const STALE_MS = 400;

/**
 * How loud a track is by the level that its sender wrote into the packets (RFC 6464): costs nothing and
 * needs no audio graph.
 */
export function receivedLevel(sources: readonly Level[], now: number): number {
  const [latest] = sources;
  return latest && now - latest.timestamp < STALE_MS ? (latest.audioLevel ?? 0) : 0;
}
