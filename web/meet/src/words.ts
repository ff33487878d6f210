import type { ConnectionInfo, ErrorCode, IceError, RoomlineError } from "roomline";
import { t } from "./language.js";
import type { Texts } from "./texts.js";

/** What a person is told when something does not work. */
export interface Message {
  title: string;
  /** Paragraphs. */
  text: string[];
  /** A list below them. */
  items?: string[];
  /** What the button offers; without it there is none. */
  action?: string;
}

/** Where the page came from and what the server has said of its ports, for what to ask of a firewall's owner. */
export interface Place {
  hostname: string;
  /** The port in the page's address; 443 when there is none. */
  port: number;
  /** The port of TURN over UDP, if the server has named one. */
  turnPort?: number;
  /** The media port that the server had for this call, if it came that far. */
  mediaPort?: number;
}

/** How somebody's media travels: "Direct · UDP 23456 · 51 ms", "Relay over TLS 443 · 63 ms · +12 ms". */
export function connectionWords(connection: Readonly<ConnectionInfo>): string {
  const words = t();
  if (connection.state === "connecting") return words.connecting;
  if (connection.state === "interrupted") return words.lookingForAWay;
  const { tier, protocol, serverPort, rttMs } = connection;
  const port = `${(protocol ?? "").toUpperCase()} ${serverPort ?? ""}`.trim();
  const parts = tier === "direct" ? [words.direct, port] : [words.relay(port)];
  if (rttMs !== null) parts.push(words.ms(Math.round(rttMs)));
  const added = addedMs(connection);
  if (tier !== "direct" && added !== null) parts.push(words.addedMs(added));
  return parts.filter(Boolean).join(" · ");
}

/** The same for a small tile: "Direct · 51 ms", "TLS 443 · 63 ms". */
export function shortConnectionWords(connection: Readonly<ConnectionInfo>): string {
  const { state, tier, protocol, serverPort, rttMs } = connection;
  if (state !== "connected") return state === "connecting" ? t().connecting : t().interruptedShort;
  const way = tier === "direct" ? t().direct : `${(protocol ?? "").toUpperCase()} ${serverPort ?? ""}`.trim();
  return rttMs === null ? way : `${way} · ${t().ms(Math.round(rttMs))}`;
}

/** What that way costs, as a sentence; empty while there is none. */
export function costWords(connection: Readonly<ConnectionInfo>): string {
  if (connection.state !== "connected" || connection.tier === null) return "";
  if (connection.tier === "direct") return t().costDirect;
  const added = addedMs(connection);
  return connection.tier === "turn-udp" ? t().costUdp(added) : t().costTcp(added);
}

function addedMs({ addedLatencyMs }: Readonly<ConnectionInfo>): number | null {
  return addedLatencyMs === null ? null : Math.max(0, Math.round(addedLatencyMs));
}

export type DeviceName = "theCamera" | "theMicrophone" | "cameraAndMicrophone" | "cameraOrMicrophone";

/** Why a device could not be had; `error` is the name of the browser's exception. */
export function deviceWords(error: string, device: DeviceName): string {
  const words = t();
  const what = words[device];
  switch (error) {
    case "NotAllowedError":
    case "SecurityError":
      return words.deviceRefused(what);
    case "NotFoundError":
    case "OverconstrainedError":
      return words.deviceMissing(what);
    case "NotReadableError":
    case "AbortError":
      return words.deviceBusy(what);
    case "InsecureContext":
      return words.deviceInsecure(what);
    default:
      return words.deviceFailed(what, error);
  }
}

type Plain = { [K in keyof Texts]: Texts[K] extends string ? K : never }[keyof Texts];

/** Title, text and, if there is something to do about it, what the button says. */
const WORDS: Partial<Record<ErrorCode, [title: Plain, text: Plain, action?: Plain]>> = {
  "token-expired": ["expired", "expiredText"],
  "token-not-yet-valid": ["early", "earlyText", "tryAgain"],
  "token-invalid": ["invalid", "invalidText"],
  "permission-denied": ["denied", "deniedText"],
  "room-full": ["full", "fullText", "tryAgain"],
  draining: ["restarting", "restartingText", "tryAgain"],
  replaced: ["replaced", "replacedText", "joinHere"],
  removed: ["removed", "removedText"],
  "connection-lost": ["lost", "lostText", "joinAgain"],
  "resume-expired": ["lost", "awayText", "joinAgain"],
  "unsupported-browser": ["oldBrowser", "oldBrowserText"],
  "unsupported-version": ["oldPage", "oldPageText", "tryAgain"],
};

function wordsOf(code: ErrorCode): Message | undefined {
  const keys = WORDS[code];
  if (!keys) return undefined;
  const [title, text, action] = keys;
  return { title: t()[title], text: [t()[text]], ...(action ? { action: t()[action] } : {}) };
}

/** The words for an error that kept somebody out of a call, or ended it. */
export function errorWords(error: RoomlineError, place: Place): Message {
  if (error.code === "connection-failed") return blockedWords(error.iceErrors, place);
  if (error.code === "unreachable" || error.code === "timeout") return unreachableWords(place);
  // The application's own reason, in its language.
  if (error.code === "refused") return { title: t().refused, text: [error.message], action: t().tryAgain };
  const other = { title: t().wrong, text: [`${error.message} (${error.code})`], action: t().tryAgain };
  return wordsOf(error.code) ?? other;
}

/** The words for a link without a token: `error` is the server's code when it refused an invitation. */
export function linkWords(error: string): Message {
  const found = wordsOf(error as ErrorCode);
  return found ? { title: found.title, text: found.text } : { title: t().incomplete, text: [t().incompleteText] };
}

export function leftWords(): Message {
  return { title: t().youLeft, text: [t().youLeftText], action: t().joinAgain };
}

/** What to ask the owner of a firewall for: one of these is enough, the first is best. */
export function firewallItems({ hostname, port, turnPort = 3478, mediaPort }: Place): string[] {
  const words = t();
  return [
    words.openMedia(hostname, mediaPort ?? null),
    words.openUdp(hostname, turnPort),
    words.openTcp(hostname, port),
  ];
}

/** Nothing got through. */
function blockedWords(iceErrors: readonly IceError[], place: Place): Message {
  const words = t();
  const text = turnedAway(iceErrors, place)
    ? [words.turnedAway(place.port), words.untrusted, words.inspected]
    : [words.nothingThroughText];
  return { title: words.nothingThrough, text, items: firewallItems(place), action: words.tryAgain };
}

function unreachableWords({ hostname, port }: Place): Message {
  const words = t();
  return {
    title: words.unreachable,
    text: [words.unreachableText(hostname, port), words.unreachableTrust],
    action: words.tryAgain,
  };
}

/**
 * Whether TURN over TLS was refused at the very port over which the page and its WebSocket work. A
 * certificate that is not trusted and a connection that is reset look the same to the page: 701 both.
 */
function turnedAway(iceErrors: readonly IceError[], { port }: Place): boolean {
  return iceErrors.some(({ url, errorCode }) => {
    const turns = /^turns:(?:\[[^\]]*\]|[^:?]*)(?::(\d+))?/.exec(url);
    return turns !== null && errorCode === 701 && Number(turns[1] ?? 5349) === port;
  });
}

/** The port of TURN over UDP among the server's URLs (RFC 7065). */
export function turnPort(urls: readonly string[]): number | undefined {
  for (const url of urls) {
    const found = /^turn:(?:\[[^\]]*\]|[^:?]*)(?::(\d+))?(?:\?transport=(\w+))?$/.exec(url);
    if (found && (found[2] ?? "udp") === "udp") return Number(found[1] ?? 3478);
  }
  return undefined;
}

/** The port of the first UDP candidate in an answer of the server's. */
export function mediaPort(sdp: string): number | undefined {
  const found = /^a=candidate:\S+ \d+ udp \d+ \S+ (\d+) typ host/im.exec(sdp);
  return found ? Number(found[1]) : undefined;
}
