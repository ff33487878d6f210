/**
 * Holds back what the room has to tell until somebody can listen: `connect()` returns the room, and
 * only the code after its `await` can add listeners.
 */
export declare class Inbox {
    #private;
    /** Runs `deliver` now, or in its turn once the inbox is opened. */
    run(deliver: () => void): void;
    open(): void;
}
