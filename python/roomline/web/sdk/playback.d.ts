import type { Environment } from "./environment.js";
import type { RemoteParticipant } from "./participant.js";
import type { Paths } from "./paths.js";
import type { RemotePublication } from "./track.js";
import type { Transport } from "./transport.js";
export interface Whose {
    publication: RemotePublication;
    participant: RemoteParticipant;
}
export interface PlaybackHooks {
    /** The publication with that id, and whose it is. */
    find(track: string): Whose | undefined;
    subscribed(media: MediaStreamTrack, whose: Whose): void;
    unsubscribed(media: MediaStreamTrack, whose: Whose): void;
    replaced(media: MediaStreamTrack, whose: Whose): void;
}
/** How long to wait for media on the new path before going there all the same, in ms. */
export interface Patience {
    audio: number;
    video: number;
}
/**
 * Which remote track each receiving section of each transport carries, and which of them is played.
 *
 * The server binds; slots are reused. During a move the same track comes on two transports; one plays.
 */
export declare class Playback {
    #private;
    constructor(paths: Paths, env: Environment, hooks: PlaybackHooks);
    /** How many tracks a transport carries, by kind. */
    counts(transport: Transport): {
        audio: number;
        video: number;
    };
    /** Slot `mid` carries `track` from now on. Nothing is told twice. */
    bound(track: string, transport: string, mid: string): void;
    /** Slot `mid` is free again. */
    unbound(track: string, transport: string, mid: string): void;
    /** Forgets a track that has ended, wherever it was. */
    release(track: string): void;
    /** Forgets transports that are gone; what played from them plays from another, if that has it. */
    prune(): void;
    /**
     * Plays everything from `transport`, each track as soon as something of it comes there, or when
     * `patience` is at an end. Another call takes the place of one under way, whose promise ends too.
     */
    play(transport: Transport, patience: Patience): Promise<void>;
    /** Stops waiting; what has not been switched stays where it is. */
    stop(): void;
}
