import type { Environment } from "./environment.js";

/** How long a STUN server that can be reached may take to answer; one that can't takes about 10 s. */
const PROBE_MS = 2_500;

/**
 * Whether a STUN server answers over UDP: a peer connection that only gathers, from that one server. A
 * path that is closed shows in that the gathering does not end in time, or ends with errors alone. Nothing
 * is signaled, and no running transport is touched.
 */
export class Probe {
  readonly #pc: RTCPeerConnection;
  readonly #env: Environment;
  readonly #done: (open: boolean) => void;
  readonly #timer: unknown;
  #over = false;

  /** `done` is called once, unless the probe is closed before. `server` is a `stun:` URL. */
  constructor(server: string, env: Environment, done: (open: boolean) => void) {
    this.#env = env;
    this.#done = done;
    this.#pc = env.createPeerConnection({ iceServers: [{ urls: [server] }] });
    this.#timer = env.setTimer(() => this.#end(false), PROBE_MS);
    let failed = false;
    let answered = false;
    // One interface may have no route there while another has; only what all of them say counts.
    this.#pc.addEventListener("icecandidateerror", () => (failed = true));
    this.#pc.addEventListener("icecandidate", ({ candidate }) => (answered ||= candidate?.type === "srflx"));
    this.#pc.addEventListener("icegatheringstatechange", () => {
      // Without a NAT there is no candidate of that type, but no error either.
      if (this.#pc.iceGatheringState === "complete") this.#end(answered || !failed);
    });
    this.#pc.createDataChannel("probe");
    void this.#gather();
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#env.clearTimer(this.#timer);
    this.#pc.close();
  }

  async #gather(): Promise<void> {
    try {
      const offer = await this.#pc.createOffer();
      if (!this.#over) await this.#pc.setLocalDescription(offer);
    } catch {
      this.#end(false); // A browser that can't even gather finds no path.
    }
  }

  #end(open: boolean): void {
    if (this.#over) return;
    this.close();
    this.#done(open);
  }
}

/** `stun:` URLs of the server's own media ports, from an SDP answer of it. */
export function mediaPorts(answer: string): string[] {
  const urls = new Set<string>();
  for (const [, address = "", port = ""] of answer.matchAll(
    /^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/gim,
  )) {
    urls.add(`stun:${address.includes(":") ? `[${address}]` : address}:${port}`);
  }
  return [...urls];
}

/** `stun:` URLs of the TURN servers that are reached over UDP. */
export function turnPorts(servers: readonly { urls: string | readonly string[] }[]): string[] {
  const urls = new Set<string>();
  for (const url of servers.flatMap((each) => each.urls)) {
    const [, host, query = ""] = /^turn:([^?]+)(\?.*)?$/i.exec(url) ?? [];
    if (host && !/transport=tcp/i.test(query)) urls.add(`stun:${host}`);
  }
  return [...urls];
}
