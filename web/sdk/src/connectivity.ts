import type { Environment, Logger } from "./environment.js";

/** How long a restarted ICE may take before the next restart. */
const RESTART_MS = 6_000;

export interface ConnectivityHooks {
  /** One ICE restart by offer and answer. */
  restart(): Promise<unknown>;
  /** Whether an offer can be made and sent now. If not, `signalingBack` is called when it can. */
  isReady(): boolean;
  /** A pair has begun to carry media. */
  connected(): void;
}

/**
 * Watches one peer connection and restarts ICE when its path is lost, again and again until it is
 * back or the server ends the session.
 */
export class Connectivity {
  readonly #pc: RTCPeerConnection;
  readonly #env: Environment;
  readonly #hooks: ConnectivityHooks;
  readonly #log: Logger;
  #restarting = false;
  #wanted = false;
  #timer: unknown;

  constructor(pc: RTCPeerConnection, env: Environment, hooks: ConnectivityHooks, log: Logger) {
    this.#pc = pc;
    this.#env = env;
    this.#hooks = hooks;
    this.#log = log;
    pc.addEventListener("iceconnectionstatechange", () => this.#stateChanged());
  }

  /** Restarts ICE now, or as soon as the signaling is back. */
  restart(why: string): void {
    if (this.#pc.signalingState === "closed") return;
    // Gathering while the network is away finds nothing, and browsers gather once per restart.
    if (this.#restarting || !this.#hooks.isReady()) {
      this.#wanted = true;
      return;
    }
    this.#wanted = false;
    this.#restarting = true;
    this.#log("info", "ICE restart", { why, state: this.#pc.iceConnectionState });
    void this.#hooks
      .restart()
      .catch((error: unknown) => this.#log("warn", "ICE restart failed", { error: String(error) }))
      .finally(() => this.#restarted());
  }

  /** The signaling is back: make up for what could not be done meanwhile. */
  signalingBack(): void {
    if (this.#wanted || this.#isDown()) this.restart("signaling is back");
  }

  close(): void {
    this.#clear();
  }

  #restarted(): void {
    this.#restarting = false;
    if (this.#wanted) {
      this.restart("wanted meanwhile");
      return;
    }
    this.#clear();
    this.#timer = this.#env.setTimer(() => {
      if (!this.#isUp()) this.restart("the last one did not connect");
    }, RESTART_MS);
  }

  #stateChanged(): void {
    const state = this.#pc.iceConnectionState;
    this.#log("debug", "ICE state", { state });
    if (this.#isUp()) {
      this.#clear();
      this.#hooks.connected();
    } else if (this.#isDown()) {
      this.restart(`ICE is ${state}`);
    }
  }

  #isUp(): boolean {
    return this.#pc.iceConnectionState === "connected" || this.#pc.iceConnectionState === "completed";
  }

  #isDown(): boolean {
    return this.#pc.iceConnectionState === "disconnected" || this.#pc.iceConnectionState === "failed";
  }

  #clear(): void {
    this.#env.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
