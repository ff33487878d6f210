import { RoomlineError } from "./errors.js";
import type { AnswerReply, IceServer, TrackIntent } from "./protocol.js";
import type { Transport } from "./transport.js";
import type { NumberedReply, RequestBody } from "./wire.js";

/** ICE servers as they came with a reply. */
export interface Servers {
  iceServers: IceServer[];
  /** Milliseconds since 1970. */
  iceServersExpireAt: number;
}

/**
 * The transports of one participant: main, which carries the data channels, and a bridge while main's
 * path is dead.
 */
export class Paths {
  main: Transport;
  bridge: Transport | undefined;
  /** The one whose media counts at the moment. */
  carrying: Transport;
  /** The newest that the server gave. */
  servers: Servers;
  readonly #request: (body: RequestBody) => Promise<NumberedReply>;

  constructor(main: Transport, servers: Servers, request: (body: RequestBody) => Promise<NumberedReply>) {
    this.main = this.carrying = main;
    this.servers = { iceServers: servers.iceServers, iceServersExpireAt: servers.iceServersExpireAt };
    this.#request = request;
  }

  all(): Transport[] {
    return this.bridge ? [this.main, this.bridge] : [this.main];
  }

  /** The transport of that name. An event may name a bridge before its answer has. */
  find(id: string): Transport | undefined {
    return this.all().find((each) => each.id === id);
  }

  /** Whether that may be the name of the bridge, which we don't know yet. */
  mayBeBridge(id: string): boolean {
    return this.bridge?.id === "" && id !== this.main.id;
  }

  request(body: RequestBody): Promise<NumberedReply> {
    return this.#request(body);
  }

  /** One more offer and answer on an open transport. */
  negotiate(transport: Transport, change: () => void, intents: () => TrackIntent[]): Promise<AnswerReply> {
    return transport.negotiate(change, (offer) => this.offer(transport.id, offer, intents()));
  }

  restartIce(transport: Transport): Promise<AnswerReply> {
    return transport.restartIce((offer) => this.offer(transport.id, offer, []));
  }

  /** Sends an offer: for that transport, or for a further one. */
  async offer(transport: string | undefined, offer: string, tracks: TrackIntent[]): Promise<AnswerReply> {
    const named = transport === undefined ? {} : { transport };
    const reply = await this.#request({ type: "offer", ...named, offer, tracks });
    if (reply.type !== "answer") throw new RoomlineError("bad-message", `${reply.type} answers offer`);
    this.servers = { iceServers: reply.iceServers, iceServersExpireAt: reply.iceServersExpireAt };
    return reply;
  }
}
