import type { ErrorCode as ServerErrorCode } from "./protocol.js";
/** Codes the SDK itself gives. */
export type ClientErrorCode = 
/** The WebSocket never opened: wrong address, blocked port, or a certificate that is not trusted. */
"unreachable"
/** The WebSocket was lost and could not be had again within 30 s. */
 | "connection-lost"
/** The server did not answer in time. */
 | "timeout"
/** The room was left while this was under way, or before it began. */
 | "disconnected"
/** The `AbortSignal` given to `connect` fired. */
 | "aborted"
/** This browser has no WebRTC. */
 | "unsupported-browser"
/** An argument is out of range. */
 | "invalid-argument"
/** The browser refused an offer or an answer. */
 | "negotiation-failed";
/** The server's codes (docs/reference/signaling.md says what each means) and the SDK's own. */
export type ErrorCode = ServerErrorCode | ClientErrorCode;
/** One failed STUN or TURN server, as the browser reported it while gathering candidates. */
export interface IceError {
    url: string;
    /** 300–699 are STUN codes; 701 means that the server could not be reached or its certificate was refused. */
    errorCode: number;
    errorText: string;
}
export interface ErrorDetails {
    /** The server closes the session after this error. */
    fatal?: boolean;
    /** What went wrong with STUN and TURN servers; filled in when media could not connect. */
    iceErrors?: readonly IceError[];
    cause?: unknown;
}
/** Every error of the SDK. `code` is stable; `message` is for people and may change. */
export declare class RoomlineError extends Error {
    readonly code: ErrorCode;
    readonly fatal: boolean;
    readonly iceErrors: readonly IceError[];
    constructor(code: ErrorCode, message: string, details?: ErrorDetails);
}
/** `error` itself when it is a `RoomlineError`, otherwise one with `code` and the original as its cause. */
export declare function asRoomlineError(error: unknown, code: ErrorCode): RoomlineError;
