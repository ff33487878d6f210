import type { Environment, Logger } from "./environment.js";
export interface RestartHooks {
    /** One ICE restart by offer and answer. */
    restart(): Promise<unknown>;
    /** Whether an offer can be sent now. If not, `signalingBack` is called when it can. */
    isReady(): boolean;
    /** Whether the path works. */
    isUp(): boolean;
}
/** Restarts main's ICE, one restart at a time, and again and again while its path is dead. */
export declare class Restarts {
    #private;
    constructor(env: Environment, log: Logger, hooks: RestartHooks);
    /** Restarts ICE now, or as soon as the signaling is back. */
    restart(why: string): void;
    /** The signaling is back: make up for what could not be done. A restart under way is sent anew by itself. */
    signalingBack(): void;
    close(): void;
}
