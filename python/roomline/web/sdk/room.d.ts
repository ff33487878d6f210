import { Emitter } from "./events.js";
import { LocalParticipant, RemoteParticipant } from "./participant.js";
import type { RoomLimitsInfo } from "./protocol.js";
import type { RoomEvents, RoomState } from "./room-events.js";
/** The most UTF-8 bytes of one `sendData`; larger things belong on a data channel. */
export declare const MAX_DATA_BYTES = 15000;
export interface SendDataOptions {
    topic?: string;
    /** Only these; everybody else when left out. */
    to?: readonly (RemoteParticipant | string)[];
}
/** A call that we are in. Made by `connect`. */
export declare class Room extends Emitter<RoomEvents> {
    #private;
    readonly name: string;
    readonly limits: Readonly<RoomLimitsInfo>;
    readonly localParticipant: LocalParticipant;
    /** Everybody else, by their ids. */
    readonly participants: ReadonlyMap<string, RemoteParticipant>;
    get state(): RoomState;
    /**
     * The peer connection that carries the media now, for statistics and tests. It is another one while
     * the call moves to another path. Negotiating on it breaks the call.
     */
    get peerConnection(): RTCPeerConnection;
    /**
     * Sends a short message to everybody else, or to some, over the signaling connection: reliable and
     * in order.
     *
     * @throws RoomlineError `invalid-argument` (too long), `permission-denied`, `rate-limited`, …
     */
    sendData(payload: string, options?: SendDataOptions): Promise<void>;
    /** Leaves. The tracks that were published go on; they belong to the application. */
    disconnect(): Promise<void>;
}
