type Listener<Args extends unknown[]> = (...args: Args) => void;
/** A small typed emitter. A listener that throws does not keep the others from being called. */
export declare class Emitter<Events extends {
    [K in keyof Events]: unknown[];
}> {
    #private;
    /** Calls `listener` at every `event`. Returns a function that removes it again. */
    on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void;
    /** Calls `listener` at the next `event` only. */
    once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void;
    /** Removes a listener given to `on`. */
    off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void;
    protected emit<K extends keyof Events>(event: K, ...args: Events[K]): void;
    protected removeAllListeners(): void;
}
export {};
