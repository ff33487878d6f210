import { element, face, make } from "./dom.js";
import { t } from "./language.js";

/** What can last, the gravest first: only one of them is shown. */
const CONDITIONS = ["signaling", "interrupted", "slow", "sound", "draining"] as const;

export type Condition = (typeof CONDITIONS)[number];

interface Lasting {
  words(): string;
  action?: { label(): string; run(): void };
}

const TOAST_MS = 6_000;
const TROUBLE_MS = 15_000;
const MOST_TOASTS = 3;
/** People who come within so short a time are told of together. */
const GATHER_MS = 700;

/** What the page tells during a call: what lasts, what has happened, and what is only said aloud. */
export class Notices {
  readonly #lasting = new Map<Condition, Lasting>();
  readonly #toasts = element("toasts");
  readonly #timers = new Set<number>();
  readonly #names: { joined: string[]; left: string[] } = { joined: [], left: [] };
  #gathering = 0;

  /** Shows that something is so, until `clear`. */
  lasts(condition: Condition, words: () => string, action?: Lasting["action"]): void {
    this.#lasting.set(condition, { words, ...(action ? { action } : {}) });
    this.refresh();
  }

  clear(condition: Condition): boolean {
    const was = this.#lasting.delete(condition);
    if (was) this.refresh();
    return was;
  }

  /** Shows what lasts, in the language of now. */
  refresh(): void {
    const gravest = CONDITIONS.find((each) => this.#lasting.has(each));
    const shown = gravest && this.#lasting.get(gravest);
    const banner = element("banner");
    const button = element<HTMLButtonElement>("banner-action");
    banner.hidden = !shown;
    if (!shown) return;
    element("banner-text").textContent = shown.words();
    button.hidden = !shown.action;
    button.textContent = shown.action?.label() ?? "";
    button.onclick = () => shown.action?.run();
  }

  /** Something has happened: shown for a while, and read aloud. */
  toast(words: string): void {
    this.#add(make("div", "toast"), words, TOAST_MS);
  }

  /** Something went wrong: stays longer, and can be closed. */
  trouble(words: string): void {
    const toast = make("div", "toast trouble");
    const close = make("button", "plain");
    close.type = "button";
    face(close, "close", t().close);
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    this.#add(toast, words, TROUBLE_MS);
  }

  /** Only read aloud: what those who see the page see without words. */
  say(words: string): void {
    element("announcer").replaceChildren(make("p", "", words));
  }

  joined(name: string): void {
    this.#gather("joined", name);
  }

  left(name: string): void {
    this.#gather("left", name);
  }

  end(): void {
    for (const timer of this.#timers) window.clearTimeout(timer);
    this.#lasting.clear();
    this.#toasts.replaceChildren();
    this.refresh();
  }

  #add(toast: HTMLElement, words: string, ms: number): void {
    toast.prepend(make("p", "", words));
    this.#toasts.append(toast);
    while (this.#toasts.childElementCount > MOST_TOASTS) this.#toasts.firstElementChild?.remove();
    this.#later(() => toast.remove(), ms);
  }

  #gather(what: "joined" | "left", name: string): void {
    this.#names[what].push(name);
    window.clearTimeout(this.#gathering);
    this.#gathering = this.#later(() => {
      const { joined, left } = this.#names;
      const told = [
        ...(joined.length ? [t().joined(joined.splice(0))] : []),
        ...(left.length ? [t().left(left.splice(0))] : []),
      ];
      this.say(told.join(". "));
    }, GATHER_MS);
  }

  #later(action: () => void, ms: number): number {
    const timer = window.setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }
}
