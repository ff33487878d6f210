/** The element with that id, which index.html is known to have. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as T;
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

/** An icon of index.html's symbols. */
export function icon(name: string): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const use = document.createElementNS(namespace, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export type Screen = "prejoin" | "call" | "message";

/** Shows one screen and hides the others. */
export function show(screen: Screen): void {
  for (const each of ["prejoin", "call", "message"]) element(each).hidden = each !== screen;
}

/** A button that turns a device off or on; its label says which. */
export function showDevice(button: HTMLElement, device: "mic" | "camera", on: boolean): void {
  const label = `Turn ${device === "mic" ? "microphone" : "camera"} ${on ? "off" : "on"}`;
  button.replaceChildren(icon(on ? device : `${device}-off`));
  button.toggleAttribute("data-off", !on);
  button.setAttribute("aria-label", label);
  button.title = label;
}
