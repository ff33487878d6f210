import type { RemoteParticipant, Room } from "roomline";

const TOPIC = "meet.name";
const MAX_LENGTH = 60;

/**
 * The names that people typed in, told by data messages: a token's name stands fast when the link is
 * made, but a link for a guest cannot know who will use it.
 */
export class Names {
  readonly #room: Room;
  readonly #own: string;
  readonly #typed = new Map<string, string>();

  constructor(room: Room, own: string, changed: (participant: RemoteParticipant) => void) {
    this.#room = room;
    this.#own = own.slice(0, MAX_LENGTH);
    room.on("data", (payload, from, topic) => {
      if (topic !== TOPIC) return;
      this.#typed.set(from.id, payload.trim().slice(0, MAX_LENGTH));
      changed(from);
    });
    room.on("participantJoined", (participant) => this.#tell([participant]));
    room.on("participantLeft", ({ id }) => this.#typed.delete(id));
    if (room.participants.size > 0) this.#tell();
  }

  get own(): string {
    const { name, identity } = this.#room.localParticipant;
    return this.#own || name || identity;
  }

  of({ id, name, identity }: RemoteParticipant): string {
    return this.#typed.get(id) || name || identity;
  }

  #tell(to?: RemoteParticipant[]): void {
    const { name, grants } = this.#room.localParticipant;
    if (!this.#own || this.#own === name || !grants.data) return;
    // Without it the others see the token's name: nothing to bother anybody with.
    this.#room.sendData(this.#own, { topic: TOPIC, ...(to ? { to } : {}) }).catch(() => undefined);
  }
}
