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
/**
 * What `getStats()` says of the selected candidate pair, or undefined before there is one with a
 * measured round trip.
 */
export declare function clientReport(stats: RTCStatsReport): ClientReport | undefined;
/** How good a path is: the smaller the better. */
export declare function rank({ candidateType, relayProtocol }: ClientReport): number;
/** The counters that tell whether a path carries. */
export declare function pathFigures(stats: RTCStatsReport): PathFigures;
