import type { TrackKind, TrackSource } from "./protocol.js";
import type { NumberedReply, RequestBody } from "./wire.js";
/** How publications and participants reach the room that they belong to. */
export interface Link {
    request(body: RequestBody): Promise<NumberedReply>;
    unpublish(publication: LocalPublication): Promise<void>;
    /** An empty stream to play media from. */
    createMediaStream(): MediaStream;
}
/** A track as everybody in the room sees it. */
export declare class Publication {
    #private;
    readonly id: string;
    /** The id of the participant whose track it is. */
    readonly participantId: string;
    readonly kind: TrackKind;
    readonly source: TrackSource;
    readonly name: string;
    /** Whether its sender has muted it: nothing is sent then. */
    get muted(): boolean;
}
/** A track of ours. The SDK never stops the `MediaStreamTrack` itself: it belongs to the application. */
export declare class LocalPublication extends Publication {
    #private;
    get track(): MediaStreamTrack;
    /** Stops sending, or goes on, and tells everybody. The publication stays. */
    mute(muted: boolean): Promise<void>;
    /** Sends another track of the same kind from now on, another camera say. Needs no negotiation. */
    replaceTrack(track: MediaStreamTrack): Promise<void>;
    /** Ends the publication. */
    unpublish(): Promise<void>;
}
export type PauseReason = "bitrate" | "requested";
/** Somebody else's track. */
export declare class RemotePublication extends Publication {
    #private;
    /**
     * The media to play: one stream for as long as the publication lives. `track` is in it while there is
     * one, and is exchanged inside when the call moves to another path, so what plays it plays on.
     */
    get mediaStream(): MediaStream;
    /** Has a media element show or sound it, across every change of path. Whether it may, `play()` tells. */
    attach(element: HTMLMediaElement): void;
    /** Takes it off a media element again. Does nothing to an element that plays something else. */
    detach(element: HTMLMediaElement): void;
    /**
     * The media, while we are subscribed and the server has given the track a slot. It is another one
     * after `trackReplaced`: play `mediaStream`, or use `attach`, and nothing has to be done then.
     */
    get track(): MediaStreamTrack | undefined;
    /** Why the server sends nothing of it at the moment, if so. */
    get paused(): PauseReason | undefined;
    /** Asks for the track. `trackSubscribed` follows. Only needed with `subscribe: "manual"`. */
    subscribe(): Promise<void>;
    /** Does without the track. `trackUnsubscribed` follows. */
    unsubscribe(): Promise<void>;
    /** Has the server stop sending the track, or go on, without giving up its slot. */
    pause(paused: boolean): Promise<void>;
}
