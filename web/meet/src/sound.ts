import type { RemoteParticipant, RemotePublication } from "roomline";
import { make } from "./dom.js";
import { chosen } from "./media.js";

const SOURCES = ["microphone", "screenAudio"] as const;

/** What others say and what their screens play: one element per publication, none of it in a tile. */
export class Sound {
  readonly #playing = new Map<string, { element: HTMLAudioElement; publication: RemotePublication }>();
  readonly #blocked: () => void;

  /** `blocked` is called when the browser does not let sound play before somebody touches the page. */
  constructor(blocked: () => void) {
    this.#blocked = blocked;
  }

  /** Plays what this participant sends now, and nothing else of theirs. */
  show(participant: RemoteParticipant): void {
    const wanted = SOURCES.map((source) => participant.publication(source)).filter((each) => each?.track);
    for (const [id, { publication }] of this.#playing) {
      if (publication.participantId === participant.id && !wanted.includes(publication)) this.#stop(id);
    }
    for (const publication of wanted) {
      if (publication && !this.#playing.has(publication.id)) this.#start(publication);
    }
  }

  forget(participant: string): void {
    for (const [id, { publication }] of this.#playing) if (publication.participantId === participant) this.#stop(id);
  }

  /** Plays everything, after somebody has touched the page. */
  play(): void {
    for (const { element } of this.#playing.values()) this.#play(element);
  }

  /** Sends everything to the speaker chosen in the settings. */
  async route(): Promise<void> {
    const speaker = chosen("audiooutput");
    for (const { element } of this.#playing.values()) await route(element, speaker);
  }

  end(): void {
    for (const id of [...this.#playing.keys()]) this.#stop(id);
  }

  #start(publication: RemotePublication): void {
    const element = make("audio");
    publication.attach(element);
    this.#playing.set(publication.id, { element, publication });
    // A speaker that is gone: the system's default plays instead.
    route(element, chosen("audiooutput")).catch(() => undefined);
    this.#play(element);
  }

  #play(element: HTMLAudioElement): void {
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.#blocked();
    });
  }

  #stop(id: string): void {
    const playing = this.#playing.get(id);
    playing?.publication.detach(playing.element);
    this.#playing.delete(id);
  }
}

async function route(element: HTMLAudioElement, speaker: string): Promise<void> {
  if (speaker && "setSinkId" in element) await element.setSinkId(speaker);
}
