import type { Environment } from "./environment.js";
import type { RemoteParticipant } from "./participant.js";
import type { Paths } from "./paths.js";
import type { RemotePublication } from "./track.js";
import type { Transport } from "./transport.js";

/** How often we look whether media has begun to come on the path that we go to. */
const LOOK_MS = 30;

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

interface Switch {
  track: string;
  receiver: RTCRtpReceiver;
  /** When its newest media was played, at the start. */
  before: number;
  until: number;
}

/**
 * Which remote track each receiving section of each transport carries, and which of them is played.
 *
 * The server binds; slots are reused. During a move the same track comes on two transports; one plays.
 */
export class Playback {
  readonly #paths: Paths;
  readonly #env: Environment;
  readonly #hooks: PlaybackHooks;
  /** Transport → mid → track. */
  readonly #slots = new Map<string, Map<string, string>>();
  /** Track → the transport that it plays from. */
  readonly #shown = new Map<string, string>();
  #switches: Switch[] = [];
  #timer: unknown;
  #switched: () => void = () => undefined;

  constructor(paths: Paths, env: Environment, hooks: PlaybackHooks) {
    this.#paths = paths;
    this.#env = env;
    this.#hooks = hooks;
  }

  /** How many tracks a transport carries, by kind. */
  counts(transport: Transport): { audio: number; video: number } {
    const counts = { audio: 0, video: 0 };
    for (const track of this.#slots.get(transport.id)?.values() ?? []) {
      const kind = this.#hooks.find(track)?.publication.kind;
      if (kind) counts[kind]++;
    }
    return counts;
  }

  /** Slot `mid` carries `track` from now on. Nothing is told twice. */
  bound(track: string, transport: string, mid: string): void {
    const known = this.#paths.find(transport);
    if (known ? !receiverOf(known, mid) : !this.#paths.mayBeBridge(transport)) return;
    if (!this.#hooks.find(track)) return;
    const slots = this.#slots.get(transport) ?? new Map<string, string>();
    this.#slots.set(transport, slots);
    const displaced = slots.get(mid);
    if (displaced === track) return;
    slots.set(mid, track);
    if (displaced !== undefined) this.#lost(displaced, transport);
    for (const [other, bound] of slots) {
      if (bound !== track || other === mid) continue;
      slots.delete(other); // It has moved from another slot.
      this.#lost(track, transport);
    }
    if (!this.#shown.has(track)) this.#show(track);
    else if (known && known === this.#paths.carrying) this.#show(track);
  }

  /** Slot `mid` is free again. */
  unbound(track: string, transport: string, mid: string): void {
    const slots = this.#slots.get(transport);
    if (slots?.get(mid) !== track) return;
    slots.delete(mid);
    this.#lost(track, transport);
  }

  /** Forgets a track that has ended, wherever it was. */
  release(track: string): void {
    for (const slots of this.#slots.values()) {
      for (const [mid, bound] of slots) if (bound === track) slots.delete(mid);
    }
    this.#hide(track);
  }

  /** Forgets transports that are gone; what played from them plays from another, if that has it. */
  prune(): void {
    for (const [transport, slots] of [...this.#slots]) {
      if (this.#paths.find(transport)) continue;
      this.#slots.delete(transport);
      for (const track of slots.values()) this.#lost(track, transport);
    }
  }

  /**
   * Plays everything from `transport`, each track as soon as something of it comes there, or when
   * `patience` is at an end. Another call takes the place of one under way, whose promise ends too.
   */
  play(transport: Transport, patience: Patience): Promise<void> {
    this.stop();
    this.#paths.carrying = transport;
    const now = this.#env.now();
    for (const [mid, track] of this.#slots.get(transport.id) ?? []) {
      const receiver = receiverOf(transport, mid);
      if (!receiver || this.#shown.get(track) === transport.id) continue;
      const until = now + patience[receiver.track.kind === "audio" ? "audio" : "video"];
      this.#switches.push({ track, receiver, before: playedAt(receiver), until });
    }
    return new Promise((resolve) => {
      this.#switched = resolve;
      this.#look();
    });
  }

  /** Stops waiting; what has not been switched stays where it is. */
  stop(): void {
    this.#env.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#switches = [];
    this.#switched();
  }

  #look(): void {
    const now = this.#env.now();
    this.#switches = this.#switches.filter(({ track, receiver, before, until }) => {
      if (now < until && playedAt(receiver) <= before) return true;
      this.#show(track);
      return false;
    });
    if (this.#switches.length > 0) this.#timer = this.#env.setTimer(() => this.#look(), LOOK_MS);
    else this.stop();
  }

  /** Plays `track` from the transport that counts, or from the other one. */
  #show(track: string): void {
    const whose = this.#hooks.find(track);
    const { carrying } = this.#paths;
    const order = [carrying, ...this.#paths.all().filter((each) => each !== carrying)];
    for (const transport of order) {
      const media = whose && this.#media(track, transport);
      if (!media) continue;
      this.#shown.set(track, transport.id);
      const before = whose.publication.track;
      if (before === media) return;
      whose.publication.setTrack(media);
      if (before) this.#hooks.replaced(media, whose);
      else this.#hooks.subscribed(media, whose);
      return;
    }
    this.#hide(track);
  }

  /** `transport` doesn't carry `track` any more. */
  #lost(track: string, transport: string): void {
    if (this.#shown.get(track) === transport) this.#show(track);
  }

  #hide(track: string): void {
    this.#shown.delete(track);
    const whose = this.#hooks.find(track);
    const media = whose?.publication.track;
    if (!whose || !media) return;
    whose.publication.setTrack(undefined);
    this.#hooks.unsubscribed(media, whose);
  }

  #media(track: string, transport: Transport): MediaStreamTrack | undefined {
    for (const [mid, bound] of this.#slots.get(transport.id) ?? []) {
      if (bound === track) return receiverOf(transport, mid)?.track;
    }
    return undefined;
  }
}

function receiverOf(transport: Transport, mid: string): RTCRtpReceiver | undefined {
  return transport.pc.getTransceivers().find((each) => each.mid === mid)?.receiver;
}

/** When media of that receiver was played last; both browsers count it without statistics. */
function playedAt(receiver: RTCRtpReceiver): number {
  return receiver.getSynchronizationSources().reduce((newest, { timestamp }) => Math.max(newest, timestamp), 0);
}
