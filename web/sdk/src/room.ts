import { Climb } from "./climb.js";
import { DataChannels } from "./data-channels.js";
import type { Environment, Logger } from "./environment.js";
import { RoomlineError, asRoomlineError } from "./errors.js";
import type { IceError } from "./errors.js";
import { Emitter } from "./events.js";
import { LocalTracks } from "./local-tracks.js";
import { Mover } from "./mover.js";
import { LocalParticipant, RemoteParticipant } from "./participant.js";
import type { Participant } from "./participant.js";
import { Paths } from "./paths.js";
import { Playback } from "./playback.js";
import type { Whose } from "./playback.js";
import type { ClientReport, JoinedReply, RoomLimitsInfo, ServerEvent, TrackInfo } from "./protocol.js";
import type { RoomEvents, RoomState } from "./room-events.js";
import type { Signaling } from "./signaling.js";
import { LocalPublication } from "./track.js";
import type { Link, PauseReason, RemotePublication } from "./track.js";
import type { LocalMedia, Transport } from "./transport.js";

/** The most UTF-8 bytes of one `sendData`; larger things belong on a data channel. */
export const MAX_DATA_BYTES = 15_000;

export interface SendDataOptions {
  topic?: string;
  /** Only these; everybody else when left out. */
  to?: readonly (RemoteParticipant | string)[];
}

type EventOf<Type extends ServerEvent["type"]> = Extract<ServerEvent, { type: Type }>;

/** @internal What a room is put together from. */
export interface RoomParts {
  signaling: Signaling;
  /** The transport of the join. */
  transport: Transport;
  /** For further peer connections. */
  config: RTCConfiguration;
  env: Environment;
  log: Logger;
}

/** A call that we are in. Made by `connect`. */
export class Room extends Emitter<RoomEvents> {
  readonly name: string;
  readonly limits: Readonly<RoomLimitsInfo>;
  readonly localParticipant: LocalParticipant;
  /** Everybody else, by their ids. */
  readonly participants: ReadonlyMap<string, RemoteParticipant>;

  readonly #others = new Map<string, RemoteParticipant>();
  readonly #signaling: Signaling;
  readonly #paths: Paths;
  readonly #playback: Playback;
  readonly #tracks: LocalTracks;
  readonly #mover: Mover;
  readonly #climb: Climb | undefined;
  readonly #channels: DataChannels;
  readonly #link: Link;
  #state: RoomState = "connected";

  /** @internal */
  constructor(joined: JoinedReply, parts: RoomParts) {
    super();
    const { signaling, transport, env } = parts;
    this.name = joined.room.name;
    this.limits = joined.room.limits;
    this.participants = this.#others;
    this.#signaling = signaling;
    this.#paths = new Paths(transport, joined, (body) => signaling.request(body));
    this.#link = {
      request: (body) => signaling.request(body),
      unpublish: (publication) => this.#tracks.unpublish(publication),
      createMediaStream: () => env.createMediaStream(),
    };
    this.localParticipant = new LocalParticipant(joined.participant, {
      publish: (media) => this.#tracks.publish(media),
      unpublish: (publication) => this.#tracks.unpublish(publication),
      openDataChannel: (label, options) => this.#paths.main.openDataChannel(label, options),
    });
    for (const each of joined.participants) this.#others.set(each.id, new RemoteParticipant(each, this.#link));
    this.#tracks = new LocalTracks(this.localParticipant, this.#paths, this.#link, (error) => this.fail(error));
    this.#playback = this.#createPlayback(env);
    this.#mover = this.#createMover(parts);
    this.#climb = this.#createClimb(parts);
    this.#channels = new DataChannels(
      (id) => this.#others.get(id),
      (channel, from, label) => this.emit("dataChannel", channel, from, label),
    );
    this.#watchChannels(transport);
  }

  get state(): RoomState {
    return this.#state;
  }

  /**
   * The peer connection that carries the media now, for statistics and tests. It is another one while
   * the call moves to another path. Negotiating on it breaks the call.
   */
  get peerConnection(): RTCPeerConnection {
    return this.#paths.carrying.pc;
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
    this.closePaths();
    await this.#signaling.leave();
  }

  /** @internal Takes over the publications of the join; returns those that the server did not take. */
  addJoined(media: readonly LocalMedia[], mids: readonly string[], tracks: JoinedReply["tracks"]): LocalMedia[] {
    return this.#tracks.addJoined(media, mids, tracks);
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

  /** @internal What the browser says of the path that carries the media. */
  report(): Promise<ClientReport | undefined> {
    return this.#paths.carrying.report();
  }

  /** @internal */
  signalingBack(): void {
    this.#mover.signalingBack();
  }

  /** @internal There is a network again, or another one. */
  networkChanged(): void {
    this.#mover.networkChanged();
    this.#climb?.networkChanged();
  }

  /** @internal Ends every peer connection of the room. */
  closePaths(): void {
    this.#climb?.close();
    this.#mover.close();
    this.#paths.main.close();
  }

  /** @internal What browsers said about STUN and TURN servers they could not use. */
  get iceErrors(): readonly IceError[] {
    return this.#paths.all().flatMap(({ iceErrors }) => iceErrors);
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
        return this.#playback.bound(event.track, event.transport, event.mid);
      case "unbound":
        return this.#playback.unbound(event.track, event.transport, event.mid);
      case "needSlots":
        return this.#needSlots(event);
      case "subscriptionPaused":
        return this.#paused(event.track, event.paused ? event.reason : undefined);
      case "pathSilent":
        return this.#mover.told(event.transport, event.silent);
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
      this.#playback.release(publication.id);
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
    if (publication instanceof LocalPublication) this.#tracks.release(publication);
    else this.#playback.release(track);
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

  #needSlots({ transport: id, audio, video }: EventOf<"needSlots">): void {
    const transport = this.#paths.find(id);
    if (!transport) return; // Closed meanwhile.
    const add = () => transport.addSlots(audio, video);
    this.#paths.negotiate(transport, add, () => []).catch((error: unknown) => {
      if (!transport.isClosed) this.fail(asRoomlineError(error, "negotiation-failed"));
    });
  }

  #paused(track: string, reason: PauseReason | undefined): void {
    const whose = this.#whose(track);
    if (!whose) return;
    whose.publication.setPaused(reason);
    this.emit("trackPaused", whose.publication, whose.participant, reason);
  }

  #connection({ participant: id, connection, change }: EventOf<"connection">): void {
    const participant = this.#participant(id);
    if (!participant) return;
    participant.setConnection(connection);
    if (participant === this.localParticipant) this.#climb?.tierIs(connection.tier, change);
    this.emit("connectionChanged", participant, connection, change);
  }

  #data({ from, payload, topic }: EventOf<"data">): void {
    const participant = this.#others.get(from);
    if (participant) this.emit("data", payload, participant, topic);
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

  #whose(track: string): Whose | undefined {
    const publication = this.#remotePublication(track);
    const participant = publication && this.#others.get(publication.participantId);
    return publication && participant && { publication, participant };
  }

  #createPlayback(env: Environment): Playback {
    return new Playback(this.#paths, env, {
      find: (track) => this.#whose(track),
      subscribed: (media, { publication, participant }) =>
        this.emit("trackSubscribed", media, publication, participant),
      unsubscribed: (media, { publication, participant }) =>
        this.emit("trackUnsubscribed", media, publication, participant),
      replaced: (media, { publication, participant }) => this.emit("trackReplaced", media, publication, participant),
    });
  }

  #createMover({ signaling, config, env, log }: RoomParts): Mover {
    return new Mover({
      config,
      paths: this.#paths,
      tracks: this.#tracks,
      playback: this.#playback,
      signaling: {
        isReady: () => signaling.state === "open",
        check: () => signaling.check(),
        hurry: (on) => signaling.hurry(on),
      },
      env,
      log,
      hooks: {
        settled: () => signaling.ping(),
        mainChanged: (main) => this.#watchChannels(main),
      },
    });
  }

  /** None where the application has chosen the paths itself. */
  #createClimb({ config, env, log }: RoomParts): Climb | undefined {
    if (config.iceServers !== undefined || config.iceTransportPolicy === "relay") return undefined;
    return new Climb(env, log, {
      isSettled: () => this.#mover.isSettled,
      answer: () => this.#paths.main.pc.remoteDescription?.sdp ?? "",
      iceServers: () => this.#paths.servers.iceServers,
      found: () => this.#mover.climb(),
    });
  }

  #watchChannels({ pc }: Transport): void {
    pc.addEventListener("datachannel", ({ channel }) => this.#channels.add(channel));
  }
}
