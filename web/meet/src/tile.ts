import type { ConnectionInfo } from "roomline";
import { icon, make } from "./dom.js";
import { connectionWords } from "./words.js";

export interface TileOptions {
  /** Our own picture: mirrored, silent. */
  self: boolean;
  /** Called when the browser does not let the sound play before somebody touches the page. */
  blocked(): void;
}

/** One person's picture, sound, name and path. */
export class Tile {
  readonly root = make("article", "tile");
  readonly #video = make("video");
  readonly #initial = make("span", "initial");
  readonly #name = make("span");
  readonly #muted = icon("mic-off");
  readonly #path = make("div", "caption-path");
  readonly #placeholder = make("p", "placeholder");
  readonly #stream = new MediaStream();
  readonly #blocked: () => void;

  constructor({ self, blocked }: TileOptions) {
    this.#blocked = blocked;
    this.#video.autoplay = true;
    this.#video.playsInline = true;
    this.#video.muted = self;
    this.#video.classList.toggle("mirrored", self);
    this.#video.srcObject = this.#stream;
    this.#placeholder.append(this.#initial);
    this.#muted.removeAttribute("aria-hidden");
    this.#muted.setAttribute("role", "img");
    this.#muted.setAttribute("aria-label", "Microphone is off");
    const caption = make("div", "caption");
    const line = make("div", "caption-name");
    line.append(this.#name, this.#muted);
    caption.append(line, this.#path);
    this.root.append(this.#placeholder, this.#video, caption);
    this.setMuted(false);
    this.setPicture(undefined);
  }

  setName(name: string, suffix = ""): void {
    this.#name.textContent = name + suffix;
    this.#initial.textContent = [...name][0]?.toUpperCase() ?? "?";
    this.root.setAttribute("aria-label", name + suffix);
  }

  setMuted(muted: boolean): void {
    this.#muted.toggleAttribute("hidden", !muted);
  }

  setConnection(connection: Readonly<ConnectionInfo>): void {
    this.#path.textContent = connectionWords(connection);
    this.root.dataset["tier"] = connection.tier ?? "";
  }

  /** Says something instead of the path, until the next `setConnection`. */
  setRemark(remark: string): void {
    this.#path.textContent = remark;
  }

  /** The picture. Without one, or before its first frame, the initial behind it is seen. */
  setPicture(track: MediaStreamTrack | undefined, contain = false): void {
    this.#exchange("video", track);
    this.#video.classList.toggle("dark", !track);
    this.#video.classList.toggle("contain", contain);
  }

  setSound(track: MediaStreamTrack | undefined): void {
    this.#exchange("audio", track);
  }

  /** Plays after somebody has touched the page. */
  play(): void {
    this.#video.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.#blocked();
    });
  }

  #exchange(kind: string, track: MediaStreamTrack | undefined): void {
    const old = this.#stream.getTracks().filter((each) => each.kind === kind);
    for (const each of old) if (each !== track) this.#stream.removeTrack(each);
    if (!track || old.includes(track)) return;
    this.#stream.addTrack(track);
    this.play();
  }
}
