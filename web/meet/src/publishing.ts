import type { LocalPublication, Room } from "roomline";
import type { Device } from "./media.js";
import type { OwnDevices } from "./own-devices.js";

const SOURCES = { audio: "microphone", video: "camera" } as const;

/** Keeps what is published of the own devices as they are, one change after the other. */
export class Publishing {
  readonly #room: Room;
  readonly #own: OwnDevices;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(room: Room, own: OwnDevices) {
    this.#room = room;
    this.#own = own;
  }

  /** Brings the publications up to date. Throws when the room does not take one; its device is off then. */
  sync(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#each("audio", this.#own.audio, this.#own.muted);
      await this.#each("video", this.#own.video, false);
    }
  }

  async #each(device: Device, track: MediaStreamTrack | undefined, muted: boolean): Promise<void> {
    const source = SOURCES[device];
    const publication = this.#room.localParticipant.publication(source);
    try {
      if (publication) await renew(publication, track, muted);
      else if (track) await this.#room.localParticipant.publish(track, { source, muted });
    } catch (error) {
      if (track && this.#room.state !== "disconnected") this.#own.drop(device);
      throw error;
    }
  }
}

async function renew(
  publication: LocalPublication,
  track: MediaStreamTrack | undefined,
  muted: boolean,
): Promise<void> {
  if (track && publication.track !== track) await publication.replaceTrack(track);
  await publication.mute(muted || !track);
}
