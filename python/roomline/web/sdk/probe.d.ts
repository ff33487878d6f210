import type { Environment } from "./environment.js";
/**
 * Whether a STUN server answers over UDP: a peer connection that only gathers, from that one server. A
 * path that is closed shows in that the gathering does not end in time, or ends with an error. Nothing
 * is signaled, and no running transport is touched.
 */
export declare class Probe {
    #private;
    /** `done` is called once, unless the probe is closed before. `server` is a `stun:` URL. */
    constructor(server: string, env: Environment, done: (open: boolean) => void);
    close(): void;
}
/** `stun:` URLs of the server's own media ports, from an SDP answer of it. */
export declare function mediaPorts(answer: string): string[];
/** `stun:` URLs of the TURN servers that are reached over UDP. */
export declare function turnPorts(servers: readonly {
    urls: string | readonly string[];
}[]): string[];
