import { RoomlineError } from "./errors.js";
import type { LocalParticipant } from "./participant.js";
import type { Paths } from "./paths.js";
import type { JoinedReply } from "./protocol.js";
import { LocalPublication } from "./track.js";
import type { Link } from "./track.js";
import { intent } from "./transport.js";
import type { LocalMedia, Transport } from "./transport.js";
/** What we publish, and which section of which transport sends it. */
export declare class LocalTracks {
    #private;
    constructor(participant: LocalParticipant, paths: Paths, link: Link, failed: (error: RoomlineError) => void);
    /** Takes over the publications of the join; returns those that the server did not take. */
    addJoined(media: readonly LocalMedia[], mids: readonly string[], tracks: JoinedReply["tracks"]): LocalMedia[];
    publish(media: LocalMedia): Promise<LocalPublication>;
    unpublish(publication: LocalPublication): Promise<void>;
    /** Nothing is sent of it any more. */
    release(publication: LocalPublication): void;
    all(): LocalPublication[];
    /** Whether it is published still. */
    has(publication: LocalPublication): boolean;
    /** Which section of `transport` sends which track, for `move`. */
    moves(transport: Transport): {
        mid: string;
        track: string;
    }[];
    /** Sends on `transport` what it doesn't send yet: what was published since that was opened. */
    mirror(transport: Transport): Promise<void>;
    /** Intents that have publications move to these sections; those that ended meanwhile are left out. */
    intents(sections: ReadonlyMap<LocalPublication, {
        mid: string | null;
    }>): MovingIntent[];
    /** `transport` is gone. */
    forget(transport: Transport): void;
}
/** An intent that moves a track instead of publishing one. */
export type MovingIntent = ReturnType<typeof intent> & {
    track: string;
};
