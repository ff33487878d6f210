/** The generated protocol, in the shapes in which the SDK hands it around. */
import type { ClientRequest, JoinRequest, ServerEvent, ServerReply } from "./protocol.js";
type WithoutNumber<Request> = Request extends unknown ? Omit<Request, "request"> : never;
/** A request before it has its number. */
export type RequestBody = WithoutNumber<ClientRequest>;
export type JoinBody = WithoutNumber<JoinRequest>;
export type Reply = ServerReply;
/** A reply that belongs to a request. */
export type NumberedReply = Reply & {
    request: number;
};
export type ServerFrame = ServerReply | ServerEvent;
export declare function isEvent(frame: ServerFrame): frame is ServerEvent;
export declare function isNumbered(frame: ServerReply): frame is NumberedReply;
export {};
