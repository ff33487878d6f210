/**
 * The best round trip of ping and pong over one WebSocket. It goes the way of the page itself, so it
 * bounds what the path would take without a relay.
 */
export class RoundTrip {
  readonly #now: () => number;
  #started: { request: number; at: number } | undefined;
  #best: number | undefined;
  #typical: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Ping number `request` goes out. */
  start(request: number): void {
    this.#started = { request, at: this.#now() };
  }

  /** Its pong has come. */
  end(request: number): void {
    if (this.#started?.request !== request) return;
    const took = this.#now() - this.#started.at;
    this.#best = Math.min(took, this.#best ?? took);
    this.#started = undefined;
    this.#typical = this.#best;
  }

  /** The best that was measured last, also over a WebSocket before: for how long to wait. */
  get typical(): number | undefined {
    return this.#typical;
  }

  /** The way may be another one from now on. */
  reset(): void {
    this.#started = this.#best = undefined;
  }

  /** The field of the client report, once there is something to report. */
  report(): { signalingRttMs?: number } {
    return this.#best === undefined ? {} : { signalingRttMs: Math.round(this.#best * 10) / 10 };
  }
}
