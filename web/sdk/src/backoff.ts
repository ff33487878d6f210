/** How long a session can be resumed after its WebSocket was lost, in ms (signaling.md). */
export const RESUME_WINDOW_MS = 30_000;

const FIRST_MS = 250;
const CEILING_MS = 4_000;

/**
 * The wait in ms before reconnection number `attempt` (from 0). The first is at once; then it doubles up
 * to 4 s, less a random part of up to a half so that clients of a restarted server do not come together.
 */
export function retryDelay(attempt: number, random: number): number {
  if (attempt === 0) return 0;
  const full = Math.min(CEILING_MS, FIRST_MS * 2 ** (attempt - 1));
  return full * (1 - random / 2);
}
