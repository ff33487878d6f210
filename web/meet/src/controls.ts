import { Undo, element, face } from "./dom.js";
import { t } from "./language.js";

export type Panel = "chat" | "people";

/** What the controls do. Those that return a promise are busy until it is settled. */
export interface Actions {
  mic(): Promise<void>;
  camera(): Promise<void>;
  screen(): Promise<void>;
  hand(): Promise<void>;
  view(): void;
  settings(): void;
  help(): void;
  leave(): void;
  /** One of them threw. */
  failed(error: unknown): void;
  /** A panel was opened: it is to take the focus. */
  opened(panel: Panel): void;
}

/** What the controls show. */
export interface ControlState {
  publish: boolean;
  data: boolean;
  mic: boolean;
  camera: boolean;
  canShare: boolean;
  screen: boolean;
  hand: boolean;
  large: boolean;
  people: number;
}

export type Control = "mic" | "camera" | "screen" | "hand" | "view" | "chat" | "people" | "settings" | "help" | "leave";

/** The buttons of a call, and the two panels beside the stage. */
export class Controls {
  readonly #actions: Actions;
  readonly #undo = new Undo();
  readonly #buttons: Record<Exclude<Control, "help">, HTMLButtonElement>;
  #panel: Panel | undefined;
  #unread = 0;
  #people = 1;

  constructor(actions: Actions) {
    this.#actions = actions;
    const names = ["mic", "camera", "screen", "hand", "view", "chat", "people", "settings", "leave"] as const;
    const found = names.map((name) => [name, element<HTMLButtonElement>(name)] as const);
    this.#buttons = Object.fromEntries(found) as Record<Exclude<Control, "help">, HTMLButtonElement>;
    for (const [name, button] of found) this.#undo.on(button, "click", () => this.#do(name));
    for (const panel of ["chat", "people"] as const) {
      this.#undo.on(element(`${panel}-close`), "click", () => this.closePanel());
    }
    this.#showPanel(undefined);
  }

  /** The panel that is open. */
  get panel(): Panel | undefined {
    return this.#panel;
  }

  focus(): void {
    const { mic, leave } = this.#buttons;
    (mic.hidden ? leave : mic).focus();
  }

  /** As if the button was pressed; nothing when it isn't there. */
  press(control: Control): void {
    if (control === "help") this.#actions.help();
    else if (!this.#buttons[control].hidden) this.#do(control);
  }

  /** Closes the panel that is open and gives the focus back. False when none was. */
  closePanel(): boolean {
    const panel = this.#panel;
    if (!panel) return false;
    this.#showPanel(undefined);
    this.#buttons[panel].focus();
    return true;
  }

  /** A message has come that nobody has seen. */
  unread(): void {
    this.#unread++;
    this.#showBadges();
  }

  update({ publish, data, mic, camera, canShare, screen, hand, large, people }: ControlState): void {
    const words = t();
    const buttons = this.#buttons;
    device(buttons.mic, "mic", mic, mic ? words.turnMicOff : words.turnMicOn);
    device(buttons.camera, "camera", camera, camera ? words.turnCameraOff : words.turnCameraOn);
    face(buttons.screen, screen ? "screen-off" : "screen", screen ? words.stopScreen : words.shareScreen);
    face(buttons.hand, "hand", hand ? words.lowerHand : words.raiseHand);
    face(buttons.view, large ? "grid" : "large", large ? words.gridView : words.speakerView);
    buttons.screen.toggleAttribute("data-on", screen);
    buttons.hand.toggleAttribute("data-on", hand);
    buttons.mic.hidden = buttons.camera.hidden = !publish;
    buttons.screen.hidden = !canShare;
    buttons.hand.hidden = !data;
    buttons.view.hidden = people === 1;
    this.#people = people;
    this.#showBadges();
  }

  end(): void {
    this.#showPanel(undefined);
    this.#undo.run();
  }

  #do(control: Exclude<Control, "help">): void {
    if (control === "chat" || control === "people") {
      if (this.#panel === control) this.closePanel();
      else this.#openPanel(control);
      return;
    }
    void this.#guarded(this.#buttons[control], () => this.#actions[control]());
  }

  #openPanel(panel: Panel): void {
    this.#showPanel(panel);
    this.#actions.opened(panel);
  }

  #showPanel(panel: Panel | undefined): void {
    this.#panel = panel;
    if (panel === "chat") this.#unread = 0;
    for (const each of ["chat", "people"] as const) {
      element(`${each}-panel`).hidden = each !== panel;
      this.#buttons[each].ariaExpanded = String(each === panel);
      this.#buttons[each].toggleAttribute("data-on", each === panel);
    }
    element("call").classList.toggle("with-panel", panel !== undefined);
    this.#showBadges();
  }

  #showBadges(): void {
    const { chat, people } = this.#buttons;
    face(chat, "chat", this.#unread ? t().chatUnread(this.#unread) : t().chat);
    face(people, "people", t().showPeople(this.#people));
    const badge = element("chat-badge");
    badge.hidden = this.#unread === 0;
    badge.textContent = this.#unread > 9 ? "9+" : String(this.#unread);
    element("people-count").textContent = String(this.#people);
  }

  /** Runs what a button does, once at a time, and tells what went wrong. */
  async #guarded(button: HTMLButtonElement, action: () => Promise<void> | void): Promise<void> {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    try {
      await action();
    } catch (error) {
      this.#actions.failed(error);
    } finally {
      button.ariaBusy = null;
    }
  }
}

function device(button: HTMLElement, name: string, on: boolean, label: string): void {
  face(button, on ? name : `${name}-off`, label);
  button.toggleAttribute("data-off", !on);
}
