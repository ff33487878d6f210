import type { Environment, Logger } from "./environment.js";
import type { PathFigures } from "./connection-quality.js";
import type { Transport } from "./transport.js";

/** How often we look whether something came. */
const LOOK_MS = 100;
/** Beats come every 200 ms; without one for so long, note what the browser counts … */
const NOTE_MS = 400;
/** … and without one for so long, and so long after the note, compare. A page that slept begins with the note. */
const SILENT_MS = 600;
const COMPARE_MS = 190;
/** A silence that the server took back so soon is a replay of what happened while the signaling was lost. */
const REPLAY_MS = 20;
/** How long beats must come again on the pair that was dead, where the browser counts no responses. */
const STEADY_MS = 1_000;

export interface LivenessHooks {
  dead(why: string): void;
  /** `proven` when it is the old pair that carries again; a new one has only had checks answered so far. */
  alive(silentMs: number, proven: boolean): void;
}

/**
 * Whether a transport's path still carries, in both directions.
 *
 * The server sends a small message, a beat, over our own data channel every 200 ms; we send it back.
 * Missing beats are only a suspicion: a data channel can stall where media flows. The browser's own
 * counters decide. What goes out is heard by the server, which tells us when it hears nothing
 * (`pathSilent`). A server that sends no beats leaves us to the browser's ICE state.
 */
export class Liveness {
  readonly #transport: Transport;
  readonly #env: Environment;
  readonly #log: Logger;
  readonly #hooks: LivenessHooks;
  readonly #stateChanged = () => this.#iceState();
  #alive = true;
  #uplinkSilent = false;
  #beatAt: number | undefined;
  #diedAt = 0;
  #steadySince: number | undefined;
  /** What was counted when the suspicion began, or when the path died. */
  #noted: PathFigures | undefined;
  #notedAt = 0;
  #looking = false;
  #timer: unknown;
  #toldTimer: unknown;
  #closed = false;

  constructor(transport: Transport, env: Environment, log: Logger, hooks: LivenessHooks) {
    this.#transport = transport;
    this.#env = env;
    this.#log = log;
    this.#hooks = hooks;
    transport.onBeat = () => this.#beat();
    transport.pc.addEventListener("iceconnectionstatechange", this.#stateChanged);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** How long no beat has come, in ms; 0 before the first. */
  get quietMs(): number {
    return this.#beatAt === undefined ? 0 : this.#env.now() - this.#beatAt;
  }

  /** The server hears nothing from us on this path, or hears us again. */
  told(silent: boolean): void {
    this.#uplinkSilent = silent;
    this.#env.clearTimer(this.#toldTimer);
    this.#toldTimer = silent
      ? this.#env.setTimer(() => this.#die("the server hears nothing"), REPLAY_MS)
      : undefined;
  }

  /** The path is known to be gone: the address that it began at is. */
  suspect(why: string): void {
    this.#die(why);
  }

  close(): void {
    this.#closed = true;
    this.#env.clearTimer(this.#timer);
    this.#env.clearTimer(this.#toldTimer);
    this.#timer = undefined;
    this.#transport.onBeat = () => undefined;
    this.#transport.pc.removeEventListener("iceconnectionstatechange", this.#stateChanged);
  }

  #beat(): void {
    this.#beatAt = this.#env.now();
    if (this.#alive) this.#noted = undefined;
    if (this.#timer === undefined && !this.#closed) this.#lookLater();
  }

  #iceState(): void {
    const state = this.#transport.pc.iceConnectionState;
    this.#log("debug", "ICE state", { transport: this.#transport.id, state });
    if (state === "disconnected" || state === "failed") this.#die(`ICE is ${state}`);
    // Where there are no beats, this is all there is to go by.
    else if (isUp(state) && this.#beatAt === undefined) this.#revive(true);
  }

  #lookLater(): void {
    this.#timer = this.#env.setTimer(() => {
      this.#lookLater();
      this.#look();
    }, LOOK_MS);
  }

  #look(): void {
    if (this.#looking) return;
    if (!this.#alive) this.#compare((figures) => this.#isBack(figures));
    else if (this.quietMs < NOTE_MS) return;
    else if (!this.#noted) this.#compare((figures) => this.#note(figures));
    else if (this.quietMs >= SILENT_MS && this.#env.now() - this.#notedAt >= COMPARE_MS) {
      this.#compare((figures) => this.#confirm(figures));
    }
  }

  #compare(judge: (figures: PathFigures) => void): void {
    this.#looking = true;
    void this.#transport.figures().then((figures) => {
      this.#looking = false;
      if (figures && !this.#closed) judge(figures);
    });
  }

  #note(figures: PathFigures): void {
    if (!this.#alive || this.quietMs < NOTE_MS) return;
    this.#noted = figures;
    this.#notedAt = this.#env.now();
  }

  #confirm(figures: PathFigures): void {
    const noted = this.#noted;
    if (!this.#alive || !noted || this.quietMs < SILENT_MS) return;
    if (received(figures, noted)) this.#note(figures);
    else this.#die(`nothing for ${Math.round(this.quietMs)} ms`);
  }

  #die(why: string): void {
    if (!this.#alive || this.#closed) return;
    this.#alive = false;
    this.#diedAt = this.#env.now();
    this.#steadySince = undefined;
    this.#noted = undefined;
    if (this.#timer === undefined) this.#lookLater();
    this.#hooks.dead(why);
  }

  /**
   * A dead path is back when both directions of the pair in use are proven, not when anything came. A
   * server that has told of silence tells of its end: no pair is proven before.
   */
  #isBack(figures: PathFigures): void {
    if (this.#alive) return;
    const noted = this.#noted;
    if (!noted) {
      this.#noted = figures;
      return;
    }
    const beats = (this.#beatAt ?? 0) > this.#diedAt;
    if (this.#uplinkSilent) return;
    if (figures.pair !== noted.pair) {
      // A pair is selected when a check on it was answered. Wait for something besides.
      if (figures.pair !== undefined && figures.bytes > 0) this.#revive(false);
    } else if ((beats || received(figures, noted)) && this.#answered(figures, noted)) {
      this.#revive(true);
    }
  }

  #answered(figures: PathFigures, noted: PathFigures): boolean {
    if (figures.responses !== undefined) return figures.responses > (noted.responses ?? 0);
    if (this.quietMs > NOTE_MS) this.#steadySince = undefined;
    else this.#steadySince ??= this.#env.now();
    return this.#steadySince !== undefined && this.#env.now() - this.#steadySince >= STEADY_MS;
  }

  #revive(proven: boolean): void {
    if (this.#alive) return;
    this.#alive = true;
    this.#uplinkSilent = false;
    this.#noted = undefined;
    // No beat need have come yet: the next silence is counted from here.
    if (this.#beatAt !== undefined) this.#beatAt = this.#env.now();
    this.#hooks.alive(this.#env.now() - this.#diedAt, proven);
  }
}

function received(now: PathFigures, before: PathFigures): boolean {
  return now.bytes > before.bytes || now.packets > before.packets;
}

export function isUp(state: RTCIceConnectionState): boolean {
  return state === "connected" || state === "completed";
}
