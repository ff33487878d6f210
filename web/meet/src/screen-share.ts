import type { Room } from "roomline";
import { t } from "./language.js";
import { canShareScreen } from "./media.js";

const WANTED: DisplayMediaStreamOptions = { video: { frameRate: { max: 30 } }, audio: true };

/** One's own screen, shared with its sound. */
export class ScreenShare {
  readonly #room: Room;
  /** Told when it begins and when it ends, whoever ended it. */
  readonly #changed: (track: MediaStreamTrack | undefined) => void;
  #stream: MediaStream | undefined;

  constructor(room: Room, changed: (track: MediaStreamTrack | undefined) => void) {
    this.#room = room;
    this.#changed = changed;
  }

  /** Whether there is anything to share, and the token allows it. */
  get possible(): boolean {
    const { publish, sources } = this.#room.localParticipant.grants;
    return canShareScreen() && publish && (sources.length === 0 || sources.includes("screen"));
  }

  get track(): MediaStreamTrack | undefined {
    return this.#stream?.getVideoTracks()[0];
  }

  /** Begins or ends. Throws an `Error` with words; nothing when the person thought better of it. */
  async toggle(): Promise<void> {
    if (this.#stream) await this.stop();
    else await this.#start();
  }

  /** Ends it. */
  async stop(): Promise<void> {
    const stream = this.#stream;
    if (!stream) return;
    this.#stream = undefined;
    for (const track of stream.getTracks()) track.stop();
    this.#changed(undefined);
    if (this.#room.state === "disconnected") return;
    for (const track of stream.getTracks()) await this.#room.localParticipant.unpublish(track);
  }

  async #start(): Promise<void> {
    const stream = await this.#ask();
    const track = stream?.getVideoTracks()[0];
    if (!stream || !track) return;
    track.contentHint = "detail"; // Letters must be sharp; frames may be few.
    // The browser's own bar ends it too.
    track.addEventListener("ended", () => void this.stop().catch(() => undefined));
    this.#stream = stream;
    try {
      await this.#publish(stream, track, "screen");
      const { sources } = this.#room.localParticipant.grants;
      const [sound] = stream.getAudioTracks();
      const heard = sources.length === 0 || sources.includes("screenAudio");
      if (sound && heard) await this.#publish(stream, sound, "screenAudio");
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (this.#stream === stream) this.#changed(track);
  }

  /** Publishes one track of `stream`, unless that has been ended: before, or while it was under way. */
  async #publish(stream: MediaStream, track: MediaStreamTrack, source: "screen" | "screenAudio"): Promise<void> {
    const { localParticipant } = this.#room;
    if (this.#stream !== stream) return;
    await localParticipant.publish(track, { source });
    if (this.#stream !== stream) await localParticipant.unpublish(track);
  }

  async #ask(): Promise<MediaStream | undefined> {
    try {
      return await navigator.mediaDevices.getDisplayMedia(WANTED);
    } catch (error) {
      const { name, message } = error as DOMException;
      // Whoever has closed the browser's question knows that. Only Chromium tells when it was the system.
      if (name === "NotAllowedError" && !/system/i.test(message)) return undefined;
      if (name === "NotAllowedError" || name === "NotFoundError") throw new Error(t().screenRefusedBySystem);
      throw new Error(t().screenFailed(name));
    }
  }
}
