import type { Environment, Logger } from "./environment.js";
import type { Transport } from "./transport.js";
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
export declare class Liveness {
    #private;
    constructor(transport: Transport, env: Environment, log: Logger, hooks: LivenessHooks);
    get alive(): boolean;
    /** How long no beat has come, in ms; 0 before the first. */
    get quietMs(): number;
    /** The server hears nothing from us on this path, or hears us again. */
    told(silent: boolean): void;
    /** The path is known to be gone: the address that it began at is. */
    suspect(why: string): void;
    close(): void;
}
export declare function isUp(state: RTCIceConnectionState): boolean;
