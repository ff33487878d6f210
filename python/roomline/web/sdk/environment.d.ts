/** What the SDK needs of a WebSocket. */
export interface SocketLike {
    onopen: (() => void) | null;
    onmessage: ((event: {
        data: unknown;
    }) => void) | null;
    onclose: ((event: {
        code: number;
        reason: string;
    }) => void) | null;
    send(text: string): void;
    close(code?: number, reason?: string): void;
}
/** Everything the SDK takes from its surroundings. Tests, and hosts other than browsers, give their own. */
export interface Environment {
    openSocket(url: string): SocketLike;
    createPeerConnection(config: RTCConfiguration): RTCPeerConnection;
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
export declare const silent: Logger;
/** The environment of a browser page. */
export declare const browser: Environment;
