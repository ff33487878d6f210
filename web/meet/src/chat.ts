import type { DataChannelOptions } from "roomline";

const LABEL = "chat";
const PROTOCOL = "roomline-chat/1";
/** The most characters of a message. */
export const MAX_TEXT = 4_000;

/** What the chat needs of a room; a `Room` has it. */
export interface ChatRoom {
  readonly state: string;
  readonly participants: ReadonlyMap<string, { readonly id: string; readonly name: string }>;
  readonly localParticipant: {
    readonly grants: { readonly data: boolean };
    openDataChannel(label: string, options: DataChannelOptions): RTCDataChannel;
  };
}

export interface ChatMessage {
  id: string;
  /** The name of whoever wrote it; undefined is oneself. */
  from: string | undefined;
  text: string;
  /** Milliseconds since 1970, by our own clock. */
  at: number;
  /** Whether it has left this page. */
  sent: boolean;
  /** Of our own: the ids of those for whom it is, and of those of them who have it. */
  recipients: Set<string>;
  delivered: Set<string>;
}

/** What is written in the room, over a data channel of each participant's, with what became of it. */
export class Chat {
  readonly messages: ChatMessage[];
  readonly #room: ChatRoom;
  readonly #changed: (message: ChatMessage) => void;
  readonly #seen = new Set<string>();
  /** Our own of this call: the people of an earlier one have other ids. */
  readonly #own = new Set<ChatMessage>();
  #channel: RTCDataChannel | undefined;

  /** `log` is what earlier calls of this visit have left; it goes on growing. */
  constructor(room: ChatRoom, log: ChatMessage[], changed: (message: ChatMessage) => void) {
    this.#room = room;
    this.messages = log;
    this.#changed = changed;
    for (const message of log) {
      if (message.from !== undefined || message.sent) continue;
      message.recipients = new Set(room.participants.keys());
      this.#own.add(message);
    }
    if (this.allowed) this.#open();
  }

  /** Whether one may write. */
  get allowed(): boolean {
    return this.#room.localParticipant.grants.data;
  }

  /** Writes to everybody who is here now. */
  send(text: string, now = Date.now()): ChatMessage {
    const recipients = new Set(this.#room.participants.keys());
    // Whoever confirms a message names only this, to everybody.
    const id = crypto.randomUUID();
    const message = { id, from: undefined, text, at: now, sent: false, recipients, delivered: new Set<string>() };
    this.messages.push(message);
    this.#own.add(message);
    this.#transmit(message);
    this.#changed(message);
    return message;
  }

  /** Somebody has opened a channel. */
  listen(channel: RTCDataChannel, from: { id: string; name: string }, label: string): void {
    if (label !== LABEL) return;
    channel.addEventListener("message", ({ data }) => this.#receive(data, from));
  }

  /** Somebody who is gone can't get anything any more. */
  left(participant: string): void {
    for (const message of this.#own) {
      if (message.delivered.has(participant) || !message.recipients.delete(participant)) continue;
      this.#changed(message);
    }
  }

  /** Opens the channel again after a loss, and sends what may not have arrived. */
  mend(): void {
    const gone = !this.#channel || ["closed", "closing"].includes(this.#channel.readyState);
    if (gone && this.allowed && this.#room.state !== "disconnected") this.#open();
  }

  #open(): void {
    const channel = this.#make();
    if (!channel) return;
    let opened = false;
    this.#channel = channel;
    channel.addEventListener("open", () => {
      opened = true;
      // Whoever has a message already knows it by its id.
      for (const message of this.#own) if (isWaiting(message)) this.#transmit(message);
    });
    channel.addEventListener("close", () => {
      // One that never opened would only fail again; then `mend` tries, when the connection is back.
      if (opened && this.#channel === channel) this.mend();
    });
  }

  #make(): RTCDataChannel | undefined {
    try {
      return this.#room.localParticipant.openDataChannel(LABEL, { protocol: PROTOCOL });
    } catch (error) {
      // The connection has just been closed: the call ends, or `mend` is called when there is another.
      if (error instanceof DOMException && error.name === "InvalidStateError") return undefined;
      throw error;
    }
  }

  #transmit(message: ChatMessage): void {
    if (!this.#write({ id: message.id, text: message.text }) || message.sent) return;
    message.sent = true;
    this.#changed(message);
  }

  #write(what: object): boolean {
    if (this.#channel?.readyState !== "open") return false;
    this.#channel.send(JSON.stringify(what));
    return true;
  }

  #receive(data: unknown, from: { id: string; name: string }): void {
    const parsed = parse(data);
    if (typeof parsed["delivered"] === "string") return this.#noteDelivered(parsed["delivered"], from.id);
    const { id, text } = parsed;
    if (typeof id !== "string" || typeof text !== "string" || id.length > 100 || text.length > MAX_TEXT) return;
    this.#write({ delivered: id });
    const key = `${from.id} ${id}`;
    if (this.#seen.has(key) || !text.trim()) return;
    this.#seen.add(key);
    const message = { id, from: from.name, text, at: Date.now(), sent: true, ...nobody() };
    this.messages.push(message);
    this.#changed(message);
  }

  #noteDelivered(id: string, by: string): void {
    const message = [...this.#own].find((each) => each.id === id);
    if (!message?.recipients.has(by) || message.delivered.has(by)) return;
    message.delivered.add(by);
    this.#changed(message);
  }
}

function nobody(): Pick<ChatMessage, "recipients" | "delivered"> {
  return { recipients: new Set(), delivered: new Set() };
}

/** Somebody who is still here has not said that it came. */
function isWaiting({ sent, recipients, delivered }: ChatMessage): boolean {
  return !sent || delivered.size < recipients.size;
}

function parse(data: unknown): Record<string, unknown> {
  if (typeof data !== "string") return {};
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
