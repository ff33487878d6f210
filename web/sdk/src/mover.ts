import { Bridge } from "./bridge.js";
import { rank } from "./connection-quality.js";
import type { Environment, Logger } from "./environment.js";
import { Liveness, isUp } from "./liveness.js";
import type { LocalTracks } from "./local-tracks.js";
import type { Paths } from "./paths.js";
import type { Patience, Playback } from "./playback.js";
import { Restarts } from "./restarts.js";
import { Timers } from "./timers.js";
import type { Transport } from "./transport.js";

/** How long a bridge may take to connect before another one is tried. */
const BRIDGE_MS = 4_000;
/** The wait before a bridge is tried after one that failed: doubled each time, up to the ceiling. */
const AGAIN_MS = 500;
const AGAIN_CEILING_MS = 8_000;
/** How long main may stay dead while a bridge carries; then the bridge is main. */
const PROMOTE_MS = 15_000;
/**
 * How long main must live on a new pair before it is trusted: longer than the server takes to notice that
 * nothing comes, because Firefox may connect after a change of address and yet send nothing; and longer than
 * Chromium takes to nominate the better of two new pairs, which it does with a check every 2.5 s.
 */
const PROVEN_MS = 3_000;
/** So often may main die again before that; then the bridge is main. */
const RELAPSES = 3;
/**
 * Main may come back on a worse path than the bridge has, and find the better one a little later. How
 * often to look whether it has, and when to go back all the same.
 */
const WORSE_LOOK_MS = 250;
const WORSE_MS = 5_000;
/** How long the bridge stays when main carries again: senders' next keyframes come meanwhile. */
const SETTLE_MS = 600;
/** Off a dead path: sound at once, a picture when there is one. */
const FALLING: Patience = { audio: 0, video: 400 };
/** Off a path that carries there is time. */
const RETURNING: Patience = { audio: 1_000, video: 1_000 };
const AT_ONCE: Patience = { audio: 0, video: 0 };
/** A beat that is so late at a change of network is taken for lost. */
const LATE_MS = 300;
/** Slots of a bridge beyond those in use, of each kind. */
const SPARE = 1;

/** What the move needs of the signaling. */
export interface MoverSignaling {
  isReady(): boolean;
  /** Makes sure that the WebSocket is alive, or dials anew. */
  check(): void;
  /** Whether to dial about every second when it is lost, instead of backing off. */
  hurry(on: boolean): void;
}

export interface MoverHooks {
  /** Media runs on another path. */
  settled(): void;
  /** A bridge has become main. */
  mainChanged(main: Transport): void;
}

/**
 * Keeps the media running when paths die: restarts main's ICE and opens a bridge at the same time, lets
 * the first that connects carry the media, and goes back to main when that is there.
 */
export class Mover {
  readonly #config: RTCConfiguration;
  readonly #paths: Paths;
  readonly #tracks: LocalTracks;
  readonly #playback: Playback;
  readonly #signaling: MoverSignaling;
  readonly #env: Environment;
  readonly #log: Logger;
  readonly #hooks: MoverHooks;
  readonly #timers: Timers;
  readonly #restarts: Restarts;
  #mainLife: Liveness;
  #bridge: Bridge | undefined;
  /** When the server has been told to close the bridges before. */
  #retiring: Promise<void> = Promise.resolve();
  /** When the server has said that what was on them is on main. */
  #retired: Promise<void> = Promise.resolve();
  /** A dead bridge whose last picture is still shown. */
  #shown: Transport | undefined;
  #failures = 0;
  /** How often main came back and died again before it was trusted. */
  #relapses = 0;
  #closed = false;

  constructor(parts: {
    config: RTCConfiguration;
    paths: Paths;
    tracks: LocalTracks;
    playback: Playback;
    signaling: MoverSignaling;
    env: Environment;
    log: Logger;
    hooks: MoverHooks;
  }) {
    this.#config = parts.config;
    this.#paths = parts.paths;
    this.#tracks = parts.tracks;
    this.#playback = parts.playback;
    this.#signaling = parts.signaling;
    this.#env = parts.env;
    this.#log = parts.log;
    this.#hooks = parts.hooks;
    this.#timers = new Timers(parts.env);
    this.#restarts = new Restarts(parts.env, parts.log, {
      restart: () => this.#paths.restartIce(this.#paths.main),
      isReady: () => this.#signaling.isReady(),
      isUp: () => this.#mainLife.alive && isUp(this.#paths.main.pc.iceConnectionState),
    });
    this.#mainLife = this.#watchMain();
  }

  /** Whether main carries the media and nothing is under way. */
  get isSettled(): boolean {
    return !this.#closed && this.#mainLife.alive && !this.#bridge && this.#signaling.isReady();
  }

  /** The server hears nothing on that transport, or hears us again. */
  told(transport: string, silent: boolean): void {
    if (transport === this.#paths.main.id) this.#mainLife.told(silent);
    else if (transport === this.#bridge?.transport.id) this.#bridge.liveness.told(silent);
  }

  /** A better path has been found: main goes there without a gap. */
  climb(): void {
    this.#restarts.restart("a better path is open");
  }

  /** The signaling is back: what could not be begun begins. */
  signalingBack(): void {
    const bridge = this.#bridge;
    this.#signaling.hurry(false);
    if (!this.#mainLife.alive && !bridge?.isUp) {
      // It gathered when the network was another one, or none.
      if (bridge?.isAnswered) this.#dropBridge("the signaling was lost meanwhile");
      this.#fall("signaling is back");
    }
    this.#restarts.signalingBack();
  }

  /** There is a network again, or another one. */
  networkChanged(): void {
    const lateOrDown = !isUp(this.#paths.main.pc.iceConnectionState) || this.#mainLife.quietMs > LATE_MS;
    if (lateOrDown) this.#mainLife.suspect("the network changed");
    this.#restarts.restart("the network changed");
    if (this.#mainLife.alive) return;
    const bridge = this.#bridge;
    if (bridge?.isUp && bridge.liveness.quietMs <= LATE_MS) return;
    if (bridge) this.#replaceBridge("the network changed");
    // Its offer goes out with the resumed signaling; it gathers while that is dialled.
    this.#openBridge();
  }

  close(): void {
    this.#closed = true;
    this.#timers.clearAll();
    this.#restarts.close();
    this.#mainLife.close();
    this.#playback.stop();
    this.#bridge?.close();
    this.#bridge = undefined;
    this.#paths.bridge = undefined;
    this.#forgetShown();
  }

  #watchMain(): Liveness {
    return new Liveness(this.#paths.main, this.#env, this.#log, {
      dead: (why) => this.#mainDead(why),
      alive: (silentMs, proven) => this.#mainBack(silentMs, proven),
    });
  }

  #mainDead(why: string): void {
    this.#log("warn", "the path is dead", { transport: this.#paths.main.id, why });
    if (this.#timers.has("proven")) this.#relapses++;
    for (const name of ["proven", "return", "settle"]) this.#timers.clear(name);
    const bridge = this.#bridge;
    if (bridge?.isUp && bridge.liveness.alive) {
      this.#stayOn(bridge);
      this.#restarts.restart(why);
    } else {
      if (bridge?.isUp) this.#replaceBridge(why);
      this.#fall(why);
    }
  }

  /** The bridge carries while main is dead. */
  #stayOn(bridge: Bridge): void {
    if (this.#paths.carrying !== bridge.transport) void this.#carryOn(bridge.transport, FALLING);
    const wait = this.#relapses >= RELAPSES ? 0 : PROMOTE_MS;
    if (wait === 0 || !this.#timers.has("promote")) this.#timers.set("promote", wait, () => void this.#promote());
  }

  /** Everything at once; what comes first carries. */
  #fall(why: string): void {
    this.#signaling.hurry(true);
    this.#signaling.check();
    if (!this.#signaling.isReady()) return;
    this.#openBridge();
    this.#restarts.restart(why);
  }

  #mainBack(silentMs: number, proven: boolean): void {
    this.#log("info", "the path is back", { transport: this.#paths.main.id, silentMs: Math.round(silentMs), proven });
    this.#signaling.hurry(false);
    this.#timers.clear("again");
    this.#failures = 0;
    if (!this.#bridge?.isUp && this.#paths.carrying !== this.#paths.main) void this.#playMain();
    if (proven) this.#mainProven();
    else this.#timers.set("proven", PROVEN_MS, () => this.#mainProven());
    this.#hooks.settled();
  }

  #mainProven(): void {
    this.#relapses = 0;
    this.#timers.clear("promote");
    const bridge = this.#bridge;
    if (bridge?.isUp) void this.#returnWhenGood(bridge, this.#env.now() + WORSE_MS);
    else if (bridge) this.#dropBridge("main is back before it");
  }

  async #returnWhenGood(bridge: Bridge, deadline: number): Promise<void> {
    const [main, other] = await Promise.all([this.#paths.main.report(), bridge.transport.report()]);
    if (this.#bridge !== bridge || !this.#mainLife.alive) return;
    const worse = main && other && rank(main) > rank(other) && bridge.liveness.alive;
    if (worse && this.#env.now() < deadline) {
      this.#timers.set("return", WORSE_LOOK_MS, () => void this.#returnWhenGood(bridge, deadline));
    } else {
      await this.#return(bridge);
    }
  }

  async #return(bridge: Bridge): Promise<void> {
    await this.#carryOn(this.#paths.main, RETURNING);
    if (this.#bridge !== bridge || !this.#mainLife.alive) return;
    this.#timers.set("settle", SETTLE_MS, () => this.#dropBridge("main carries again"));
  }

  /** The media goes by `transport` from now on, in both directions. */
  async #carryOn(transport: Transport, patience: Patience): Promise<void> {
    await Promise.all([this.#moveTracks(transport), this.#playback.play(transport, patience)]);
  }

  async #playMain(): Promise<void> {
    await this.#playback.play(this.#paths.main, RETURNING);
    if (!this.#bridge && !this.#closed) this.#forgetShown();
  }

  #openBridge(): void {
    if (this.#bridge || this.#closed) return;
    this.#timers.clear("again");
    const bridge = new Bridge(this.#config, this.#paths, this.#tracks, this.#env, this.#log, {
      up: () => this.#bridgeUp(bridge),
      failed: (error) => this.#bridgeFailed(bridge, String(error)),
      dead: (why) => this.#bridgeDead(bridge, why),
    });
    this.#bridge = bridge;
    this.#paths.bridge = bridge.transport;
    this.#timers.set("bridge", BRIDGE_MS, () => this.#bridgeFailed(bridge, "it does not connect"));
    const { audio, video } = this.#playback.counts(this.#paths.main);
    bridge.begin(this.#retiring, { audio: audio + SPARE, video: video + SPARE });
  }

  #bridgeUp(bridge: Bridge): void {
    if (this.#bridge !== bridge) return;
    this.#log("info", "a bridge carries the media", { transport: bridge.transport.id });
    this.#failures = 0;
    this.#timers.clear("bridge");
    if (!this.#mainLife.alive) this.#timers.set("promote", PROMOTE_MS, () => void this.#promote());
    this.#signaling.hurry(false);
    void this.#playback.play(bridge.transport, FALLING).then(() => {
      if (this.#bridge === bridge) this.#forgetShown();
    });
    this.#tracks.mirror(bridge.transport).catch((error: unknown) => {
      this.#log("warn", "the bridge does not send everything", { error: String(error) });
    });
    this.#hooks.settled();
  }

  #bridgeFailed(bridge: Bridge, why: string): void {
    if (this.#bridge !== bridge) return;
    this.#log("warn", "the bridge failed", { transport: bridge.transport.id, why });
    this.#dropBridge(why);
    if (this.#mainLife.alive) return;
    const delay = Math.min(AGAIN_MS * 2 ** this.#failures++, AGAIN_CEILING_MS);
    this.#timers.set("again", delay, () => this.#bridgeAgain());
  }

  /** One more bridge; main's restarts have a pace of their own. */
  #bridgeAgain(): void {
    this.#signaling.check();
    if (this.#signaling.isReady()) this.#openBridge();
  }

  #bridgeDead(bridge: Bridge, why: string): void {
    if (this.#bridge !== bridge) return;
    this.#log("warn", "the bridge's path is dead", { transport: bridge.transport.id, why });
    if (this.#mainLife.alive) {
      this.#dropBridge(why);
      return;
    }
    this.#replaceBridge(why);
    this.#fall(why);
  }

  /** A dead bridge makes room for the next one, but what it showed last stays on the screen. */
  #replaceBridge(why: string): void {
    const bridge = this.#bridge;
    if (!bridge) return;
    if (!bridge.isUp) {
      this.#dropBridge(why);
      return;
    }
    this.#forgetBridge();
    if (this.#shown) this.#closeRetired(this.#shown);
    this.#shown = bridge.transport;
    this.#release(bridge);
    this.#retire(bridge);
  }

  #dropBridge(why: string): void {
    const bridge = this.#bridge;
    if (!bridge) return;
    this.#log("debug", "the bridge is closed", { transport: bridge.transport.id, why });
    this.#forgetBridge();
    const { main, carrying } = this.#paths;
    if (carrying === bridge.transport || (this.#mainLife.alive && carrying !== main)) {
      void this.#playback.play(main, AT_ONCE);
    }
    if (this.#mainLife.alive) this.#forgetShown();
    this.#playback.prune();
    this.#release(bridge);
    // Without an answer nothing of ours can be there.
    if (!bridge.isAnswered) bridge.transport.close();
    this.#retire(bridge);
    this.#closeRetired(bridge.transport);
  }

  #forgetBridge(): void {
    for (const name of ["bridge", "return", "settle", "promote"]) this.#timers.clear(name);
    this.#bridge = undefined;
    this.#paths.bridge = undefined;
  }

  #forgetShown(): void {
    this.#playback.prune();
    if (this.#shown) this.#closeRetired(this.#shown);
    this.#shown = undefined;
  }

  #release(bridge: Bridge): void {
    bridge.release();
    this.#tracks.forget(bridge.transport);
  }

  /** Has the server close a bridge, whenever its name is known; tracks that are on it go back first. */
  #retire(bridge: Bridge): void {
    let moved: Promise<void> | undefined;
    this.#retiring = bridge.opened.then((id) => {
      if (id === undefined || this.#closed) return;
      moved = this.#moveTracks(this.#paths.main);
      this.#closeTransport(id);
    });
    const before = this.#retired;
    this.#retired = this.#retiring.then(() => moved).then(() => before);
  }

  /** The end of its DTLS would end the tracks that the server still has on it, so that comes last. */
  #closeRetired(transport: Transport): void {
    if (this.#closed) transport.close();
    else void this.#retired.then(() => transport.close());
  }

  #closeTransport(id: string): void {
    this.#paths.request({ type: "closeTransport", transport: id }).catch((error: unknown) => {
      // The end of its DTLS may have closed it before.
      this.#log("debug", "a transport was not closed", { transport: id, error: String(error) });
    });
  }

  async #moveTracks(transport: Transport): Promise<void> {
    const tracks = this.#tracks.moves(transport);
    if (tracks.length === 0) return;
    try {
      await this.#paths.request({ type: "move", transport: transport.id, tracks });
    } catch (error) {
      // A track that ended meanwhile; the others go when the transport that they are on is closed.
      this.#log("warn", "tracks were not moved", { transport: transport.id, error: String(error) });
    }
  }

  /** Main does not come back although the network is there: the bridge is main from now on. */
  async #promote(): Promise<void> {
    const bridge = this.#bridge;
    if (!bridge?.isUp) return;
    try {
      await this.#tracks.mirror(bridge.transport);
    } catch (error) {
      this.#log("warn", "the bridge can not be main yet", { error: String(error) });
      if (this.#bridge === bridge) this.#timers.set("promote", PROMOTE_MS, () => void this.#promote());
      return;
    }
    if (this.#bridge !== bridge || !bridge.isUp) return;
    if (this.#mainLife.alive) return; // It is being proven; when it dies again, this comes again.
    this.#relapses = 0;
    this.#log("warn", "the bridge is main from now on", { transport: bridge.transport.id });
    const old = this.#paths.main;
    this.#forgetBridge();
    bridge.release();
    this.#mainLife.close();
    this.#restarts.mainChanged();
    this.#paths.main = this.#paths.carrying = bridge.transport;
    this.#mainLife = this.#watchMain();
    this.#tracks.forget(old);
    this.#forgetShown();
    this.#closeTransport(old.id);
    old.closeReplaced();
    this.#hooks.mainChanged(bridge.transport);
  }
}
