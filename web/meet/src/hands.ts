import type { SendDataOptions } from "roomline";

const TOPIC = "hand";

/** What raised hands need of a room; a `Room` has it. */
export interface HandRoom {
  sendData(payload: string, options: SendDataOptions): Promise<void>;
}

/** Who has a hand up, the first one first. Told to everybody, and again to whoever comes later. */
export class Hands {
  readonly #room: HandRoom;
  readonly #others = new Map<string, number>();
  #own: number | undefined;

  constructor(room: HandRoom) {
    this.#room = room;
  }

  get raised(): boolean {
    return this.#own !== undefined;
  }

  /** Raises or lowers one's own. Throws a `RoomlineError` when nobody can be told. */
  async toggle(now = Date.now()): Promise<void> {
    const before = this.#own;
    this.#own = before === undefined ? now : undefined;
    try {
      await this.#tell();
    } catch (error) {
      this.#own = before;
      throw error;
    }
  }

  /** Somebody has come: tells them of a hand that is up already. */
  async joined(participant: string): Promise<void> {
    if (this.raised) await this.#tell([participant]);
  }

  left(participant: string): void {
    this.#others.delete(participant);
  }

  /** A data message came. Returns whether that participant has just raised or lowered the hand. */
  receive(payload: string, participant: string, topic: string | undefined): "raised" | "lowered" | undefined {
    if (topic !== TOPIC) return undefined;
    const at = raisedAt(payload);
    const was = this.#others.has(participant);
    if (at === undefined) return this.#others.delete(participant) ? "lowered" : undefined;
    this.#others.set(participant, at);
    return was ? undefined : "raised";
  }

  /** The place in the queue, from 1; 0 when the hand is down. */
  place(participant: string): number {
    const at = this.#others.get(participant);
    if (at === undefined) return 0;
    return 1 + [...this.#others.values(), this.#own ?? Infinity].filter((each) => each < at).length;
  }

  #tell(to?: string[]): Promise<void> {
    const payload = JSON.stringify(this.#own === undefined ? { raised: false } : { raised: true, at: this.#own });
    return this.#room.sendData(payload, { topic: TOPIC, ...(to ? { to } : {}) });
  }
}

/** When the hand went up by its owner's clock; undefined when it is down, or the message is none. */
function raisedAt(payload: string): number | undefined {
  try {
    const { raised, at } = JSON.parse(payload) as { raised?: unknown; at?: unknown };
    return raised === true && typeof at === "number" ? at : undefined;
  } catch {
    return undefined;
  }
}
