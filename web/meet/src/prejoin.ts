import { element, make, show, showDevice } from "./dom.js";
import { capture, captureBoth, captureProblem } from "./media.js";
import type { Device } from "./media.js";
import { meter } from "./meter.js";
import { WITHOUT } from "./words.js";

/** What somebody takes along into the call. */
export interface Choice {
  name: string;
  audio: MediaStreamTrack | undefined;
  /** Join with the microphone turned off. */
  muted: boolean;
  video: MediaStreamTrack | undefined;
}

const NAME_KEY = "roomline.name";

/** The screen before the call: preview, devices, name. */
export class Prejoin {
  readonly #video = element<HTMLVideoElement>("preview-video");
  readonly #micButton = element<HTMLButtonElement>("preview-mic");
  readonly #cameraButton = element<HTMLButtonElement>("preview-camera");
  readonly #joinButton = element<HTMLButtonElement>("join");
  readonly #nameField = element<HTMLInputElement>("name");
  readonly #notice = element("device-notice");
  readonly #tracks: Partial<Record<Device, MediaStreamTrack>> = {};
  #muted = false;
  #stopMeter: () => void = () => undefined;
  #join: (choice: Choice) => void = () => undefined;

  constructor(room: string, tokenName: string) {
    element("prejoin-room").textContent = room;
    this.#nameField.value = tokenName || remembered();
    this.#nameField.readOnly = tokenName !== "";
    this.#micButton.addEventListener("click", () => void this.#toggleMic());
    this.#cameraButton.addEventListener("click", () => void this.#toggleCamera());
    element("join-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Shows the screen, asks for the devices, and waits until somebody joins. */
  run(): Promise<Choice> {
    show("prejoin");
    this.#joinButton.disabled = false;
    this.#joinButton.textContent = "Join";
    this.#joinButton.focus();
    void this.#askBoth();
    this.#update();
    return new Promise((resolve) => {
      this.#join = resolve;
    });
  }

  async #askBoth(): Promise<void> {
    const { audio, video, problems } = await captureBoth();
    this.#set("audio", audio);
    this.#set("video", video);
    this.#tell(problems, () => void this.#askBoth());
  }

  #submit(): void {
    const name = this.#nameField.value.trim();
    if (!this.#nameField.readOnly) remember(name);
    this.#joinButton.disabled = true;
    this.#joinButton.textContent = "Joining…";
    this.#stopMeter();
    this.#stopMeter = () => undefined;
    this.#video.srcObject = null;
    const { audio, video } = this.#tracks;
    delete this.#tracks.audio;
    delete this.#tracks.video;
    this.#join({ name, audio, video, muted: this.#muted });
  }

  async #toggleMic(): Promise<void> {
    const track = this.#tracks.audio;
    if (!track) return this.#ask("audio");
    this.#muted = !this.#muted;
    track.enabled = !this.#muted;
    this.#update();
  }

  async #toggleCamera(): Promise<void> {
    const track = this.#tracks.video;
    if (!track) return this.#ask("video");
    track.stop(); // So that its light goes out.
    this.#set("video", undefined);
  }

  async #ask(device: Device): Promise<void> {
    try {
      this.#set(device, await capture(device));
      this.#tell([]);
    } catch (error) {
      this.#tell([captureProblem(error, device)], () => void this.#ask(device));
    }
  }

  #set(device: Device, track: MediaStreamTrack | undefined): void {
    if (this.#joinButton.disabled) {
      track?.stop(); // Too late: the call has begun without it.
      return;
    }
    if (track) this.#tracks[device] = track;
    else delete this.#tracks[device];
    if (device === "audio") {
      this.#stopMeter();
      this.#muted = false;
      this.#stopMeter = track ? meter(track, element("preview-level")) : () => undefined;
    }
    this.#update();
  }

  #update(): void {
    const { audio, video } = this.#tracks;
    showDevice(this.#micButton, "mic", Boolean(audio) && !this.#muted);
    showDevice(this.#cameraButton, "camera", Boolean(video));
    element("preview-off").hidden = Boolean(video);
    this.#video.hidden = !video;
    this.#video.srcObject = video ? new MediaStream([video]) : null;
  }

  #tell(problems: readonly string[], again?: () => void): void {
    this.#notice.hidden = problems.length === 0;
    this.#notice.replaceChildren(...problems.map((problem) => make("p", "", problem)));
    if (!again || !problems.length) return;
    this.#notice.append(make("p", "", WITHOUT));
    const button = make("button", "", "Try again");
    button.type = "button";
    button.addEventListener("click", again);
    this.#notice.append(button);
  }
}

// Browsers that keep nothing for this site throw at the mere look.

function remembered(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return "";
  }
}

function remember(name: string): void {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // Then it is typed again next time.
  }
}
