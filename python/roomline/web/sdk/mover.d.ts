import type { Environment, Logger } from "./environment.js";
import type { LocalTracks } from "./local-tracks.js";
import type { Paths } from "./paths.js";
import type { Playback } from "./playback.js";
import type { Transport } from "./transport.js";
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
export declare class Mover {
    #private;
    constructor(parts: {
        config: RTCConfiguration;
        paths: Paths;
        tracks: LocalTracks;
        playback: Playback;
        signaling: MoverSignaling;
        env: Environment;
        log: Logger;
        hooks: MoverHooks;
    });
    /** Whether main carries the media and nothing is under way. */
    get isSettled(): boolean;
    /** The server hears nothing on that transport, or hears us again. */
    told(transport: string, silent: boolean): void;
    /** A better path has been found: main goes there without a gap. */
    climb(): void;
    /** The signaling is back: what could not be begun begins. */
    signalingBack(): void;
    /** There is a network again, or another one. */
    networkChanged(): void;
    close(): void;
}
