import type { ConnectionInfo, GrantsInfo, TrackSource } from "./protocol.js";
import { RemotePublication } from "./track.js";
import type { LocalPublication, Publication } from "./track.js";
import type { LocalMedia } from "./transport.js";
/** Somebody in the room. */
export declare abstract class Participant<P extends Publication = Publication> {
    #private;
    /** Unique for ever. */
    readonly id: string;
    /** From the access token; the same person has the same one in every session. */
    readonly identity: string;
    readonly name: string;
    readonly joinedAt: number;
    /** The tracks by their ids. */
    readonly publications: ReadonlyMap<string, P>;
    protected readonly tracks: Map<string, P>;
    /** How this participant's media travels: tier, protocol, port, round trip, added latency, since when. */
    get connection(): Readonly<ConnectionInfo>;
    /** The first publication from that source. */
    publication(source: TrackSource): P | undefined;
}
/** Somebody else. */
export declare class RemoteParticipant extends Participant<RemotePublication> {
    #private;
}
export interface PublishOptions extends Omit<LocalMedia, "track" | "source"> {
    /** What the track shows. Default: `microphone` or `camera`, by its kind. */
    source?: TrackSource;
}
export interface DataChannelOptions {
    /** Default true. */
    ordered?: boolean;
    /** Give a message up after so many retransmissions. Not together with `maxPacketLifeTime`. */
    maxRetransmits?: number;
    /** Give a message up after so many ms. */
    maxPacketLifeTime?: number;
    /** The subprotocol that receivers see. */
    protocol?: string;
}
/** Ourselves. */
export declare class LocalParticipant extends Participant<LocalPublication> {
    #private;
    /** What the access token allows. */
    readonly grants: Readonly<GrantsInfo>;
    /**
     * Publishes a track.
     *
     * @throws RoomlineError `permission-denied`, `publishers-full`, `bad-offer`, `disconnected`, …
     */
    publish(track: MediaStreamTrack, options?: PublishOptions): Promise<LocalPublication>;
    /** Ends the publication of that track. Does nothing when it is not published. */
    unpublish(track: MediaStreamTrack | LocalPublication): Promise<void>;
    /** Mutes or unmutes a published track for everybody. */
    mute(track: MediaStreamTrack | LocalPublication, muted: boolean): Promise<void>;
    /**
     * Opens a data channel to everybody who is in the room or joins while it is open. They get it with
     * `dataChannel`. What they send back on it is dropped: to answer, they open their own.
     */
    openDataChannel(label: string, options?: DataChannelOptions): RTCDataChannel;
}
