/** How long a session can be resumed after its WebSocket was lost, in ms (signaling.md). */
export declare const RESUME_WINDOW_MS = 30000;
/**
 * The wait in ms before reconnection number `attempt` (from 0). The first is at once; then it doubles up
 * to 4 s, less a random part of up to a half so that clients of a restarted server do not come together.
 */
export declare function retryDelay(attempt: number, random: number): number;
