/** The element with that id, which index.html is known to have. */
export function element<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as Element as T;
}

/** A new element with classes and text; text is never taken as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** An icon of index.html's symbols. With a label it is an image with that name, else decoration. */
export function icon(name: string): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const use = document.createElementNS(namespace, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Gives an icon a name for those who do not see it. */
export function nameIcon(svg: SVGSVGElement, label: string): void {
  svg.removeAttribute("aria-hidden");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
}

export type Screen = "prejoin" | "call" | "message";

/** Shows one screen and hides the others. */
export function show(screen: Screen): void {
  for (const each of ["prejoin", "call", "message"]) element(each).hidden = each !== screen;
}

/** A button of one icon: the icon and the name that goes with it. */
export function face(button: HTMLElement, iconName: string, label: string): void {
  if (button.dataset["icon"] !== iconName) {
    button.dataset["icon"] = iconName;
    button.querySelector("svg")?.remove();
    button.prepend(icon(iconName));
  }
  if (button.getAttribute("aria-label") === label) return;
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** Listeners and other things that end together. */
export class Undo {
  readonly #steps: (() => void)[] = [];

  add(step: () => void): void {
    this.#steps.push(step);
  }

  /** Listens until the end. */
  on<E extends Event = Event>(target: EventTarget, type: string, listener: (event: E) => void): void {
    target.addEventListener(type, listener as EventListener);
    this.add(() => target.removeEventListener(type, listener as EventListener));
  }

  run(): void {
    for (const step of this.#steps.splice(0)) step();
  }
}

/** The first letters of the first and the last word of a name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

/** A hue (degrees) that is always the same for a text. */
export function hue(text: string): number {
  let sum = 7;
  for (const character of text) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  // By the golden angle, so that texts that differ little get colours that differ much.
  return Math.round((sum * 137.508) % 360);
}
