import { element, make } from "./dom.js";
import { t } from "./language.js";
import { recall, remember } from "./memory.js";
import type { Texts } from "./texts.js";

const OFF_KEY = "roomline.shortcuts";

export type Shortcut = "mic" | "camera" | "screen" | "hand" | "chat" | "people" | "view" | "before" | "after" | "help" | "close";

type HelpText = Extract<keyof Texts, `help${string}`>;

/** The keys, as `KeyboardEvent.key` has them, and what the help says of each. */
const KEYS: Record<string, Shortcut> = {
  m: "mic",
  v: "camera",
  s: "screen",
  h: "hand",
  c: "chat",
  p: "people",
  l: "view",
  PageUp: "before",
  PageDown: "after",
  "?": "help",
  Escape: "close",
};

const HELP: [keys: string[], text: HelpText][] = [
  [["M"], "helpMic"],
  [["V"], "helpCamera"],
  [["S"], "helpScreen"],
  [["H"], "helpHand"],
  [["C"], "helpChat"],
  [["P"], "helpPeople"],
  [["L"], "helpView"],
  [["Page ↑", "Page ↓"], "helpPages"],
  [["Esc"], "helpClose"],
  [["?"], "helpHelp"],
];

/** Whether keys without a modifier do something: they can be turned off (WCAG 2.2, 2.1.4). */
export function shortcutsOn(): boolean {
  return recall(OFF_KEY) !== "off";
}

export function turnShortcuts(on: boolean): void {
  remember(OFF_KEY, on ? "on" : "off");
}

/** What a key means here, if anything: nothing while somebody types, or with a modifier. */
export function shortcutOf(event: KeyboardEvent, on = shortcutsOn()): Shortcut | undefined {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.repeat) return undefined;
  const meant = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (meant === "close") return meant;
  if (!on || (event.target instanceof Element && event.target.closest("input, textarea, select, dialog"))) return undefined;
  return meant;
}

/** Fills the help with the list. */
export function showHelp(): void {
  const rows = HELP.map(([keys, text]) => {
    const row = make("div", "row");
    const term = make("dt");
    term.append(...keys.map((key) => make("kbd", "", key)));
    row.append(make("dd", "", t()[text]), term);
    return row;
  });
  element("help-list").replaceChildren(...rows);
}
