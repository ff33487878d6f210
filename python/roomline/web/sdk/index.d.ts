/** Roomline's browser SDK: calls that get through. */
export { connect } from "./connect.js";
export type { ConnectOptions } from "./connect.js";
export type { Environment, Logger, LogLevel, NetworkChange, SocketLike } from "./environment.js";
export { RoomlineError } from "./errors.js";
export type { ClientErrorCode, ErrorCode, IceError } from "./errors.js";
export { LocalParticipant, Participant, RemoteParticipant } from "./participant.js";
export type { DataChannelOptions, PublishOptions } from "./participant.js";
export type { ConnectionChange, ConnectionInfo, ConnectionState, GrantsInfo, LeaveReason, RoomLimitsInfo, SubscribeMode, Tier, TrackKind, TrackSource, } from "./protocol.js";
export { MAX_DATA_BYTES, Room } from "./room.js";
export type { SendDataOptions } from "./room.js";
export type { RoomEvents, RoomState } from "./room-events.js";
export type { Waiting } from "./signaling.js";
export { LocalPublication, Publication, RemotePublication } from "./track.js";
export type { PauseReason } from "./track.js";
export type { LocalMedia, SlotCounts } from "./transport.js";
export { VERSION } from "./version.js";
