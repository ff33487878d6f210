import { recall, remember } from "./memory.js";
import { LANGUAGES } from "./texts.js";
import type { Language, Texts } from "./texts.js";

const KEY = "roomline.language";
const listeners = new Set<() => void>();
let current: Language = "en";

/** The texts of the language that the page speaks now. */
export function t(): Texts {
  return LANGUAGES[current].texts;
}

export function language(): Language {
  return current;
}

/** The first of the person's languages that the page has, else English. */
export function bestLanguage(wanted: readonly string[]): Language {
  for (const each of wanted) {
    const code = each.toLowerCase().split("-")[0] ?? "";
    if (isLanguage(code)) return code;
  }
  return "en";
}

/** The language chosen here before, or the browser's. */
export function startLanguage(): void {
  speak(bestLanguage([recall(KEY), ...navigator.languages]));
}

/** Speaks another language from now on, also next time. */
export function chooseLanguage(code: string): void {
  if (!isLanguage(code)) return;
  remember(KEY, code);
  speak(code);
  for (const listener of listeners) listener();
}

/** Calls back when the language has changed; returns the undo. */
export function onLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function speak(code: Language): void {
  current = code;
  document.documentElement.lang = code;
  translate(document);
}

function isLanguage(code: string): code is Language {
  return Object.hasOwn(LANGUAGES, code);
}

/**
 * Puts the texts where the markup names them: `data-t` the content, `data-label` the accessible name
 * (of a button its tooltip too), `data-hint` the placeholder.
 */
function translate(root: ParentNode): void {
  for (const each of root.querySelectorAll<HTMLElement>("[data-t]")) each.textContent = plain(each.dataset["t"]);
  for (const each of root.querySelectorAll<HTMLElement>("[data-label]")) {
    const text = plain(each.dataset["label"]);
    each.setAttribute("aria-label", text);
    if (each instanceof HTMLButtonElement) each.title = text;
  }
  for (const each of root.querySelectorAll<HTMLElement>("[data-hint]")) {
    each.setAttribute("placeholder", plain(each.dataset["hint"]));
  }
}

function plain(key: string | undefined): string {
  const text = t()[key as keyof Texts];
  if (typeof text !== "string") throw new Error(`no text ${key}`);
  return text;
}
