import type { Participant } from "roomline";
import { element, face, hue, icon, initials, make, nameIcon } from "./dom.js";
import { t } from "./language.js";
import { connectionWords, costWords } from "./words.js";

/** What the list tells of somebody. */
export interface Person {
  participant: Participant;
  own: boolean;
  /** The name as it is shown, "Ada (you)" say. */
  label: string;
  muted: boolean;
  /** Place in the queue of raised hands, 0 for none. */
  hand: number;
  speaking: boolean;
  pinned: boolean;
}

/** Everybody, with how they are connected in whole sentences. */
export class PeoplePanel {
  readonly #list = element("people-list");
  readonly #pin: (participant: string) => void;
  readonly #rows = new Map<string, Row>();

  constructor(pin: (participant: string) => void) {
    this.#pin = pin;
    this.#list.replaceChildren();
  }

  /** Shows these, in this order. Rows stay, so that the focus does. */
  update(people: readonly Person[]): void {
    const ids = new Set(people.map(({ participant }) => participant.id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.root.remove();
      this.#rows.delete(id);
    }
    people.forEach((person, n) => {
      const { id } = person.participant;
      const row = this.#rows.get(id) ?? new Row(person, () => this.#pin(id));
      this.#rows.set(id, row);
      if (this.#list.children[n] !== row.root) this.#list.insertBefore(row.root, this.#list.children[n] ?? null);
      row.update(person);
    });
  }

  focus(): void {
    element("people-title").focus();
  }
}

class Row {
  readonly root = make("li");
  readonly #name = make("b");
  readonly #marks = make("span", "marks");
  readonly #path = make("p", "path");
  readonly #cost = make("p", "cost");
  readonly #pin = make("button", "plain");

  constructor({ participant }: Person, pin: () => void) {
    const avatar = make("span", "avatar small", initials(participant.name));
    avatar.style.setProperty("--hue", String(hue(participant.identity)));
    avatar.setAttribute("aria-hidden", "true");
    const head = make("div", "head");
    head.append(this.#name, this.#marks);
    const body = make("div", "body");
    body.append(head, this.#path, this.#cost);
    this.#pin.type = "button";
    this.#pin.addEventListener("click", pin);
    this.root.append(avatar, body, this.#pin);
  }

  update({ participant, own, label, muted, hand, speaking, pinned }: Person): void {
    this.#name.textContent = label;
    const marks: SVGSVGElement[] = [];
    const mark = (name: string, words: string) => {
      const made = icon(name);
      nameIcon(made, words);
      marks.push(made);
    };
    if (hand) mark("hand", t().handIsUp);
    if (muted) mark("mic-off", t().micIsOff);
    else if (speaking) mark("wave", t().speaks);
    this.#marks.replaceChildren(...marks);
    this.#path.textContent = connectionWords(participant.connection);
    // Of others only what is worse than it could be: the list stays calm.
    this.#cost.textContent = own || participant.connection.tier !== "direct" ? costWords(participant.connection) : "";
    this.root.dataset["tier"] = participant.connection.tier ?? "";
    face(this.#pin, pinned ? "unpin" : "pin", pinned ? t().unpin(label) : t().pin(label));
    this.#pin.ariaPressed = String(pinned);
  }
}
