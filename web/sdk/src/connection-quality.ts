import type { ClientReport } from "./protocol.js";

/** What the browser has counted on the path in use. */
export interface PathFigures {
  /** The selected candidate pair. */
  pair: string | undefined;
  /** Answers to connectivity checks on it; undefined where the browser doesn't count them. */
  responses: number | undefined;
  /** What was received on it. */
  bytes: number;
  /** RTP packets received, on whatever path. */
  packets: number;
}

type Entry = Record<string, unknown> & { id: string; type: string };

/**
 * What `getStats()` says of the selected candidate pair, or undefined before there is one with a
 * measured round trip.
 */
export function clientReport(stats: RTCStatsReport): ClientReport | undefined {
  const entries = [...(stats as unknown as Map<string, Entry>).values()];
  const pair = selectedPair(entries);
  const rtt = pair?.["currentRoundTripTime"];
  if (!pair || typeof rtt !== "number" || !Number.isFinite(rtt) || rtt < 0) return undefined;
  const local = entries.find((entry) => entry.id === pair["localCandidateId"]);
  const candidateType = local?.["candidateType"];
  if (!isCandidateType(candidateType)) return undefined;
  const relayProtocol = local?.["relayProtocol"];
  const report: ClientReport = { candidateType, rttMs: Math.round(rtt * 10_000) / 10 };
  // Told by the relay's own field only: priorities say nothing reliable about it.
  return isRelayProtocol(relayProtocol) ? { ...report, relayProtocol } : report;
}

/** How good a path is: the smaller the better. */
export function rank({ candidateType, relayProtocol }: ClientReport): number {
  if (candidateType !== "relay") return 0;
  return relayProtocol === "tls" || relayProtocol === "tcp" ? 2 : 1;
}

/** The counters that tell whether a path carries. */
export function pathFigures(stats: RTCStatsReport): PathFigures {
  const entries = [...(stats as unknown as Map<string, Entry>).values()];
  const pair = selectedPair(entries);
  const responses = pair?.["responsesReceived"];
  let packets = 0;
  for (const entry of entries) {
    if (entry.type === "inbound-rtp") packets += count(entry["packetsReceived"]);
  }
  return {
    pair: pair?.id,
    responses: typeof responses === "number" ? responses : undefined,
    bytes: count(pair?.["bytesReceived"]),
    packets,
  };
}

function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function selectedPair(entries: Entry[]): Entry | undefined {
  const transport = entries.find((entry) => entry.type === "transport" && entry["selectedCandidatePairId"]);
  if (transport) return entries.find((entry) => entry.id === transport["selectedCandidatePairId"]);
  // Firefox has no transport entry; it marks the pair.
  return entries.find((entry) => entry.type === "candidate-pair" && entry["selected"] === true);
}

function isCandidateType(value: unknown): value is ClientReport["candidateType"] {
  return value === "host" || value === "srflx" || value === "prflx" || value === "relay";
}

function isRelayProtocol(value: unknown): value is "udp" | "tcp" | "tls" {
  return value === "udp" || value === "tcp" || value === "tls";
}
