import type { Environment } from "./environment.js";
/** Timers by name: setting one anew takes the place of the one that ran. */
export declare class Timers {
    #private;
    constructor(env: Environment);
    set(name: string, ms: number, callback: () => void): void;
    has(name: string): boolean;
    clear(name: string): void;
    clearAll(): void;
}
