import type { RemotePublication } from "roomline";
import { face, hue, icon, initials, make, nameIcon } from "./dom.js";
import { t } from "./language.js";
import type { Rect } from "./layout.js";

/** What a tile shows: a remote publication's stream, or a track of one's own. */
export type Picture = RemotePublication | MediaStreamTrack | undefined;

/** A tile as wide as this has room for all words about the path. */
const ROOMY = 250;

export interface TileOptions {
  /** Who it is, for the colour of the place that the picture leaves empty. */
  identity: string;
  /** One's own camera is mirrored, as in a mirror. */
  mirrored?: boolean;
  /** A screen is shown whole, never cut. */
  screen?: boolean;
  /** Called when it is to be pinned, or no longer. */
  pin(): void;
}

/** One person's picture, or one screen, with the name and how it travels. */
export class Tile {
  readonly root = make("article", "tile");
  readonly #video = make("video");
  readonly #avatar = make("span", "avatar");
  readonly #name = make("span", "name");
  readonly #muted = icon("mic-off");
  readonly #hand = make("span", "hand");
  readonly #handIcon = icon("hand");
  readonly #path = make("div", "caption-path");
  readonly #pin = make("button", "pin");
  #picture: Picture;
  #label = "";
  #words = { long: "", short: "" };
  #small = false;

  constructor({ identity, mirrored = false, screen = false, pin }: TileOptions) {
    this.#video.autoplay = true;
    this.#video.playsInline = true;
    this.#video.muted = true; // Sound has elements of its own (sound.ts).
    this.#video.disablePictureInPicture = true;
    this.#video.classList.toggle("mirrored", mirrored);
    this.root.classList.toggle("screen-tile", screen);
    this.#avatar.style.setProperty("--hue", String(hue(identity)));
    this.#avatar.setAttribute("aria-hidden", "true");
    const placeholder = make("div", "placeholder");
    placeholder.append(this.#avatar);
    this.#pin.type = "button";
    this.#pin.addEventListener("click", pin);
    this.#hand.append(this.#handIcon);
    const line = make("div", "caption-name");
    line.append(this.#muted, this.#name);
    const caption = make("div", "caption");
    caption.append(line, this.#path);
    this.root.append(placeholder, this.#video, caption, this.#hand, this.#pin);
    this.setMuted(false);
    this.setHand(false);
    this.setPinned(false);
    this.setPicture(undefined);
  }

  setName(name: string, label = name): void {
    this.#label = label;
    this.#name.textContent = label;
    this.#name.title = label;
    this.#avatar.textContent = initials(name);
    this.root.setAttribute("aria-label", label);
    nameIcon(this.#muted, t().micIsOff);
    nameIcon(this.#handIcon, t().handIsUp);
    this.setPinned(this.#pin.ariaPressed === "true");
  }

  setMuted(muted: boolean): void {
    this.#muted.toggleAttribute("hidden", !muted);
  }

  setHand(up: boolean): void {
    this.#hand.hidden = !up;
  }

  setSpeaking(speaking: boolean): void {
    this.root.classList.toggle("speaking", speaking);
  }

  setPinned(pinned: boolean): void {
    face(this.#pin, pinned ? "unpin" : "pin", pinned ? t().unpin(this.#label) : t().pin(this.#label));
    this.#pin.ariaPressed = String(pinned);
  }

  /** The line below the name; the short words are for a small tile. */
  setPath(long: string, short = long): void {
    this.#words = { long, short };
    this.#showPath();
  }

  /** The picture. Without one, or before its first frame, the initials behind it are seen. */
  setPicture(picture: Picture): void {
    this.#video.classList.toggle("dark", !picture);
    if (this.#picture === picture) return;
    this.#picture = picture;
    if (!picture) this.#video.srcObject = null;
    else if (picture instanceof MediaStreamTrack) this.#video.srcObject = new MediaStream([picture]);
    else picture.attach(this.#video);
    // Silent pictures may always play; a new source set meanwhile ends the older attempt.
    if (picture) this.#video.play().catch(() => undefined);
  }

  /** Where it is; nowhere is on another page. */
  place(rect: Rect | undefined): void {
    this.root.hidden = !rect;
    if (!rect) return;
    this.#small = rect.width < ROOMY;
    this.#showPath();
    for (const side of ["left", "top", "width", "height"] as const) {
      this.root.style[side] = `${Math.round(rect[side] * 10) / 10}px`;
    }
  }

  #showPath(): void {
    const { long, short } = this.#words;
    const shown = this.#small ? short : long;
    if (this.#path.textContent !== shown) this.#path.textContent = shown;
    this.#path.title = long;
  }

  end(): void {
    this.setPicture(undefined);
    this.root.remove();
  }
}
