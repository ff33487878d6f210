import { make } from "./dom.js";
import { t } from "./language.js";
import { canChooseSpeaker, choose, chosen, devices } from "./media.js";
import type { Kind } from "./media.js";

const KINDS: Kind[] = ["audioinput", "videoinput", "audiooutput"];
let made = 0;

/** A list for each kind of device that there is a choice of. */
export class DeviceChoice {
  readonly #rows = new Map<Kind, { row: HTMLElement; label: HTMLLabelElement; select: HTMLSelectElement }>();

  /** `changed` is told after a choice was made and kept. */
  constructor(place: HTMLElement, changed: (kind: Kind) => void) {
    for (const kind of KINDS) {
      const row = make("div", "field");
      const label = make("label");
      const select = make("select");
      select.id = `device-${++made}`;
      label.htmlFor = select.id;
      label.textContent = namesOf()[kind];
      select.addEventListener("change", () => {
        choose(kind, select.value);
        changed(kind);
      });
      row.append(label, select);
      place.append(row);
      this.#rows.set(kind, { row, label, select });
    }
  }

  /** Shows what there is now. `used` are the ids of the devices in use. */
  async refresh(used: Partial<Record<Kind, string | undefined>>): Promise<void> {
    const words = t();
    const names = namesOf();
    const found = await devices();
    for (const [kind, { row, label, select }] of this.#rows) {
      const ofKind = found.filter((each) => each.kind === kind);
      label.textContent = names[kind];
      row.hidden = ofKind.length === 0 || (kind === "audiooutput" && !canChooseSpeaker());
      const options = ofKind.map(({ deviceId, label: name }, n) => option(deviceId, name || words.unnamedDevice(n + 1)));
      if (kind === "audiooutput" && !ofKind.some(({ deviceId }) => deviceId === "default")) {
        options.unshift(option("", words.systemDefault));
      }
      select.replaceChildren(...options);
      const wanted = used[kind] ?? chosen(kind);
      if (options.some(({ value }) => value === wanted)) select.value = wanted;
    }
  }
}

function namesOf(): Record<Kind, string> {
  return { audioinput: t().microphone, videoinput: t().camera, audiooutput: t().speaker };
}

function option(value: string, text: string): HTMLOptionElement {
  const made = make("option", "", text);
  made.value = value;
  return made;
}
