import type { Environment, Logger } from "./environment.js";
import type { SubscribeMode } from "./protocol.js";
import { Room } from "./room.js";
import type { Waiting } from "./signaling.js";
import type { LocalMedia, SlotCounts } from "./transport.js";
export interface ConnectOptions {
    /** Tracks to publish with the join, which saves a round trip. */
    tracks?: readonly LocalMedia[];
    /** `auto` (default): everything in the room. `manual`: what `publication.subscribe()` asks for. */
    subscribe?: SubscribeMode;
    /** Shown to others when the token names nobody: for links that do not know who will use them. */
    name?: string;
    /** Receive-only sections in the first offer, so that as many tracks come without a second one. Default 3 and 3. */
    slots?: Partial<SlotCounts>;
    /** Called when the application takes its time to admit, in a waiting room for example. */
    onWaiting?: (waiting: Waiting) => void;
    /** Cancels the join. */
    signal?: AbortSignal;
    /** Tell the server at once when the page is closed. Default true. */
    leaveOnPageHide?: boolean;
    /** `relay` keeps off the direct path; for tests. */
    iceTransportPolicy?: RTCIceTransportPolicy;
    /** Added to the peer connection's configuration; for tests. `iceServers` in it replaces the server's. */
    rtcConfig?: RTCConfiguration;
    logger?: Logger;
    /** Replaces parts of the browser; for tests and other hosts. */
    environment?: Partial<Environment>;
}
/**
 * `https://host` and `wss://host` get the signaling path, and so does a path that ends in `/`: where the
 * server is mounted in an application.
 */
export declare function signalingUrl(url: string): string;
/**
 * Joins the room that the token names.
 *
 * The offer is prepared while the WebSocket opens, goes with `join` in the first frame, and is applied
 * when the answer is there, together with the ICE servers: one round trip, then media. Listeners that
 * are added right after `await connect(…)` miss nothing.
 *
 * @param url where the server is: `wss://host[:port]/v1/signal`, `https://host[:port]`, or
 *   `https://host[:port]/path/` with a slash at the end where it is mounted under a path
 * @param token an access token
 * @throws RoomlineError `unreachable`, `token-expired`, `room-full`, `permission-denied`, …
 */
export declare function connect(url: string, token: string, options?: ConnectOptions): Promise<Room>;
