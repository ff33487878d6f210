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
export declare class Paths {
    #private;
    main: Transport;
    bridge: Transport | undefined;
    /** The one whose media counts at the moment. */
    carrying: Transport;
    /** The newest that the server gave. */
    servers: Servers;
    constructor(main: Transport, servers: Servers, request: (body: RequestBody) => Promise<NumberedReply>);
    all(): Transport[];
    /** The transport of that name. An event may name a bridge before its answer has. */
    find(id: string): Transport | undefined;
    /** Whether that may be the name of the bridge, which we don't know yet. */
    mayBeBridge(id: string): boolean;
    request(body: RequestBody): Promise<NumberedReply>;
    /** One more offer and answer on an open transport. */
    negotiate(transport: Transport, change: () => void, intents: () => TrackIntent[]): Promise<AnswerReply>;
    restartIce(transport: Transport): Promise<AnswerReply>;
    /** Sends an offer: for that transport, or for a further one. */
    offer(transport: string | undefined, offer: string, tracks: TrackIntent[]): Promise<AnswerReply>;
}
