import { RoomlineError } from "./errors.js";
import type { NumberedReply, RequestBody } from "./wire.js";

interface Pending {
  number: number;
  body: RequestBody;
  sent: boolean;
  resolve(reply: NumberedReply): void;
  reject(error: RoomlineError): void;
}

/**
 * The requests that wait for their replies, in the order in which they were made.
 *
 * A request outlives a lost WebSocket: those that do the same when done twice are sent again after
 * `resume`. A data message is not, because nobody can tell whether the first one arrived; nor is the offer
 * of a further transport, which would open two.
 */
export class Requests {
  readonly #pending = new Map<number, Pending>();
  #next = 1;

  /** A new number, for requests that are not kept here. */
  number(): number {
    return this.#next++;
  }

  /** Registers a request, to be sent by the next `flush`. */
  add(body: RequestBody): { number: number; reply: Promise<NumberedReply> } {
    const number = this.number();
    const reply = new Promise<NumberedReply>((resolve, reject) => {
      this.#pending.set(number, { number, body, sent: false, resolve, reject });
    });
    return { number, reply };
  }

  /** Fails a request that has waited too long. */
  expire(number: number): void {
    this.#pending.get(number)?.reject(new RoomlineError("timeout", "the server did not answer"));
    this.#pending.delete(number);
  }

  /** Sends what has not been sent yet. */
  flush(send: (frame: object) => void): void {
    for (const pending of this.#pending.values()) {
      if (pending.sent) continue;
      pending.sent = true;
      send({ ...pending.body, request: pending.number });
    }
  }

  /** Hands a reply to its request. Returns false when nobody waits for it. */
  settle(reply: NumberedReply): boolean {
    const pending = this.#pending.get(reply.request);
    if (!pending) return false;
    this.#pending.delete(reply.request);
    if (reply.type === "error") {
      pending.reject(new RoomlineError(reply.code, reply.message, { fatal: reply.fatal }));
    } else {
      pending.resolve(reply);
    }
    return true;
  }

  /** The WebSocket was lost: what can be repeated will be sent again, the rest fails. */
  lost(): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.sent && !isRepeatable(pending.body)) {
        this.#pending.delete(pending.number);
        pending.reject(new RoomlineError("connection-lost", "it may or may not have arrived"));
      }
      pending.sent = false;
    }
  }

  /** Fails everything that still waits. */
  fail(error: RoomlineError): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}

function isRepeatable(body: RequestBody): boolean {
  return body.type !== "data" && !(body.type === "offer" && body.transport === undefined);
}
