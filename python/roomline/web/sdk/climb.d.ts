import type { Environment, Logger } from "./environment.js";
import type { ConnectionChange, IceServer, Tier } from "./protocol.js";
export interface ClimbHooks {
    /** Whether media runs on main and nothing is under way. */
    isSettled(): boolean;
    /** The server's last SDP answer on main. */
    answer(): string;
    iceServers(): readonly IceServer[];
    /** A better path is open. */
    found(): void;
}
/** Looks for a better path while the call is on a worse one: with cheap probes, ever more rarely. */
export declare class Climb {
    #private;
    constructor(env: Environment, log: Logger, hooks: ClimbHooks);
    /** The tier that the server says we are on, and how we came there if it is another one. */
    tierIs(tier: Tier | null, change: ConnectionChange | undefined): void;
    /** The network is another one: look at once. */
    networkChanged(): void;
    close(): void;
}
