import type { Room } from "roomline";
import { Speakers, receivedLevel } from "./speakers.js";

const EVERY_MS = 200;

/** Looks now and then at how loud everybody else is. */
export class Levels {
  readonly #speakers = new Speakers();
  readonly #timer: number;
  #told = "";

  /** `told` gets those who speak and the one whose turn it is, when that has changed. */
  constructor(room: Room, told: (speaking: ReadonlySet<string>, active: string | undefined) => void) {
    this.#timer = window.setInterval(() => {
      const speaking = this.#speakers.look(levels(room), performance.now());
      const now = [...speaking].sort().join() + ">" + (this.#speakers.active ?? "");
      if (now === this.#told) return;
      this.#told = now;
      told(speaking, this.#speakers.active);
    }, EVERY_MS);
  }

  end(): void {
    window.clearInterval(this.#timer);
  }
}

function levels(room: Room): Map<string, number> {
  const receivers = new Map(room.peerConnection.getReceivers().map((each) => [each.track, each]));
  const found = new Map<string, number>();
  for (const { id, publications } of room.participants.values()) {
    let loudest = 0;
    for (const { source, track, muted } of publications.values()) {
      const receiver = source === "microphone" && track && !muted ? receivers.get(track) : undefined;
      if (!receiver) continue;
      const sources = receiver.getSynchronizationSources();
      loudest = Math.max(loudest, receivedLevel(sources, clockOf(sources)));
    }
    found.set(id, loudest);
  }
  return found;
}

/** Now, by the clock of the sources: browsers differ in where it begins (W3C webrtc issue 2571 settled on 1970). */
function clockOf(sources: readonly RTCRtpSynchronizationSource[]): number {
  const elapsed = performance.now();
  return (sources[0]?.timestamp ?? 0) > 1e12 ? performance.timeOrigin + elapsed : elapsed;
}
