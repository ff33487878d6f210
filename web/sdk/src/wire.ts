/** The generated protocol, in the shapes in which the SDK hands it around. */
import type { ClientRequest, JoinRequest, ServerEvent, ServerReply, Tier } from "./protocol.js";

type WithoutNumber<Request> = Request extends unknown ? Omit<Request, "request"> : never;

/** A request before it has its number. */
export type RequestBody = WithoutNumber<ClientRequest>;
export type JoinBody = WithoutNumber<JoinRequest>;

export type Reply = ServerReply;
/** A reply that belongs to a request. */
export type NumberedReply = Reply & { request: number };
export type ServerFrame = ServerReply | ServerEvent;

export function isEvent(frame: ServerFrame): frame is ServerEvent {
  return "seq" in frame && !("request" in frame);
}

export function isNumbered(frame: ServerReply): frame is NumberedReply {
  return typeof frame.request === "number";
}

/** A participant's move from one tier to another. */
export interface ConnectionChange {
  /** Left out when there was none before. */
  from?: Tier;
  to: Tier;
  why: "path-lost" | "better-path" | "address-changed" | "other";
  /** How long nothing came before the new path carried, in ms; 0 when it was never silent. */
  gapMs: number;
  /** Milliseconds since 1970. */
  at: number;
}
