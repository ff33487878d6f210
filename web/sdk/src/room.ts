import { DataChannels } from "./data-channels.js";
import type { Environment } from "./environment.js";
import { RoomlineError, asRoomlineError } from "./errors.js";
import { Emitter } from "./events.js";
import { LocalParticipant, RemoteParticipant } from "./participant.js";
import type { Participant } from "./participant.js";
import type { AnswerReply, JoinedReply, RoomLimitsInfo, ServerEvent, TrackInfo } from "./protocol.js";
import type { RoomEvents, RoomState } from "./room-events.js";
import type { Signaling } from "./signaling.js";
import { Slots } from "./slots.js";
import { LocalPublication } from "./track.js";
import type { Link, PauseReason, RemotePublication } from "./track.js";
import { intent } from "./transport.js";
import type { LocalMedia, Transport } from "./transport.js";
import type { ConnectionChange } from "./wire.js";

/** The most UTF-8 bytes of one `sendData`; larger things belong on a data channel. */
export const MAX_DATA_BYTES = 15_000;

export interface SendDataOptions {
  topic?: string;
  /** Only these; everybody else when left out. */
  to?: readonly (RemoteParticipant | string)[];
}

type EventOf<Type extends ServerEvent["type"]> = Extract<ServerEvent, { type: Type }>;

/** A call that we are in. Made by `connect`. */
export class Room extends Emitter<RoomEvents> {
  readonly name: string;
  readonly limits: Readonly<RoomLimitsInfo>;
  readonly localParticipant: LocalParticipant;
  /** Everybody else, by their ids. */
  readonly participants: ReadonlyMap<string, RemoteParticipant>;

  readonly #others = new Map<string, RemoteParticipant>();
  readonly #signaling: Signaling;
  readonly #transport: Transport;
  readonly #slots: Slots;
  readonly #channels: DataChannels;
  readonly #link: Link;
  #state: RoomState = "connected";

  /** @internal */
  constructor(joined: JoinedReply, signaling: Signaling, transport: Transport, env: Environment) {
    super();
    this.name = joined.room.name;
    this.limits = joined.room.limits;
    this.participants = this.#others;
    this.#signaling = signaling;
    this.#transport = transport;
    this.#slots = new Slots(() => transport.pc.getTransceivers());
    this.#link = {
      request: (body) => signaling.request(body),
      unpublish: (publication) => this.#unpublish(publication),
      createMediaStream: () => env.createMediaStream(),
    };
    this.localParticipant = new LocalParticipant(joined.participant, {
      publish: (media) => this.#publish(media),
      unpublish: (publication) => this.#unpublish(publication),
      openDataChannel: (label, options) => transport.openDataChannel(label, options),
    });
    for (const each of joined.participants) this.#others.set(each.id, new RemoteParticipant(each, this.#link));
    this.#channels = new DataChannels(
      (id) => this.#others.get(id),
      (channel, from, label) => this.emit("dataChannel", channel, from, label),
    );
    transport.pc.addEventListener("datachannel", ({ channel }) => this.#channels.add(channel));
  }

  get state(): RoomState {
    return this.#state;
  }

  /** The peer connection below, for statistics and tests. Negotiating on it breaks the call. */
  get peerConnection(): RTCPeerConnection {
    return this.#transport.pc;
  }

  /**
   * Sends a short message to everybody else, or to some, over the signaling connection: reliable and
   * in order.
   *
   * @throws RoomlineError `invalid-argument` (too long), `permission-denied`, `rate-limited`, …
   */
  async sendData(payload: string, options: SendDataOptions = {}): Promise<void> {
    if (new TextEncoder().encode(payload).length > MAX_DATA_BYTES) {
      throw new RoomlineError("invalid-argument", `a data message has at most ${MAX_DATA_BYTES} bytes`);
    }
    const to = options.to?.map((each) => (typeof each === "string" ? each : each.id));
    await this.#signaling.request({
      type: "data",
      payload,
      ...(options.topic === undefined ? {} : { topic: options.topic }),
      ...(to === undefined ? {} : { to }),
    });
  }

  /** Leaves. The tracks that were published go on; they belong to the application. */
  async disconnect(): Promise<void> {
    this.#transport.close();
    await this.#signaling.leave();
  }

  /** @internal Takes over the publications of the join; returns those that the server did not take. */
  addJoined(media: readonly LocalMedia[], mids: readonly string[], tracks: JoinedReply["tracks"]): LocalMedia[] {
    return media.filter((each, index) => {
      const assigned = tracks.find(({ mid }) => mid === mids[index]);
      const transceiver = this.#transport.pc.getTransceivers().find(({ mid }) => mid === mids[index]);
      if (assigned && transceiver) this.#addLocal(assigned.track, each, transceiver);
      return !assigned;
    });
  }

  /** @internal Something done by the SDK itself has failed. */
  fail(error: RoomlineError): void {
    this.emit("error", error);
  }

  /** @internal Somebody can listen from now on. */
  open(): void {
    this.#channels.open();
  }

  /** @internal */
  setState(state: RoomState): void {
    if (this.#state === state || this.#state === "disconnected") return;
    this.#state = state;
    this.emit("stateChanged", state);
  }

  /** @internal The session is over. */
  closed(error: RoomlineError | undefined): void {
    this.setState("disconnected");
    this.emit("disconnected", error);
    this.removeAllListeners();
  }

  /** @internal */
  restartIce(): Promise<AnswerReply> {
    return this.#transport.restartIce((offer) => this.#exchange(offer, []));
  }

  /** @internal One event of the server. */
  receive(event: ServerEvent): void {
    switch (event.type) {
      case "participantJoined":
        return this.#participantJoined(event);
      case "participantLeft":
        return this.#participantLeft(event);
      case "trackPublished":
        return this.#trackPublished(event.track);
      case "trackUnpublished":
        return this.#trackUnpublished(event);
      case "trackMuted":
        return this.#trackMuted(event);
      case "bound":
        return this.#bound(event);
      case "unbound":
        return this.#unbound(event);
      case "needSlots":
        return this.#needSlots(event);
      case "subscriptionPaused":
        return this.#paused(event.track, event.paused ? event.reason : undefined);
      case "connection":
        return this.#connection(event);
      case "data":
        return this.#data(event);
      case "draining":
        return this.emit("draining", event.deadline);
      case "closed":
        return; // Ends the session before it comes here.
    }
  }

  #participantJoined({ participant }: EventOf<"participantJoined">): void {
    if (this.#others.has(participant.id) || participant.id === this.localParticipant.id) return;
    const joined = new RemoteParticipant(participant, this.#link);
    this.#others.set(joined.id, joined);
    this.emit("participantJoined", joined);
    this.#channels.deliver();
  }

  #participantLeft({ participant: id, reason }: EventOf<"participantLeft">): void {
    const left = this.#others.get(id);
    if (!left) return;
    for (const publication of [...left.publications.values()]) {
      this.#endSubscription(publication);
      left.removePublication(publication.id);
    }
    this.#others.delete(id);
    this.emit("participantLeft", left, reason);
  }

  #trackPublished(track: TrackInfo): void {
    const participant = this.#others.get(track.participant);
    if (!participant || participant.publications.has(track.id)) return;
    this.emit("trackPublished", participant.addPublication(track), participant);
  }

  #trackUnpublished({ track, participant: id }: EventOf<"trackUnpublished">): void {
    const participant = this.#participant(id);
    const publication = participant?.publications.get(track);
    if (!participant || !publication) return;
    if (publication instanceof LocalPublication) this.#transport.releaseSender(publication.transceiver);
    else this.#endSubscription(publication as RemotePublication);
    participant.removePublication(track);
    this.emit("trackUnpublished", publication, participant);
  }

  #trackMuted({ track, muted }: EventOf<"trackMuted">): void {
    for (const participant of [...this.#others.values(), this.localParticipant]) {
      const publication = participant.publications.get(track);
      if (!publication) continue;
      publication.setMutedState(muted);
      this.emit("trackMuted", publication, participant);
    }
  }

  #bound({ track, transport, mid }: EventOf<"bound">): void {
    if (transport !== this.#transport.id) return;
    const publication = this.#remotePublication(track);
    const participant = publication && this.#others.get(publication.participantId);
    if (!publication || !participant) return;
    const binding = this.#slots.bind(mid, track);
    if (!binding) return;
    const displaced = binding.displaced && this.#remotePublication(binding.displaced);
    if (displaced) this.#tellUnsubscribed(displaced);
    this.#tellUnsubscribed(publication); // It has moved from another slot.
    publication.setTrack(binding.media);
    this.emit("trackSubscribed", binding.media, publication, participant);
  }

  #unbound({ track, transport, mid }: EventOf<"unbound">): void {
    if (transport !== this.#transport.id || !this.#slots.unbind(mid, track)) return;
    const publication = this.#remotePublication(track);
    if (publication) this.#tellUnsubscribed(publication);
  }

  #needSlots({ audio, video }: EventOf<"needSlots">): void {
    this.#negotiate(() => this.#transport.addSlots(audio, video), () => []).catch((error: unknown) => {
      this.fail(asRoomlineError(error, "negotiation-failed"));
    });
  }

  #paused(track: string, reason: PauseReason | undefined): void {
    const publication = this.#remotePublication(track);
    const participant = publication && this.#others.get(publication.participantId);
    if (!publication || !participant) return;
    publication.setPaused(reason);
    this.emit("trackPaused", publication, participant, reason);
  }

  #connection(event: EventOf<"connection"> & { change?: ConnectionChange }): void {
    const participant = this.#participant(event.participant);
    if (!participant) return;
    participant.setConnection(event.connection);
    this.emit("connectionChanged", participant, event.connection, event.change);
  }

  #data({ from, payload, topic }: EventOf<"data">): void {
    const participant = this.#others.get(from);
    if (participant) this.emit("data", payload, participant, topic);
  }

  async #publish(media: LocalMedia): Promise<LocalPublication> {
    let sender: RTCRtpTransceiver | undefined;
    try {
      const reply = await this.#negotiate(
        () => {
          sender = this.#transport.addSender(media);
        },
        () => [intent(sender?.mid ?? "", media)],
      );
      const assigned = reply.tracks.find(({ mid }) => mid === sender?.mid);
      if (!assigned || !sender) throw new RoomlineError("bad-offer", "the server did not take the track");
      return this.#addLocal(assigned.track, media, sender);
    } catch (error) {
      if (sender) this.#transport.releaseSender(sender);
      throw error;
    }
  }

  #addLocal(info: TrackInfo, media: LocalMedia, transceiver: RTCRtpTransceiver): LocalPublication {
    const publication = new LocalPublication(info, media.track, transceiver, this.#link);
    this.localParticipant.addPublication(publication);
    return publication;
  }

  async #unpublish(publication: LocalPublication): Promise<void> {
    if (!this.localParticipant.removePublication(publication.id)) return;
    this.#transport.releaseSender(publication.transceiver);
    try {
      await this.#signaling.request({ type: "unpublish", track: publication.id });
    } catch (error) {
      // Gone already: ended by the server, or by a first request whose reply was lost.
      if (!(error instanceof RoomlineError) || error.code !== "not-found") throw error;
    }
  }

  #negotiate(change: () => void, intents: () => ReturnType<typeof intent>[]): Promise<AnswerReply> {
    return this.#transport.negotiate(change, (offer) => this.#exchange(offer, intents()));
  }

  async #exchange(offer: string, tracks: ReturnType<typeof intent>[]): Promise<AnswerReply> {
    const transport = this.#transport.id;
    const reply = await this.#signaling.request({ type: "offer", transport, offer, tracks });
    if (reply.type !== "answer") throw new RoomlineError("bad-message", `${reply.type} answers offer`);
    return reply;
  }

  #participant(id: string): Participant | undefined {
    return id === this.localParticipant.id ? this.localParticipant : this.#others.get(id);
  }

  #remotePublication(track: string): RemotePublication | undefined {
    for (const participant of this.#others.values()) {
      const publication = participant.publications.get(track);
      if (publication) return publication;
    }
    return undefined;
  }

  #endSubscription(publication: RemotePublication): void {
    this.#slots.release(publication.id);
    this.#tellUnsubscribed(publication);
  }

  #tellUnsubscribed(publication: RemotePublication): void {
    const track = publication.track;
    const participant = this.#others.get(publication.participantId);
    if (!track || !participant) return;
    publication.setTrack(undefined);
    this.emit("trackUnsubscribed", track, publication, participant);
  }
}

