import type { RemoteParticipant } from "./participant.js";
/** Called with a channel of somebody else's, who opened it, and the label that they chose. */
export type DataChannelListener = (channel: RTCDataChannel, from: RemoteParticipant, label: string) => void;
/**
 * Gives channels that the server opens to their senders. A channel can come before the event that
 * tells of its sender (they travel different ways); it is held until then, with its messages.
 */
export declare class DataChannels {
    #private;
    constructor(find: (id: string) => RemoteParticipant | undefined, deliver: DataChannelListener);
    /** A channel has come. */
    add(channel: RTCDataChannel): void;
    /** Somebody listens from now on. */
    open(): void;
    /** Delivers the channels whose sender is known by now. */
    deliver(): void;
}
