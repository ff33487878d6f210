/**
 * The best round trip of ping and pong over one WebSocket. It goes the way of the page itself, so it
 * bounds what the path would take without a relay.
 */
export declare class RoundTrip {
    #private;
    constructor(now: () => number);
    /** Ping number `request` goes out. */
    start(request: number): void;
    /** Its pong has come. */
    end(request: number): void;
    /** The best that was measured last, also over a WebSocket before: for how long to wait. */
    get typical(): number | undefined;
    /** The way may be another one from now on. */
    reset(): void;
    /** The field of the client report, once there is something to report. */
    report(): {
        signalingRttMs?: number;
    };
}
