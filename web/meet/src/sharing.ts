import { Undo, element } from "./dom.js";
import { t } from "./language.js";

const SHOWN_MS = 3_000;

/** Wires the boxes with the link that lets others in; without a link they say how others get one. */
export function shareBoxes(link: string, trouble: (words: string) => void): Undo {
  const undo = new Undo();
  for (const box of document.querySelectorAll<HTMLElement>(".share")) {
    box.classList.toggle("no-link", !link);
    const field = box.querySelector("input");
    const [copy, send] = box.querySelectorAll("button");
    if (!field || !copy || !send) continue;
    field.value = link;
    send.hidden = !link || !("share" in navigator);
    undo.on(field, "focus", () => field.select());
    undo.on(copy, "click", () => void copyLink(link, copy, trouble));
    // Closing the system's sheet is no error.
    undo.on(send, "click", () => void navigator.share({ url: link }).catch(() => undefined));
  }
  return undo;
}

async function copyLink(link: string, button: HTMLElement, trouble: (words: string) => void): Promise<void> {
  try {
    await navigator.clipboard.writeText(link);
  } catch {
    trouble(t().copyFailed);
    return;
  }
  button.textContent = t().copied;
  element("announcer").textContent = t().copied;
  setTimeout(() => {
    button.textContent = t().copyLink;
  }, SHOWN_MS);
}
