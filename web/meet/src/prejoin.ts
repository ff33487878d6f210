import { DeviceChoice } from "./device-choice.js";
import { Undo, element, face, make, show } from "./dom.js";
import { onLanguage, t } from "./language.js";
import { recall, remember } from "./memory.js";
import { meter } from "./meter.js";
import type { OwnDevices } from "./own-devices.js";

const NAME_KEY = "roomline.name";

/** The screen before the call: preview, devices, name. */
export class Prejoin {
  readonly #own: OwnDevices;
  readonly #video = element<HTMLVideoElement>("preview-video");
  readonly #mic = element<HTMLButtonElement>("preview-mic");
  readonly #camera = element<HTMLButtonElement>("preview-camera");
  readonly #joinButton = element<HTMLButtonElement>("join");
  readonly #nameField = element<HTMLInputElement>("name");
  readonly #notice = element("device-notice");
  readonly #choice: DeviceChoice;
  #metered: MediaStreamTrack | undefined;
  #stopMeter: () => void = () => undefined;

  constructor(room: string, tokenName: string, own: OwnDevices) {
    this.#own = own;
    element("prejoin-room").textContent = room;
    this.#nameField.value = tokenName || recall(NAME_KEY);
    this.#nameField.readOnly = tokenName !== "";
    this.#choice = new DeviceChoice(element("prejoin-devices"), (kind) => {
      if (kind === "audiooutput") return;
      this.#attempt(() => own.switch(kind === "audioinput" ? "audio" : "video"));
    });
  }

  /** Shows the screen, asks for the devices, and waits until somebody joins. Returns the name. */
  async run(): Promise<string> {
    const undo = new Undo();
    show("prejoin");
    this.#joinButton.disabled = false;
    this.#joinButton.textContent = t().join;
    (this.#nameField.value ? this.#joinButton : this.#nameField).focus();
    this.#own.onChange = () => this.#update();
    this.#own.onNews = () => undefined; // The lists show it.
    undo.on(this.#mic, "click", () => this.#attempt(() => this.#own.toggleMic()));
    undo.on(this.#camera, "click", () => this.#attempt(() => this.#own.toggleCamera()));
    undo.add(onLanguage(() => this.#update()));
    void this.#own.start();
    await submitted(element<HTMLFormElement>("join-form"));
    undo.run();
    return this.#leave();
  }

  /** The join waits to be let in; `message` is the application's, in its language. */
  wait(message: string): void {
    this.#joinButton.textContent = t().waiting;
    this.#notice.replaceChildren(make("p", "", message || t().waitingText));
    this.#notice.hidden = false;
  }

  #leave(): string {
    const name = this.#nameField.value.trim();
    if (!this.#nameField.readOnly) remember(NAME_KEY, name);
    this.#joinButton.disabled = true;
    this.#joinButton.textContent = t().joining;
    this.#notice.hidden = true;
    this.#own.onChange = () => undefined;
    this.#meter(undefined);
    this.#video.srcObject = null;
    return name;
  }

  /** What went wrong is in `problems` by then. */
  #attempt(action: () => Promise<void>): void {
    action().catch(() => this.#update());
  }

  #update(): void {
    const { audio, video, hears, asking } = this.#own;
    const words = t();
    if (!this.#joinButton.disabled) this.#joinButton.textContent = words.join;
    face(this.#mic, hears ? "mic" : "mic-off", hears ? words.turnMicOff : words.turnMicOn);
    face(this.#camera, video ? "camera" : "camera-off", video ? words.turnCameraOff : words.turnCameraOn);
    this.#mic.toggleAttribute("data-off", !hears && !asking);
    this.#camera.toggleAttribute("data-off", !video && !asking);
    element("preview-off").hidden = Boolean(video);
    element("preview-off").textContent = asking ? words.cameraStarting : words.cameraIsOff;
    this.#video.hidden = !video;
    this.#showVideo(video);
    this.#meter(audio);
    this.#tell();
    const used = { audioinput: audio?.getSettings().deviceId, videoinput: video?.getSettings().deviceId };
    void this.#choice.refresh(used);
  }

  #showVideo(video: MediaStreamTrack | undefined): void {
    const [shown] = (this.#video.srcObject as MediaStream | null)?.getTracks() ?? [];
    if (shown !== video) this.#video.srcObject = video ? new MediaStream([video]) : null;
  }

  #meter(audio: MediaStreamTrack | undefined): void {
    if (this.#metered === audio) return;
    this.#stopMeter();
    this.#metered = audio;
    this.#stopMeter = audio ? meter(audio, element("preview-level")) : () => undefined;
  }

  #tell(): void {
    const { problems } = this.#own;
    this.#notice.hidden = problems.length === 0;
    this.#notice.replaceChildren(...problems.map((problem) => make("p", "", problem())));
    if (!problems.length) return;
    const button = make("button", "", t().tryAgain);
    button.type = "button";
    button.addEventListener("click", () => void this.#own.start());
    this.#notice.append(make("p", "", t().joinWithout), button);
  }
}

function submitted(form: HTMLFormElement): Promise<void> {
  return new Promise((resolve) => {
    const listener = (event: Event) => {
      event.preventDefault();
      form.removeEventListener("submit", listener);
      resolve();
    };
    form.addEventListener("submit", listener);
  });
}
