import type { RemoteParticipant } from "./participant.js";

/** Called with a channel of somebody else's, who opened it, and the label that they chose. */
export type DataChannelListener = (channel: RTCDataChannel, from: RemoteParticipant, label: string) => void;

interface Early {
  channel: RTCDataChannel;
  messages: MessageEvent[];
  keep: (event: MessageEvent) => void;
}

/**
 * Gives channels that the server opens to their senders. A channel can come before the event that
 * tells of its sender (they travel different ways); it is held until then, with its messages.
 */
export class DataChannels {
  readonly #find: (id: string) => RemoteParticipant | undefined;
  readonly #deliver: DataChannelListener;
  #early: Early[] = [];
  #open = false;

  constructor(find: (id: string) => RemoteParticipant | undefined, deliver: DataChannelListener) {
    this.#find = find;
    this.#deliver = deliver;
  }

  /** A channel has come. */
  add(channel: RTCDataChannel): void {
    const messages: MessageEvent[] = [];
    const keep = (event: MessageEvent) => messages.push(event);
    channel.addEventListener("message", keep);
    this.#early.push({ channel, messages, keep });
    this.deliver();
  }

  /** Somebody listens from now on. */
  open(): void {
    this.#open = true;
    this.deliver();
  }

  /** Delivers the channels whose sender is known by now. */
  deliver(): void {
    if (!this.#open) return;
    const early = this.#early;
    this.#early = [];
    for (const each of early) {
      const [, sender = "", label = ""] = /^([^/]*)\/(.*)$/s.exec(each.channel.label) ?? [];
      const from = this.#find(sender);
      if (!from) {
        if (each.channel.readyState !== "closed") this.#early.push(each);
        continue;
      }
      each.channel.removeEventListener("message", each.keep);
      this.#deliver(each.channel, from, label);
      for (const { data } of each.messages) {
        each.channel.dispatchEvent(new MessageEvent("message", { data }));
      }
    }
  }
}
