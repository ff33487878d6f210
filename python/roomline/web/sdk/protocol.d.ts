/** The version of the protocol that these types describe. */
export declare const PROTOCOL_VERSION = 1;
/** The SDP answer to an `offer`, and fresh ICE servers for its gathering. */
export interface AnswerReply {
    request: number;
    type: "answer";
    transport: string;
    answer: string;
    tracks: TrackAssignment[];
    iceServers: IceServer[];
    iceServersExpireAt: number;
}
/** From now on this slot carries this track. */
export interface BoundEvent {
    seq: number;
    type: "bound";
    track: string;
    transport: string;
    mid: string;
}
/** What `getStats()` says of the selected pair. The server uses only the RTT from it. */
export interface ClientReport {
    candidateType: "host" | "srflx" | "prflx" | "relay";
    relayProtocol?: "udp" | "tcp" | "tls";
    rttMs: number;
    /** Best round trip of `ping` and `pong` so far: a bound for the path without a relay. */
    signalingRttMs?: number;
}
/** Close one of my transports, with the tracks still on it; not the last one. */
export interface CloseTransportRequest {
    request: number;
    type: "closeTransport";
    transport: string;
}
/** The session has ended; the server closes. */
export interface ClosedEvent {
    seq: number;
    type: "closed";
    code: ErrorCode;
    message: string;
}
/** A change of tier. Left out of a `connection` event that tells of none. */
export interface ConnectionChange {
    from?: Tier;
    to: Tier;
    why: ChangeReason;
    /** Time without anything authentic before the new path carried; 0: none. */
    gapMs: number;
    at: number;
}
/** A participant's connection changed. */
export interface ConnectionEvent {
    seq: number;
    type: "connection";
    participant: string;
    connection: ConnectionInfo;
    /** Left out when the tier is the same. */
    change?: ConnectionChange;
}
/** How a participant's media travels. Everything but `state` is null until a pair works. */
export interface ConnectionInfo {
    state: ConnectionState;
    tier: Tier | null;
    protocol: "udp" | "tcp" | "tls" | null;
    serverPort: number | null;
    /** Round trip of beats, or else of ICE checks by the client. */
    rttMs: number | null;
    /** RTT less the best one known for this client without the relay. */
    addedLatencyMs: number | null;
    since: number | null;
}
/** A message from a participant. */
export interface DataEvent {
    seq: number;
    type: "data";
    from: string;
    topic?: string;
    payload: string;
}
/** A message for everybody else, or for the participants named. */
export interface DataRequest {
    request: number;
    type: "data";
    payload: string;
    topic?: string;
    /** Participant ids; left out: everybody else. */
    to?: string[];
}
/** The server takes no new joins; this call goes on until `deadline`. */
export interface DrainingEvent {
    seq: number;
    type: "draining";
    deadline: number;
}
/** It did not work. After a `fatal` one the server closes. */
export interface ErrorReply {
    type: "error";
    /** Left out when it answers no request. */
    request?: number;
    code: ErrorCode;
    message: string;
    fatal: boolean;
}
/** What a participant may do; `maxBitrate` is in bit/s, of all it publishes; 0 is no limit. */
export interface GrantsInfo {
    join: boolean;
    publish: boolean;
    subscribe: boolean;
    data: boolean;
    sources: TrackSource[];
    maxBitrate: number;
}
/** How often the client pings, and when either side gives the other up. */
export interface Heartbeat {
    intervalMs: number;
    timeoutMs: number;
}
/** An `RTCIceServer`, ready for `setConfiguration`. */
export interface IceServer {
    urls: string[];
    username: string;
    credential: string;
}
/** The first frame: who I am and what I offer. Answered with `joined`. */
export interface JoinRequest {
    request: number;
    type: "join";
    version: number;
    token: string;
    offer: string;
    tracks: TrackIntent[];
    subscribe?: SubscribeMode;
    /** Shown to others when the token names nobody. */
    name?: string;
    sdk?: SdkInfo;
}
/** You are in: the SDP answer, the room as it is, and the ICE servers. */
export interface JoinedReply {
    request: number;
    type: "joined";
    version: number;
    room: RoomInfo;
    participant: SelfInfo;
    participants: ParticipantInfo[];
    transport: string;
    answer: string;
    tracks: TrackAssignment[];
    iceServers: IceServer[];
    iceServersExpireAt: number;
    resumeToken: string;
    heartbeat: Heartbeat;
    seq: number;
}
/** I leave. Answered with `ok`, then the server closes. */
export interface LeaveRequest {
    request: number;
    type: "leave";
}
/** These tracks of mine go to sections of an open transport. Answered with `ok`. */
export interface MoveRequest {
    request: number;
    type: "move";
    transport: string;
    tracks: TrackMove[];
}
/** Mute or unmute one of my tracks for everybody. */
export interface MuteRequest {
    request: number;
    type: "mute";
    track: string;
    muted: boolean;
}
/** How many more slots a transport needs: add `recvonly` transceivers and send `offer`. */
export interface NeedSlotsEvent {
    seq: number;
    type: "needSlots";
    transport: string;
    audio: number;
    video: number;
}
/**
 * A further offer: more sections, other directions or an ICE restart. Answered with `answer`.
 *
 * Without `transport` it opens a further transport for the same participant.
 */
export interface OfferRequest {
    request: number;
    type: "offer";
    /** Left out: open a further transport. */
    transport?: string;
    offer: string;
    tracks: TrackIntent[];
}
/** Done. */
export interface OkReply {
    request: number;
    type: "ok";
}
/** A participant as the others see it. */
export interface ParticipantInfo {
    id: string;
    identity: string;
    name: string;
    joinedAt: number;
    tracks: TrackInfo[];
    connection: ConnectionInfo;
}
/** Somebody came. */
export interface ParticipantJoinedEvent {
    seq: number;
    type: "participantJoined";
    participant: ParticipantInfo;
}
/** Somebody is gone, with all tracks. */
export interface ParticipantLeftEvent {
    seq: number;
    type: "participantLeft";
    participant: string;
    reason: LeaveReason;
}
/** Nothing authentic comes on a transport of yours any more, or again. Told to its owner only. */
export interface PathSilentEvent {
    seq: number;
    type: "pathSilent";
    transport: string;
    silent: boolean;
}
/** Stop or resume what I get of a track, keeping its slot. */
export interface PauseSubscriptionRequest {
    request: number;
    type: "pauseSubscription";
    track: string;
    paused: boolean;
}
/** A heartbeat, with the client's clock in ms. Answered with `pong`. */
export interface PingRequest {
    request: number;
    type: "ping";
    sent: number;
    connection?: ClientReport;
}
/** The heartbeat's echo: `sent` as it came. */
export interface PongReply {
    request: number;
    type: "pong";
    sent: number;
}
/** The first frame after a lost WebSocket. Answered with `resumed`, then the missed events. */
export interface ResumeRequest {
    request: number;
    type: "resume";
    version: number;
    resumeToken: string;
    lastSeq: number;
}
/** You are back; the missed events follow. `seq` is the last event before those. */
export interface ResumedReply {
    request: number;
    type: "resumed";
    iceServers: IceServer[];
    iceServersExpireAt: number;
    resumeToken: string;
    seq: number;
}
/** The room itself. */
export interface RoomInfo {
    name: string;
    limits: RoomLimitsInfo;
}
/**
 * Limits of a room; 0 is no limit.
 *
 * `maxBitrate` is in bit/s: of all that one participant publishes, and of all that it is sent.
 */
export interface RoomLimitsInfo {
    maxParticipants: number;
    maxPublishers: number;
    maxBitrate: number;
}
/** Which client library speaks, for logs and metrics. */
export interface SdkInfo {
    name: string;
    version: string;
}
/** A participant as it sees itself. */
export interface SelfInfo {
    id: string;
    identity: string;
    name: string;
    joinedAt: number;
    tracks: TrackInfo[];
    connection: ConnectionInfo;
    grants: GrantsInfo;
}
/** I want somebody's track. */
export interface SubscribeRequest {
    request: number;
    type: "subscribe";
    track: string;
}
/** The server stopped sending a track, or goes on. */
export interface SubscriptionPausedEvent {
    seq: number;
    type: "subscriptionPaused";
    track: string;
    paused: boolean;
    reason: "bitrate" | "requested";
}
/** The track that an intent became. */
export interface TrackAssignment {
    mid: string;
    track: TrackInfo;
}
/** A publication as everybody in the room sees it. */
export interface TrackInfo {
    id: string;
    participant: string;
    kind: TrackKind;
    source: TrackSource;
    name: string;
    muted: boolean;
}
/** What a client means to publish in one media section of its offer. */
export interface TrackIntent {
    mid: string;
    source: TrackSource;
    /** Shown to others; the source's name when left out. */
    name?: string;
    muted?: boolean;
    /** In `offer`: this own track of the same kind moves here; nothing new is published. */
    track?: string;
}
/** Which media section of an open transport one of the client's own tracks goes to. */
export interface TrackMove {
    mid: string;
    track: string;
}
/** A track was muted or unmuted by its sender. */
export interface TrackMutedEvent {
    seq: number;
    type: "trackMuted";
    track: string;
    muted: boolean;
}
/** There is a new track. */
export interface TrackPublishedEvent {
    seq: number;
    type: "trackPublished";
    track: TrackInfo;
}
/** A track has ended. */
export interface TrackUnpublishedEvent {
    seq: number;
    type: "trackUnpublished";
    track: string;
    participant: string;
}
/** This slot is free again. */
export interface UnboundEvent {
    seq: number;
    type: "unbound";
    track: string;
    transport: string;
    mid: string;
}
/** End one of my tracks. */
export interface UnpublishRequest {
    request: number;
    type: "unpublish";
    track: string;
}
/** I do not want somebody's track any more. */
export interface UnsubscribeRequest {
    request: number;
    type: "unsubscribe";
    track: string;
}
/** Your `join` waits for the application, perhaps for minutes; its reply follows. Send pings. */
export interface WaitingReply {
    request: number;
    type: "waiting";
    message: string;
    timeoutMs: number;
    heartbeat: Heartbeat;
}
export type ChangeReason = "path-lost" | "better-path" | "address-changed" | "other";
export type ConnectionState = "connecting" | "connected" | "interrupted";
export type ErrorCode = "token-invalid" | "token-expired" | "token-not-yet-valid" | "refused" | "permission-denied" | "room-full" | "publishers-full" | "unsupported-version" | "bad-message" | "bad-offer" | "not-found" | "rate-limited" | "draining" | "resume-expired" | "replaced" | "removed" | "connection-failed" | "internal";
export type LeaveReason = "left" | "disconnected" | "removed" | "replaced" | "drained" | "connection-failed";
export type SubscribeMode = "auto" | "manual";
export type Tier = "direct" | "turn-udp" | "turn-tcp" | "turn-tls";
export type TrackKind = "audio" | "video";
export type TrackSource = "camera" | "microphone" | "screen" | "screenAudio" | "other";
export type ClientRequest = JoinRequest | ResumeRequest | OfferRequest | MoveRequest | CloseTransportRequest | UnpublishRequest | MuteRequest | SubscribeRequest | UnsubscribeRequest | PauseSubscriptionRequest | DataRequest | PingRequest | LeaveRequest;
export type ServerReply = JoinedReply | WaitingReply | ResumedReply | AnswerReply | OkReply | PongReply | ErrorReply;
export type ServerEvent = ParticipantJoinedEvent | ParticipantLeftEvent | TrackPublishedEvent | TrackUnpublishedEvent | TrackMutedEvent | BoundEvent | UnboundEvent | NeedSlotsEvent | SubscriptionPausedEvent | ConnectionEvent | PathSilentEvent | DataEvent | DrainingEvent | ClosedEvent;
