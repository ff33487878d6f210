import type { TrackInfo, TrackKind, TrackSource } from "./protocol.js";
import type { LocalMedia, Transport } from "./transport.js";
import type { NumberedReply, RequestBody } from "./wire.js";

/** How publications and participants reach the room that they belong to. */
export interface Link {
  request(body: RequestBody): Promise<NumberedReply>;
  unpublish(publication: LocalPublication): Promise<void>;
  /** An empty stream to play media from. */
  createMediaStream(): MediaStream;
}

/** A track as everybody in the room sees it. */
export class Publication {
  readonly id: string;
  /** The id of the participant whose track it is. */
  readonly participantId: string;
  readonly kind: TrackKind;
  readonly source: TrackSource;
  readonly name: string;
  #muted: boolean;

  /** @internal */
  constructor(info: TrackInfo) {
    this.id = info.id;
    this.participantId = info.participant;
    this.kind = info.kind;
    this.source = info.source;
    this.name = info.name;
    this.#muted = info.muted;
  }

  /** Whether its sender has muted it: nothing is sent then. */
  get muted(): boolean {
    return this.#muted;
  }

  /** @internal */
  setMutedState(muted: boolean): void {
    this.#muted = muted;
  }
}

/** A track of ours. The SDK never stops the `MediaStreamTrack` itself: it belongs to the application. */
export class LocalPublication extends Publication {
  readonly #link: Link;
  readonly #maxBitrate: number | undefined;
  /** One on each transport that sends it: two while the call moves. */
  readonly #senders = new Map<Transport, RTCRtpTransceiver>();
  #track: MediaStreamTrack;

  /** @internal */
  constructor(info: TrackInfo, media: LocalMedia, link: Link) {
    super(info);
    this.#link = link;
    this.#track = media.track;
    this.#maxBitrate = media.maxBitrate;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  /** @internal What another transport has to send. */
  get media(): LocalMedia {
    const { source, name, muted } = this;
    const limit = this.#maxBitrate === undefined ? {} : { maxBitrate: this.#maxBitrate };
    return { track: this.#track, source, name, muted, ...limit };
  }

  /** @internal */
  get senders(): ReadonlyMap<Transport, RTCRtpTransceiver> {
    return this.#senders;
  }

  /** @internal It is sent there too from now on. */
  addSender(transport: Transport, transceiver: RTCRtpTransceiver): void {
    this.#senders.set(transport, transceiver);
  }

  /** @internal Sends there what is sent elsewhere: muted or replaced since the section was offered. */
  syncSender(transport: Transport): void {
    const sender = this.#senders.get(transport)?.sender;
    const wanted = this.muted ? null : this.#track;
    if (sender && sender.track !== wanted) void sender.replaceTrack(wanted);
  }

  /** @internal */
  removeSender(transport: Transport): void {
    this.#senders.delete(transport);
  }

  /** Stops sending, or goes on, and tells everybody. The publication stays. */
  async mute(muted: boolean): Promise<void> {
    if (muted === this.muted) return;
    this.setMutedState(muted);
    await this.#send(muted ? null : this.#track);
    await this.#link.request({ type: "mute", track: this.id, muted });
  }

  /** Sends another track of the same kind from now on, another camera say. Needs no negotiation. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    if (!this.muted) await this.#send(track);
    this.#track = track;
  }

  /** Ends the publication. */
  unpublish(): Promise<void> {
    return this.#link.unpublish(this);
  }

  async #send(track: MediaStreamTrack | null): Promise<void> {
    await Promise.all([...this.#senders.values()].map(({ sender }) => sender.replaceTrack(track)));
  }
}

export type PauseReason = "bitrate" | "requested";

/** Somebody else's track. */
export class RemotePublication extends Publication {
  readonly #link: Link;
  #stream: MediaStream | undefined;
  #track: MediaStreamTrack | undefined;
  #paused: PauseReason | undefined;

  /** @internal */
  constructor(info: TrackInfo, link: Link) {
    super(info);
    this.#link = link;
  }

  /**
   * The media to play: one stream for as long as the publication lives. `track` is in it while there is
   * one, and is exchanged inside when the call moves to another path, so what plays it plays on.
   */
  get mediaStream(): MediaStream {
    if (!this.#stream) {
      this.#stream = this.#link.createMediaStream();
      if (this.#track) this.#stream.addTrack(this.#track);
    }
    return this.#stream;
  }

  /** Has a media element show or sound it, across every change of path. Whether it may, `play()` tells. */
  attach(element: HTMLMediaElement): void {
    element.autoplay = true;
    if ("playsInline" in element) element.playsInline = true;
    if (element.srcObject !== this.mediaStream) element.srcObject = this.mediaStream;
  }

  /** Takes it off a media element again. Does nothing to an element that plays something else. */
  detach(element: HTMLMediaElement): void {
    if (this.#stream && element.srcObject === this.#stream) element.srcObject = null;
  }

  /**
   * The media, while we are subscribed and the server has given the track a slot. It is another one
   * after `trackReplaced`: play `mediaStream`, or use `attach`, and nothing has to be done then.
   */
  get track(): MediaStreamTrack | undefined {
    return this.#track;
  }

  /** Why the server sends nothing of it at the moment, if so. */
  get paused(): PauseReason | undefined {
    return this.#paused;
  }

  /** Asks for the track. `trackSubscribed` follows. Only needed with `subscribe: "manual"`. */
  async subscribe(): Promise<void> {
    await this.#link.request({ type: "subscribe", track: this.id });
  }

  /** Does without the track. `trackUnsubscribed` follows. */
  async unsubscribe(): Promise<void> {
    await this.#link.request({ type: "unsubscribe", track: this.id });
  }

  /** Has the server stop sending the track, or go on, without giving up its slot. */
  async pause(paused: boolean): Promise<void> {
    await this.#link.request({ type: "pauseSubscription", track: this.id, paused });
  }

  /** @internal */
  setTrack(track: MediaStreamTrack | undefined): void {
    const old = this.#track;
    this.#track = track;
    if (!track) this.#paused = undefined;
    if (track === old || !this.#stream) return;
    // The new one first: an element whose stream has no track left counts as ended.
    if (track) this.#stream.addTrack(track);
    if (old) this.#stream.removeTrack(old);
  }

  /** @internal */
  setPaused(reason: PauseReason | undefined): void {
    this.#paused = reason;
  }
}
