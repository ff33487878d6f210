import { RoomlineError } from "./errors.js";
import type { NumberedReply, RequestBody } from "./wire.js";
/**
 * The requests that wait for their replies, in the order in which they were made.
 *
 * A request outlives a lost WebSocket: those that do the same when done twice are sent again after
 * `resume`. A data message is not, because nobody can tell whether the first one arrived; nor is the offer
 * of a further transport, which would open two.
 */
export declare class Requests {
    #private;
    /** A new number, for requests that are not kept here. */
    number(): number;
    /** Registers a request, to be sent by the next `flush`. */
    add(body: RequestBody): {
        number: number;
        reply: Promise<NumberedReply>;
    };
    /** Fails a request that has waited too long. */
    expire(number: number): void;
    /** Sends what has not been sent yet. */
    flush(send: (frame: object) => void): void;
    /** Hands a reply to its request. Returns false when nobody waits for it. */
    settle(reply: NumberedReply): boolean;
    /** The WebSocket was lost: what can be repeated will be sent again, the rest fails. */
    lost(): void;
    /** Fails everything that still waits. */
    fail(error: RoomlineError): void;
}
