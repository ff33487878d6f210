import { Undo, element } from "./dom.js";
import { t } from "./language.js";
import { duo, focus, grid, isNarrow } from "./layout.js";
import type { Plan, Size } from "./layout.js";
import { recall, remember } from "./memory.js";
import type { Tile } from "./tile.js";

const VIEW_KEY = "roomline.view";
const GAP = 8;

export interface Seat {
  /** Unique on the stage: a participant's id, or that and `/screen`. */
  id: string;
  /** Whose it is. */
  participant: string;
  tile: Tile;
  own: boolean;
  screen: boolean;
}

/** Where the tiles are: all alike or one large, on as many pages as it takes. */
export class Stage {
  /** Told after every change of what is seen. */
  onChange: () => void = () => undefined;
  readonly #place = element("grid");
  readonly #pager = element("pager");
  readonly #seats: Seat[] = [];
  readonly #undo = new Undo();
  #pinned: string | undefined;
  #active: string | undefined;
  #speaker = recall(VIEW_KEY) === "speaker";
  /** One is large only because of a screen that is shared. */
  #forScreen = false;
  #page = 0;

  constructor() {
    this.#place.replaceChildren();
    const observer = new ResizeObserver(() => this.#layOut(false));
    observer.observe(this.#place);
    this.#undo.add(() => observer.disconnect());
    this.#undo.on(element("page-before"), "click", () => this.turn(-1));
    this.#undo.on(element("page-after"), "click", () => this.turn(1));
  }

  /** Whether one is large and the others small. */
  get large(): boolean {
    return this.#speaker || this.#forScreen || this.#pinned !== undefined;
  }

  get pinned(): string | undefined {
    return this.#pinned;
  }

  seat(id: string): Seat | undefined {
    return this.#seats.find((each) => each.id === id);
  }

  get seats(): readonly Seat[] {
    return this.#seats;
  }

  add(seat: Seat): void {
    this.#seats.push(seat);
    this.#place.append(seat.tile.root);
    if (seat.screen) this.#forScreen = true;
    this.#changed();
  }

  remove(id: string): void {
    const index = this.#seats.findIndex((each) => each.id === id);
    if (index < 0) return;
    this.#seats.splice(index, 1)[0]?.tile.end();
    if (this.#pinned === id) this.#pinned = undefined;
    if (!this.#seats.some(({ screen }) => screen)) this.#forScreen = false;
    this.#changed();
  }

  /** Keeps one large whoever speaks, or no longer. */
  pin(id: string): void {
    this.#pinned = this.#pinned === id ? undefined : id;
    for (const { id: each, tile } of this.#seats) tile.setPinned(each === this.#pinned);
    this.#changed();
  }

  /** From one large to all alike and back; kept for the next call. */
  toggleView(): void {
    const large = !this.large;
    if (!large && this.#pinned) this.pin(this.#pinned);
    this.#speaker = large;
    this.#forScreen = false;
    remember(VIEW_KEY, large ? "speaker" : "grid");
    this.#changed();
  }

  /** Whose turn it is to speak. */
  setActive(participant: string | undefined): void {
    if (participant === this.#active) return;
    this.#active = participant;
    if (this.large) this.#changed();
  }

  turn(pages: number): void {
    this.#page += pages;
    this.#changed();
  }

  end(): void {
    this.#undo.run();
    for (const { tile } of this.#seats.splice(0)) tile.end();
  }

  #changed(): void {
    this.#layOut(true);
    this.onChange();
  }

  #layOut(moving: boolean): void {
    const size: Size = { width: this.#place.clientWidth, height: this.#place.clientHeight };
    if (!size.width || !size.height) return;
    const order = this.#order();
    const plan = this.#plan(order, size);
    this.#page = plan.page;
    this.#place.classList.toggle("moving", moving);
    const places = new Map(this.#shown(order, plan).map((seat, n) => [seat, plan.rects[n]]));
    for (const seat of this.#seats) {
      seat.tile.place(places.get(seat));
      seat.tile.root.classList.toggle("corner", this.#isDuo(size) && seat.own);
    }
    this.#pager.hidden = plan.pages === 1;
    element("page").textContent = t().page(plan.page + 1, plan.pages);
    element<HTMLButtonElement>("page-before").disabled = plan.page === 0;
    element<HTMLButtonElement>("page-after").disabled = plan.page === plan.pages - 1;
  }

  #plan(order: readonly Seat[], size: Size): Plan {
    if (this.large) return focus(order.length, size, GAP, this.#page);
    return this.#isDuo(size) ? duo(size, GAP) : grid(order.length, size, GAP, this.#page);
  }

  /** The seats that a plan has places for: with one large, pages are of the others. */
  #shown(order: readonly Seat[], { first, rects }: Plan): Seat[] {
    if (!this.large || order.length <= 1) return order.slice(first, first + rects.length);
    return [...order.slice(0, 1), ...order.slice(1 + first, first + rects.length)];
  }

  #isDuo(size: Size): boolean {
    return !this.large && this.#seats.length === 2 && this.#seats.some(({ own }) => own) && isNarrow(size);
  }

  /** As they came, oneself first; with one large, that one before all others. */
  #order(): Seat[] {
    const large = this.large ? this.#largest() : undefined;
    return large ? [large, ...this.#seats.filter((each) => each !== large)] : [...this.#seats];
  }

  #largest(): Seat | undefined {
    const screens = this.#seats.filter(({ screen, own }) => screen && !own);
    return (
      this.#seats.find(({ id }) => id === this.#pinned) ??
      screens.at(-1) ??
      this.#seats.find(({ participant, own, screen }) => participant === this.#active && !own && !screen) ??
      this.#seats.find(({ own }) => !own) ??
      this.#seats.at(-1)
    );
  }
}
