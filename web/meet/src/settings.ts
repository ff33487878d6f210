import { DeviceChoice } from "./device-choice.js";
import { Undo, element, make } from "./dom.js";
import { chooseLanguage, language } from "./language.js";
import type { Kind } from "./media.js";
import { meter } from "./meter.js";
import type { OwnDevices } from "./own-devices.js";
import { showHelp, shortcutsOn, turnShortcuts } from "./shortcuts.js";
import { LANGUAGES } from "./texts.js";

/** Makes a list that switches the language of the page. */
export function languageList(select: HTMLSelectElement): void {
  const options = Object.entries(LANGUAGES).map(([code, { name }]) => {
    const option = make("option", "", name);
    option.value = code;
    option.lang = code;
    return option;
  });
  select.replaceChildren(...options);
  select.value = language();
  select.addEventListener("change", () => chooseLanguage(select.value));
}

/** The dialogs of a call: devices, language, shortcuts. The browser keeps the focus in them and gives it back. */
export class Dialogs {
  readonly #settings = element<HTMLDialogElement>("settings-dialog");
  readonly #help = element<HTMLDialogElement>("help-dialog");
  readonly #own: OwnDevices;
  readonly #choice: DeviceChoice;
  readonly #undo = new Undo();
  #stopMeter: () => void = () => undefined;

  /** `chosen` is told of another device. */
  constructor(own: OwnDevices, chosen: (kind: Kind) => void) {
    this.#own = own;
    const place = element("settings-devices");
    place.after(element("settings-level"));
    place.replaceChildren();
    this.#choice = new DeviceChoice(place, chosen);
    place.firstElementChild?.append(element("settings-level"));
    for (const dialog of [this.#settings, this.#help]) {
      // Beside the dialog is the dialog's own backdrop.
      this.#undo.on(dialog, "click", (event) => event.target === dialog && dialog.close());
    }
    this.#undo.on(this.#settings, "close", () => this.#meter(undefined));
    const shortcuts = element<HTMLInputElement>("shortcuts-on");
    shortcuts.checked = shortcutsOn();
    this.#undo.on(shortcuts, "change", () => turnShortcuts(shortcuts.checked));
    this.#undo.on(element("open-help"), "click", () => {
      this.#settings.close();
      this.help();
    });
  }

  settings(): void {
    element<HTMLSelectElement>("settings-language").value = language();
    this.#settings.showModal();
    this.refresh();
  }

  help(): void {
    showHelp();
    this.#help.showModal();
  }

  /** Shows the devices as they are now. */
  refresh(): void {
    if (this.#help.open) showHelp();
    if (!this.#settings.open) return;
    const { audio, video } = this.#own;
    this.#meter(audio);
    void this.#choice.refresh({
      audioinput: audio?.getSettings().deviceId,
      videoinput: video?.getSettings().deviceId,
    });
  }

  end(): void {
    this.#undo.run();
    this.#meter(undefined);
    this.#settings.close();
    this.#help.close();
  }

  #meter(audio: MediaStreamTrack | undefined): void {
    this.#stopMeter();
    this.#stopMeter = audio ? meter(audio, element("settings-level")) : () => undefined;
  }
}
