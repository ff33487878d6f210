import { createUnbound } from "./unbound.js";

/** What the SDK needs of a WebSocket. */
export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Everything the SDK takes from its surroundings. Tests, and hosts other than browsers, give their own. */
export interface Environment {
  openSocket(url: string): SocketLike;
  /** Whether anything answers a request to that address before `signal` says stop, whatever it answers. */
  reach(url: string, signal: AbortSignal): Promise<boolean>;
  /** `unbound`: bound to no interface if that can be had, for when the browser's list of them is old. */
  createPeerConnection(config: RTCConfiguration, unbound?: boolean): RTCPeerConnection;
  createMediaStream(): MediaStream;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** Between 0 and 1, for spreading reconnections. */
  random(): number;
  setTimer(callback: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
  /** Calls back when the network goes, comes or changes, and when the page goes for good; returns the undo. */
  watchNetwork(listener: (change: NetworkChange) => void): () => void;
}

export type NetworkChange = "offline" | "online" | "changed" | "leaving";

export type LogLevel = "debug" | "info" | "warn" | "error";
/** A hook for the SDK's log; nothing is logged without one. `data` is plain and can be made JSON. */
export type Logger = (level: LogLevel, message: string, data?: Record<string, unknown>) => void;

export const silent: Logger = () => undefined;

/** The environment of a browser page. */
export const browser: Environment = {
  // The DOM types its handlers by `this` and full events; ours ask for less.
  openSocket: (url) => new WebSocket(url) as unknown as SocketLike,
  reach,
  createPeerConnection: (config, unbound) => (unbound ? createUnbound(config) : new RTCPeerConnection(config)),
  createMediaStream: () => new MediaStream(),
  now: () => performance.now(),
  wallClock: () => Date.now(),
  random: () => Math.random(),
  setTimer: (callback, ms) => setTimeout(callback, ms),
  clearTimer: (timer) => clearTimeout(timer as number),
  watchNetwork: watchPage,
};

async function reach(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    // Other origins must not see who we are, and we need not see what they answer.
    await fetch(url, { method: "HEAD", mode: "no-cors", cache: "no-store", credentials: "omit", signal });
    return true;
  } catch {
    return false;
  }
}

function watchPage(listener: (change: NetworkChange) => void): () => void {
  const undo: (() => void)[] = [];
  const watch = (target: EventTarget, type: string, handler: () => void) => {
    target.addEventListener(type, handler);
    undo.push(() => target.removeEventListener(type, handler));
  };
  watch(globalThis, "offline", () => listener("offline"));
  watch(globalThis, "online", () => listener("online"));
  watch(globalThis, "pagehide", () => listener("leaving"));
  watchConnectionType(watch, () => listener("changed"));
  return () => undo.forEach((each) => each());
}

/** Tells of a change from Wi-Fi to mobile, where the page never was offline; Android's Chromium only. */
function watchConnectionType(
  watch: (target: EventTarget, type: string, handler: () => void) => void,
  changed: () => void,
): void {
  const network = (navigator as Navigator & { connection?: EventTarget & { type?: string } }).connection;
  if (network?.type === undefined) return;
  let last = network.type;
  // The event also fires at every new estimate of bandwidth, which is no reason to do anything.
  watch(network, "change", () => {
    if (network.type === undefined || network.type === last) return;
    last = network.type;
    changed();
  });
}
