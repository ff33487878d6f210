import { RoomlineError } from "./errors.js";
import type { ConnectionInfo, GrantsInfo, ParticipantInfo, SelfInfo, TrackInfo, TrackSource } from "./protocol.js";
import { RemotePublication } from "./track.js";
import type { Link, LocalPublication, Publication } from "./track.js";
import type { LocalMedia } from "./transport.js";

/** Somebody in the room. */
export abstract class Participant<P extends Publication = Publication> {
  /** Unique for ever. */
  readonly id: string;
  /** From the access token; the same person has the same one in every session. */
  readonly identity: string;
  readonly name: string;
  readonly joinedAt: number;
  /** The tracks by their ids. */
  readonly publications: ReadonlyMap<string, P>;
  protected readonly tracks = new Map<string, P>();
  #connection: ConnectionInfo;

  /** @internal */
  constructor(info: ParticipantInfo) {
    this.id = info.id;
    this.identity = info.identity;
    this.name = info.name;
    this.joinedAt = info.joinedAt;
    this.publications = this.tracks;
    this.#connection = info.connection;
  }

  /** How this participant's media travels: tier, protocol, port, round trip, added latency, since when. */
  get connection(): Readonly<ConnectionInfo> {
    return this.#connection;
  }

  /** The first publication from that source. */
  publication(source: TrackSource): P | undefined {
    return [...this.tracks.values()].find((each) => each.source === source);
  }

  /** @internal */
  setConnection(connection: ConnectionInfo): void {
    this.#connection = connection;
  }

  /** @internal */
  removePublication(id: string): P | undefined {
    const removed = this.tracks.get(id);
    this.tracks.delete(id);
    return removed;
  }
}

/** Somebody else. */
export class RemoteParticipant extends Participant<RemotePublication> {
  readonly #link: Link;

  /** @internal */
  constructor(info: ParticipantInfo, link: Link) {
    super(info);
    this.#link = link;
    for (const track of info.tracks) this.addPublication(track);
  }

  /** @internal */
  addPublication(info: TrackInfo): RemotePublication {
    const publication = new RemotePublication(info, this.#link);
    this.tracks.set(info.id, publication);
    return publication;
  }
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

/** @internal */
export interface LocalLink {
  publish(media: LocalMedia): Promise<LocalPublication>;
  unpublish(publication: LocalPublication): Promise<void>;
  openDataChannel(label: string, options: RTCDataChannelInit): RTCDataChannel;
}

/** Ourselves. */
export class LocalParticipant extends Participant<LocalPublication> {
  /** What the access token allows. */
  readonly grants: Readonly<GrantsInfo>;
  readonly #link: LocalLink;

  /** @internal */
  constructor(info: SelfInfo, link: LocalLink) {
    super(info);
    this.grants = info.grants;
    this.#link = link;
  }

  /**
   * Publishes a track.
   *
   * @throws RoomlineError `permission-denied`, `publishers-full`, `bad-offer`, `disconnected`, …
   */
  publish(track: MediaStreamTrack, options: PublishOptions = {}): Promise<LocalPublication> {
    const source = options.source ?? (track.kind === "audio" ? "microphone" : "camera");
    return this.#link.publish({ ...options, track, source });
  }

  /** Ends the publication of that track. Does nothing when it is not published. */
  async unpublish(track: MediaStreamTrack | LocalPublication): Promise<void> {
    const publication = this.#find(track);
    if (publication) await this.#link.unpublish(publication);
  }

  /** Mutes or unmutes a published track for everybody. */
  async mute(track: MediaStreamTrack | LocalPublication, muted: boolean): Promise<void> {
    const publication = this.#find(track);
    if (!publication) throw new RoomlineError("not-found", "the track is not published");
    await publication.mute(muted);
  }

  /**
   * Opens a data channel to everybody who is in the room or joins while it is open. They get it with
   * `dataChannel`. What they send back on it is dropped: to answer, they open their own.
   */
  openDataChannel(label: string, options: DataChannelOptions = {}): RTCDataChannel {
    if (options.maxRetransmits !== undefined && options.maxPacketLifeTime !== undefined) {
      throw new RoomlineError("invalid-argument", "maxRetransmits and maxPacketLifeTime exclude each other");
    }
    return this.#link.openDataChannel(label, { ...options });
  }

  /** @internal */
  addPublication(publication: LocalPublication): void {
    this.tracks.set(publication.id, publication);
  }

  #find(track: MediaStreamTrack | LocalPublication): LocalPublication | undefined {
    return [...this.tracks.values()].find((each) => each === track || each.track === track);
  }
}
