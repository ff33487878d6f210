import type { Environment, Logger } from "./environment.js";
import { RoomlineError } from "./errors.js";
import type { ClientReport, JoinedReply, ServerEvent } from "./protocol.js";
import type { JoinBody, NumberedReply, RequestBody } from "./wire.js";
export type SignalingState = "joining" | "open" | "lost" | "closed";
/** What is told of a join that waits for the application: in a waiting room, for example. */
export interface Waiting {
    /** The application's words for whoever waits; may be empty. */
    message: string;
    /** It is decided within so long from now. */
    timeoutMs: number;
}
export interface SignalingHandlers {
    /** One event of the server, in order, each once. */
    event(event: ServerEvent): void;
    /** The WebSocket was lost (`lost`) or is back and resumed (`open`). */
    state(state: "open" | "lost"): void;
    /** The join waits for the application, at most so long. */
    waiting(waiting: Waiting): void;
    /** The session is over; without an error when `leave` ended it. Called once. */
    closed(error: RoomlineError | undefined): void;
    /** What the next ping tells of the selected candidate pair. */
    report(): Promise<ClientReport | undefined>;
}
/**
 * The session with the server over one WebSocket after the other.
 *
 * It knows the order of frames, requests and replies, heartbeat, and resuming. It does not know the
 * DOM: sockets, clocks and timers come from `Environment`.
 */
export declare class Signaling {
    #private;
    constructor(url: string, env: Environment, handlers: SignalingHandlers, log: Logger);
    get state(): SignalingState;
    /** Opens the WebSocket and sends `join` as soon as both the WebSocket and the body are ready. */
    join(body: Promise<JoinBody>): Promise<JoinedReply>;
    /** Sends a request, now or when the session is resumed. Rejects with the server's error. */
    request(body: RequestBody): Promise<NumberedReply>;
    /** Tells the server that we go, waits a moment for its answer, and closes. */
    leave(): Promise<void>;
    /** Sends a ping now, so that the server learns the newest client report. */
    ping(): void;
    /**
     * Makes sure that the server is there. When it doesn't answer a ping at once another WebSocket is
     * opened beside this one, which takes its place if no answer has come until it is open.
     */
    check(): void;
    /**
     * Whether to dial about every second from now on instead of backing off, when it is lost. Once lost in
     * a hurry it is dialled so until it is back.
     */
    hurry(on: boolean): void;
    /**
     * Resumes over a new WebSocket now: after a change of network, when the old one is bound to an
     * address that is gone.
     */
    refresh(): void;
    /** Ends the session at once, with the reason that those who wait get to know. */
    close(error: RoomlineError): void;
    /** Tells the server that we go, without waiting: the page is being closed. */
    leaveNow(): void;
}
