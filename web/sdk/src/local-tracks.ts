import { RoomlineError, asRoomlineError } from "./errors.js";
import type { LocalParticipant } from "./participant.js";
import type { Paths } from "./paths.js";
import type { JoinedReply, TrackInfo } from "./protocol.js";
import { LocalPublication } from "./track.js";
import type { Link } from "./track.js";
import { intent } from "./transport.js";
import type { LocalMedia, Transport } from "./transport.js";

/** What we publish, and which section of which transport sends it. */
export class LocalTracks {
  readonly #participant: LocalParticipant;
  readonly #paths: Paths;
  readonly #link: Link;
  readonly #failed: (error: RoomlineError) => void;

  constructor(
    participant: LocalParticipant,
    paths: Paths,
    link: Link,
    failed: (error: RoomlineError) => void,
  ) {
    this.#participant = participant;
    this.#paths = paths;
    this.#link = link;
    this.#failed = failed;
  }

  /** Takes over the publications of the join; returns those that the server did not take. */
  addJoined(media: readonly LocalMedia[], mids: readonly string[], tracks: JoinedReply["tracks"]): LocalMedia[] {
    const { main } = this.#paths;
    return media.filter((each, index) => {
      const assigned = tracks.find(({ mid }) => mid === mids[index]);
      const transceiver = main.pc.getTransceivers().find(({ mid }) => mid === mids[index]);
      if (assigned && transceiver) this.#add(assigned.track, each, main, transceiver);
      return !assigned;
    });
  }

  async publish(media: LocalMedia): Promise<LocalPublication> {
    const transport = this.#paths.main;
    let sender: RTCRtpTransceiver | undefined;
    try {
      const reply = await this.#paths.negotiate(
        transport,
        () => {
          sender = transport.addSender(media);
        },
        () => [intent(sender?.mid ?? "", media)],
      );
      const assigned = reply.tracks.find(({ mid }) => mid === sender?.mid);
      if (!assigned || !sender) throw new RoomlineError("bad-offer", "the server did not take the track");
      const publication = this.#add(assigned.track, media, transport, sender);
      this.#mirrorLater();
      return publication;
    } catch (error) {
      if (sender) transport.releaseSender(sender);
      throw error;
    }
  }

  async unpublish(publication: LocalPublication): Promise<void> {
    if (!this.#participant.removePublication(publication.id)) return;
    this.release(publication);
    try {
      await this.#link.request({ type: "unpublish", track: publication.id });
    } catch (error) {
      // Gone already: ended by the server, or by a first request whose reply was lost.
      if (!(error instanceof RoomlineError) || error.code !== "not-found") throw error;
    }
  }

  /** Nothing is sent of it any more. */
  release(publication: LocalPublication): void {
    for (const [transport, transceiver] of publication.senders) {
      publication.removeSender(transport);
      transport.releaseSender(transceiver);
    }
  }

  all(): LocalPublication[] {
    return [...this.#participant.publications.values()];
  }

  /** Whether it is published still. */
  has(publication: LocalPublication): boolean {
    return this.#participant.publications.get(publication.id) === publication;
  }

  /** Which section of `transport` sends which track, for `move`. */
  moves(transport: Transport): { mid: string; track: string }[] {
    return this.all().flatMap((each) => {
      const mid = each.senders.get(transport)?.mid;
      return mid ? [{ mid, track: each.id }] : [];
    });
  }

  /** Sends on `transport` what it doesn't send yet: what was published since that was opened. */
  async mirror(transport: Transport): Promise<void> {
    const missing = () => this.all().filter((each) => !each.senders.has(transport));
    if (missing().length === 0) return;
    const made = new Map<LocalPublication, RTCRtpTransceiver>();
    try {
      await this.#paths.negotiate(
        transport,
        () => {
          // Looked at anew: the turn comes after negotiations that may have done the same.
          for (const each of missing()) {
            const transceiver = transport.addSender(each.media);
            made.set(each, transceiver);
            each.addSender(transport, transceiver);
          }
        },
        () => this.intents(made),
      );
    } catch (error) {
      for (const [each, transceiver] of made) {
        each.removeSender(transport);
        transport.releaseSender(transceiver);
      }
      throw error;
    }
  }

  /** Intents that have publications move to these sections; those that ended meanwhile are left out. */
  intents(sections: ReadonlyMap<LocalPublication, { mid: string | null }>): MovingIntent[] {
    return [...sections].flatMap(([publication, { mid }]) =>
      this.has(publication) ? [{ ...intent(mid ?? "", publication.media), track: publication.id }] : [],
    );
  }

  /** `transport` is gone. */
  forget(transport: Transport): void {
    for (const each of this.all()) each.removeSender(transport);
  }

  #mirrorLater(): void {
    const { bridge } = this.#paths;
    if (!bridge?.id) return;
    this.mirror(bridge).catch((error: unknown) => {
      if (!bridge.isClosed) this.#failed(asRoomlineError(error, "negotiation-failed"));
    });
  }

  #add(info: TrackInfo, media: LocalMedia, transport: Transport, transceiver: RTCRtpTransceiver): LocalPublication {
    const publication = new LocalPublication(info, media, this.#link);
    publication.addSender(transport, transceiver);
    this.#participant.addPublication(publication);
    return publication;
  }
}

/** An intent that moves a track instead of publishing one. */
export type MovingIntent = ReturnType<typeof intent> & { track: string };
