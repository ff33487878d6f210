import type { RoomlineError } from "./errors.js";
import type { Participant, RemoteParticipant } from "./participant.js";
import type { ConnectionChange, ConnectionInfo, LeaveReason } from "./protocol.js";
import type { PauseReason, Publication, RemotePublication } from "./track.js";
/** `connected`; `reconnecting` while the signaling is lost (media goes on); `disconnected` for good. */
export type RoomState = "connected" | "reconnecting" | "disconnected";
/** What a room tells, by the arguments of each listener. */
export type RoomEvents = {
    participantJoined: [participant: RemoteParticipant];
    participantLeft: [participant: RemoteParticipant, reason: LeaveReason];
    trackPublished: [publication: RemotePublication, participant: RemoteParticipant];
    trackUnpublished: [publication: Publication, participant: Participant];
    /** A track was muted or unmuted; `publication.muted` tells which. */
    trackMuted: [publication: Publication, participant: Participant];
    /** Media of that track begins to arrive on `track`. */
    trackSubscribed: [track: MediaStreamTrack, publication: RemotePublication, participant: RemoteParticipant];
    /** No more media: unpublished, unsubscribed, or the participant has left. */
    trackUnsubscribed: [track: MediaStreamTrack, publication: RemotePublication, participant: RemoteParticipant];
    /** The server stopped sending a track, or goes on; without a reason when it goes on. */
    trackPaused: [publication: RemotePublication, participant: RemoteParticipant, reason: PauseReason | undefined];
    /**
     * The call has moved to another path: the same media comes on another `track` now. Nothing to do for
     * what plays `publication.mediaStream`.
     */
    trackReplaced: [track: MediaStreamTrack, publication: RemotePublication, participant: RemoteParticipant];
    /** A participant's connection changed, one's own too; `change` tells of a move to another tier. */
    connectionChanged: [
        participant: Participant,
        connection: Readonly<ConnectionInfo>,
        change: Readonly<ConnectionChange> | undefined
    ];
    data: [payload: string, from: RemoteParticipant, topic: string | undefined];
    dataChannel: [channel: RTCDataChannel, from: RemoteParticipant, label: string];
    /** The server is about to stop; this call goes on until `deadline` (ms since 1970). */
    draining: [deadline: number];
    stateChanged: [state: RoomState];
    /** Something the SDK did by itself has failed; the call goes on. */
    error: [error: RoomlineError];
    /** The call is over; without an error when `disconnect` ended it. */
    disconnected: [error: RoomlineError | undefined];
};
