/** What happened to a slot: the track that it carried and the one that it carries now. */
export interface Binding {
  displaced: string | undefined;
  media: MediaStreamTrack;
}

/** Which remote track each receive-only section carries. The server decides; slots are reused. */
export class Slots {
  readonly #transceivers: () => RTCRtpTransceiver[];
  readonly #tracks = new Map<string, string>();

  constructor(transceivers: () => RTCRtpTransceiver[]) {
    this.#transceivers = transceivers;
  }

  /**
   * Slot `mid` carries `track` from now on. Undefined when there is no such slot, or when it carries
   * that track already, so that nothing is told twice.
   */
  bind(mid: string, track: string): Binding | undefined {
    const transceiver = this.#transceivers().find((each) => each.mid === mid);
    const displaced = this.#tracks.get(mid);
    if (!transceiver || displaced === track) return undefined;
    this.release(track);
    this.#tracks.set(mid, track);
    return { displaced, media: transceiver.receiver.track };
  }

  /** Slot `mid` is free again. False when it did not carry `track`. */
  unbind(mid: string, track: string): boolean {
    if (this.#tracks.get(mid) !== track) return false;
    return this.#tracks.delete(mid);
  }

  /** Forgets a track that has ended, wherever it was. */
  release(track: string): void {
    for (const [mid, bound] of this.#tracks) {
      if (bound === track) this.#tracks.delete(mid);
    }
  }
}
