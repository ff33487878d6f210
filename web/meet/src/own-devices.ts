import { capture, captureBoth, captureProblem, devices } from "./media.js";
import type { Device } from "./media.js";
import { t } from "./language.js";

/** One's own microphone and camera, from the preview to the end of the visit. */
export class OwnDevices {
  /** Told after every change of what follows. */
  onChange: () => void = () => undefined;
  /** Told what happened to a device that somebody pulled out or plugged in. */
  onNews: (words: string) => void = () => undefined;
  /** What could not be had, in words. */
  problems: (() => string)[] = [];
  /** Whether the first question to the person is still open. */
  asking = false;
  #tracks: Partial<Record<Device, MediaStreamTrack>> = {};
  #muted = false;
  #ended = false;
  #known = new Set<string>();

  constructor() {
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#plugged());
  }

  get audio(): MediaStreamTrack | undefined {
    return this.#tracks.audio;
  }

  get video(): MediaStreamTrack | undefined {
    return this.#tracks.video;
  }

  /** Whether others are to hear us. */
  get hears(): boolean {
    return Boolean(this.audio) && !this.#muted;
  }

  /** Whether the microphone is to be off although there is one. */
  get muted(): boolean {
    return this.#muted;
  }

  /** Asks for both, in one question. */
  async start(): Promise<void> {
    this.#ended = false;
    this.asking = true;
    this.onChange();
    const { audio, video, problems } = await captureBoth();
    this.asking = false;
    this.problems = problems;
    this.#set("audio", audio);
    this.#set("video", video);
    this.#known = new Set((await devices()).map(({ deviceId }) => deviceId));
    this.onChange();
  }

  /** Turns the microphone on or off. Throws an `Error` with words when there is none to be had. */
  async toggleMic(): Promise<void> {
    if (!this.audio) {
      this.#muted = false;
      await this.#ask("audio");
      return;
    }
    this.mute(!this.#muted);
  }

  mute(muted: boolean): void {
    this.#muted = muted;
    if (this.audio) this.audio.enabled = !muted;
    this.onChange();
  }

  /** Turns the camera on or off, its light too. Throws an `Error` with words when there is none to be had. */
  async toggleCamera(): Promise<void> {
    if (!this.video) return this.#ask("video");
    this.#set("video", undefined);
    this.onChange();
  }

  /** Another device was chosen: uses it, if one of its kind is in use. */
  async switch(device: Device): Promise<void> {
    if (this.#tracks[device]) await this.#ask(device);
  }

  /** Turns a device off for good, one that may not be published say. */
  drop(device: Device): void {
    this.#set(device, undefined);
    this.onChange();
  }

  /** Lets go of both. */
  end(): void {
    this.#ended = true;
    this.#set("audio", undefined);
    this.#set("video", undefined);
  }

  async #ask(device: Device): Promise<void> {
    // Some systems give a camera to one at a time.
    if (device === "video") this.#tracks.video?.stop();
    try {
      this.#set(device, await capture(device));
      this.problems = [];
    } catch (error) {
      if (device === "video") this.#set("video", undefined);
      this.problems = [() => captureProblem(error, device)];
      throw new Error(captureProblem(error, device));
    } finally {
      this.onChange();
    }
  }

  #set(device: Device, track: MediaStreamTrack | undefined): void {
    const old = this.#tracks[device];
    if (old && old !== track) old.stop();
    if (!track || this.#ended) {
      track?.stop(); // Too late: nobody is there any more.
      delete this.#tracks[device];
      return;
    }
    this.#tracks[device] = track;
    if (device === "audio") track.enabled = !this.#muted;
    track.addEventListener("ended", () => void this.#lost(device, track));
  }

  /** A device was pulled out, or another program took it: goes on with another one, if there is one. */
  async #lost(device: Device, track: MediaStreamTrack): Promise<void> {
    if (this.#tracks[device] !== track) return;
    this.#set(device, undefined);
    try {
      const other = await capture(device);
      this.#set(device, other);
      this.onNews(t().deviceReplaced(track.label, other.label));
    } catch {
      this.onNews(device === "audio" ? t().micGone : t().cameraGone);
    }
    this.onChange();
  }

  async #plugged(): Promise<void> {
    const now = await devices();
    const added = now.find(({ deviceId, label }) => label && !this.#known.has(deviceId));
    if (added && this.#known.size > 0) this.onNews(t().deviceFound(added.label));
    this.#known = new Set(now.map(({ deviceId }) => deviceId));
    this.onChange();
  }
}
