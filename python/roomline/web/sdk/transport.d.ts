import type { Environment, Logger } from "./environment.js";
import type { IceError } from "./errors.js";
import type { PathFigures } from "./connection-quality.js";
import type { AnswerReply, ClientReport, IceServer, TrackIntent, TrackSource } from "./protocol.js";
/** A track to publish. */
export interface LocalMedia {
    track: MediaStreamTrack;
    source: TrackSource;
    /** Shown to others; the source's name when left out. */
    name?: string;
    /** Begin muted. */
    muted?: boolean;
    /** The most that the browser may send for it, in bit/s. */
    maxBitrate?: number;
}
export interface PreparedOffer {
    offer: string;
    tracks: TrackIntent[];
}
/** One peer connection: its sections, one negotiation after the other, and what it measures. */
export declare class Transport {
    #private;
    readonly pc: RTCPeerConnection;
    /** What the browser said about STUN and TURN servers it could not use. */
    readonly iceErrors: IceError[];
    /** The server's name for this transport; empty before the join. */
    id: string;
    /** A beat of the server came; it has been sent back. */
    onBeat: () => void;
    constructor(env: Environment, config: RTCConfiguration, log: Logger);
    /** The first offer: what is published at once, the spare slots, and SCTP. Applies nothing yet. */
    prepare(media: readonly LocalMedia[], slots: SlotCounts): Promise<PreparedOffer>;
    /** Gathers before the answer is there, with ICE servers at hand. */
    gather(iceServers: IceServer[]): void;
    /** Applies the prepared offer and the answer to it, with the ICE servers that came along. */
    accept(id: string, answer: string, iceServers: IceServer[]): Promise<void>;
    /**
     * One offer and answer, after those that are under way. `change` is called when it is this one's
     * turn. When it fails the connection is as before, but for transceivers that `change` added.
     */
    negotiate(change: () => void, exchange: (offer: string) => Promise<AnswerReply>): Promise<AnswerReply>;
    /**
     * One offer and answer that restarts ICE. The browser gathers when the offer is applied, so that is
     * done when the answer is there, with the fresh TURN credentials that came along.
     */
    restartIce(exchange: (offer: string) => Promise<AnswerReply>): Promise<AnswerReply>;
    /** A section that sends `media`: an idle one, or a new one. Takes part in the next negotiation. */
    addSender(media: LocalMedia): RTCRtpTransceiver;
    /** Nothing is sent there any more; the section is kept for the next publication of its kind. */
    releaseSender(transceiver: RTCRtpTransceiver): void;
    addSlots(audio: number, video: number): void;
    /** A data channel over the SCTP association that the join negotiated: no further offer. */
    openDataChannel(label: string, options: RTCDataChannelInit): RTCDataChannel;
    report(): Promise<ClientReport | undefined>;
    /** What was counted on the path in use; undefined when the browser doesn't say. */
    figures(): Promise<PathFigures | undefined>;
    /** The slots of each kind. */
    slots(): RTCRtpTransceiver[];
    get isClosed(): boolean;
    close(): void;
}
/** How many receive-only sections of each kind. */
export interface SlotCounts {
    audio: number;
    video: number;
}
/** The intent for a section that carries `media`. */
export declare function intent(mid: string, media: LocalMedia): TrackIntent;
/** The `a=mid` of every audio and video section, in order. */
export declare function mediaMids(sdp: string): string[];
