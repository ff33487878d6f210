import type { Environment, Logger } from "./environment.js";
import { Liveness } from "./liveness.js";
import type { LocalTracks } from "./local-tracks.js";
import type { Paths } from "./paths.js";
import { Transport } from "./transport.js";
import type { SlotCounts } from "./transport.js";
export interface BridgeHooks {
    /** ICE and DTLS are there. */
    up(): void;
    /** It could not be opened, or can not be used any more. */
    failed(error: unknown): void;
    /** Its path died. */
    dead(why: string): void;
}
/**
 * A second transport that carries the media while main's ICE restarts: a new peer connection has a path
 * in about half a second, where a restart off a dead path takes a browser seconds.
 */
export declare class Bridge {
    #private;
    readonly transport: Transport;
    readonly liveness: Liveness;
    constructor(config: RTCConfiguration, paths: Paths, tracks: LocalTracks, env: Environment, log: Logger, hooks: BridgeHooks);
    get isUp(): boolean;
    /** Whether the server has answered its offer. */
    get isAnswered(): boolean;
    /**
     * The server's name for it as soon as there is one, also when it was closed or failed meanwhile, so that
     * it can be closed there too; undefined when there will be none.
     */
    get opened(): Promise<string | undefined>;
    /** Offers what we publish, and as many slots as `slots` says, when `turn` has come. */
    begin(turn: Promise<void>, slots: SlotCounts): void;
    /** Stops watching; the peer connection goes on, as main. */
    release(): void;
    close(): void;
}
