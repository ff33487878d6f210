import type { Environment, Logger } from "./environment.js";
import { RoomlineError, asRoomlineError } from "./errors.js";
import type { IceError } from "./errors.js";
import { clientReport, pathFigures } from "./connection-quality.js";
import type { PathFigures } from "./connection-quality.js";
import type { AnswerReply, ClientReport, IceServer, TrackIntent, TrackSource } from "./protocol.js";

/** The channel that has SCTP negotiated and carries the beats; the server does not relay it. */
const OWN_CHANNEL = "roomline";
const BEATS: RTCDataChannelInit = { protocol: "beat/1", ordered: false, maxRetransmits: 0 };
/** Enough to tell what failed; a browser reports every address it tried. */
const MAX_ICE_ERRORS = 32;

/** A track to publish. */
export interface LocalMedia {
  track: MediaStreamTrack;
  source: TrackSource;
  /** Shown to others; the source's name when left out. */
  name?: string;
  /** Begin muted. */
  muted?: boolean;
  /** The most that the browser may send for it, in bit/s. */
  maxBitrate?: number;
}

export interface PreparedOffer {
  offer: string;
  tracks: TrackIntent[];
}

/** One peer connection: its sections, one negotiation after the other, and what it measures. */
export class Transport {
  readonly pc: RTCPeerConnection;
  /** What the browser said about STUN and TURN servers it could not use. */
  readonly iceErrors: IceError[] = [];
  /** The server's name for this transport; empty before the join. */
  id = "";
  /** A beat of the server came; it has been sent back. */
  onBeat: () => void = () => undefined;

  readonly #config: RTCConfiguration;
  readonly #fixedServers: boolean;
  readonly #log: Logger;
  /** Sending sections whose track was unpublished. */
  readonly #idle: RTCRtpTransceiver[] = [];
  /** Channels that have not said that they are closed. */
  readonly #channels = new Set<RTCDataChannel>();
  #first: RTCSessionDescriptionInit | undefined;
  /** The first offer applied before its answer. */
  #applied: Promise<void> | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(env: Environment, config: RTCConfiguration, log: Logger, unbound = false) {
    this.#config = { bundlePolicy: "max-bundle", ...config };
    this.#fixedServers = config.iceServers !== undefined;
    this.#log = log;
    this.pc = env.createPeerConnection(this.#config, unbound);
    this.pc.addEventListener("icecandidateerror", (event) => this.#iceError(event));
    this.pc.addEventListener("datachannel", ({ channel }) => this.#keep(channel));
  }

  /** The first offer: what is published at once, the spare slots, and SCTP. Applies nothing yet. */
  async prepare(media: readonly LocalMedia[], slots: SlotCounts): Promise<PreparedOffer> {
    for (const each of media) this.addSender(each);
    this.addSlots(slots.audio, slots.video);
    this.#openBeats();
    const first = await this.pc.createOffer().catch((error: unknown) => {
      throw asRoomlineError(error, "negotiation-failed");
    });
    this.#first = first;
    const offer = first.sdp ?? "";
    const mids = mediaMids(offer);
    return {
      offer,
      // A transceiver learns its mid only in setLocalDescription, which comes after the join; until
      // then the order of the sections is that of the transceivers (RFC 9429 §5.2.1).
      tracks: media.map((each, index) => intent(mids[index] ?? "", each)),
    };
  }

  /** Gathers before the answer is there, with ICE servers at hand. */
  gather(iceServers: IceServer[]): void {
    this.#setIceServers(iceServers);
    this.#applied = this.pc.setLocalDescription(this.#first);
    this.#applied.catch(() => undefined); // Seen by `accept`.
  }

  /** Applies the prepared offer and the answer to it, with the ICE servers that came along. */
  accept(id: string, answer: string, iceServers: IceServer[]): Promise<void> {
    this.id = id;
    if (!this.#applied) this.gather(iceServers);
    return this.#inTurn(async () => {
      await this.#applied;
      await this.pc.setRemoteDescription({ type: "answer", sdp: answer });
      this.#first = this.#applied = undefined;
    });
  }

  /**
   * One offer and answer, after those that are under way. `change` is called when it is this one's
   * turn. When it fails the connection is as before, but for transceivers that `change` added.
   */
  negotiate(change: () => void, exchange: (offer: string) => Promise<AnswerReply>): Promise<AnswerReply> {
    return this.#inTurn(async () => {
      change();
      await this.pc.setLocalDescription(await this.pc.createOffer());
      try {
        const reply = await exchange(this.pc.localDescription?.sdp ?? "");
        await this.#setAnswer(reply);
        return reply;
      } catch (error) {
        await this.#rollBack();
        throw error;
      }
    });
  }

  /**
   * One offer and answer that restarts ICE. The browser gathers when the offer is applied, so that is
   * done when the answer is there, with the fresh TURN credentials that came along.
   */
  restartIce(exchange: (offer: string) => Promise<AnswerReply>): Promise<AnswerReply> {
    return this.#inTurn(async () => {
      const offer = await this.pc.createOffer({ iceRestart: true });
      const reply = await exchange(offer.sdp ?? "");
      // Only here: a change of servers makes Chromium restart ICE with the next offer, whatever it is for.
      this.#setIceServers(reply.iceServers);
      await this.pc.setLocalDescription(offer);
      await this.#setAnswer(reply);
      return reply;
    });
  }

  /** A section that sends `media`: an idle one, or a new one. Takes part in the next negotiation. */
  addSender(media: LocalMedia): RTCRtpTransceiver {
    const index = this.#idle.findIndex((each) => each.receiver.track.kind === media.track.kind);
    const [idle] = index < 0 ? [] : this.#idle.splice(index, 1);
    const sent = media.muted ? null : media.track;
    if (idle) {
      idle.direction = "sendonly";
      void idle.sender.replaceTrack(sent);
      limitBitrate(idle.sender, media.maxBitrate);
      return idle;
    }
    const init: RTCRtpTransceiverInit = { direction: "sendonly" };
    if (media.maxBitrate !== undefined) init.sendEncodings = [{ maxBitrate: media.maxBitrate }];
    const added = this.pc.addTransceiver(media.track, init);
    if (!sent) void added.sender.replaceTrack(null);
    return added;
  }

  /** Nothing is sent there any more; the section is kept for the next publication of its kind. */
  releaseSender(transceiver: RTCRtpTransceiver): void {
    if (this.#idle.includes(transceiver) || this.pc.signalingState === "closed") return;
    void transceiver.sender.replaceTrack(null);
    transceiver.direction = "inactive";
    this.#idle.push(transceiver);
  }

  addSlots(audio: number, video: number): void {
    for (let n = 0; n < audio; n++) this.pc.addTransceiver("audio", { direction: "recvonly" });
    for (let n = 0; n < video; n++) this.pc.addTransceiver("video", { direction: "recvonly" });
  }

  /** A data channel over the SCTP association that the join negotiated: no further offer. */
  openDataChannel(label: string, options: RTCDataChannelInit): RTCDataChannel {
    if (label.startsWith(OWN_CHANNEL)) {
      throw new RoomlineError("invalid-argument", `labels that begin with "${OWN_CHANNEL}" are reserved`);
    }
    return this.#keep(this.pc.createDataChannel(label, options));
  }

  /** What the next ping tells the server of the path. */
  report(): Promise<ClientReport | undefined> {
    return this.#measure(clientReport);
  }

  /** What was counted on the path in use; undefined when the browser doesn't say. */
  figures(): Promise<PathFigures | undefined> {
    return this.#measure(pathFigures);
  }

  get isClosed(): boolean {
    return this.pc.signalingState === "closed";
  }

  close(): void {
    this.onBeat = () => undefined;
    this.pc.close();
  }

  /** Closes for a transport that takes its place: the application learns that its channels are gone. */
  closeReplaced(): void {
    this.close();
    // Closing a peer connection need not fire `close` on its channels (W3C WebRTC §4.4.2, step 7).
    for (const channel of [...this.#channels]) channel.dispatchEvent(new Event("close"));
  }

  /** Sees to it that the application gets `close` once, whoever tells it first. */
  #keep(channel: RTCDataChannel): RTCDataChannel {
    this.#channels.add(channel);
    channel.addEventListener("close", (event) => {
      if (!this.#channels.delete(channel)) event.stopImmediatePropagation();
    });
    return channel;
  }

  async #measure<Figures>(read: (stats: RTCStatsReport) => Figures | undefined): Promise<Figures | undefined> {
    if (this.isClosed) return undefined;
    try {
      return read(await this.pc.getStats());
    } catch (error) {
      this.#log("debug", "no statistics", { error: String(error) });
      return undefined;
    }
  }

  #openBeats(): void {
    const channel = this.pc.createDataChannel(OWN_CHANNEL, BEATS);
    channel.binaryType = "arraybuffer";
    channel.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
      if (channel.readyState === "open") channel.send(data);
      this.onBeat();
    });
  }

  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(run).catch((error: unknown) => {
      throw asRoomlineError(error, "negotiation-failed");
    });
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** The servers for the next gathering. Servers given in `rtcConfig` stay. */
  #setIceServers(iceServers: IceServer[]): void {
    if (!this.#fixedServers) this.#config.iceServers = iceServers;
    this.pc.setConfiguration(this.#config);
  }

  #setAnswer({ answer }: AnswerReply): Promise<void> {
    return this.pc.setRemoteDescription({ type: "answer", sdp: answer });
  }

  async #rollBack(): Promise<void> {
    if (this.pc.signalingState !== "have-local-offer") return;
    try {
      await this.pc.setLocalDescription({ type: "rollback" });
    } catch (error) {
      this.#log("warn", "the offer could not be taken back", { error: String(error) });
    }
  }

  #iceError(event: RTCPeerConnectionIceErrorEvent): void {
    const { url, errorCode, errorText } = event;
    this.#log("debug", "a STUN or TURN server failed", { url, errorCode, errorText });
    if (this.iceErrors.length < MAX_ICE_ERRORS) this.iceErrors.push({ url, errorCode, errorText });
  }
}

/** How many receive-only sections of each kind. */
export interface SlotCounts {
  audio: number;
  video: number;
}

function limitBitrate(sender: RTCRtpSender, maxBitrate: number | undefined): void {
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) {
    if (maxBitrate === undefined) delete encoding.maxBitrate;
    else encoding.maxBitrate = maxBitrate;
  }
  void sender.setParameters(parameters);
}

/** The intent for a section that carries `media`. */
export function intent(mid: string, media: LocalMedia): TrackIntent {
  const { source, name, muted } = media;
  return { mid, source, ...(name === undefined ? {} : { name }), ...(muted ? { muted } : {}) };
}

/** The `a=mid` of every audio and video section, in order. */
export function mediaMids(sdp: string): string[] {
  const mids: string[] = [];
  for (const section of sdp.split(/^m=/m).slice(1)) {
    if (!/^(audio|video) /.test(section)) continue;
    mids.push(/^a=mid:(\S+)/m.exec(section)?.[1] ?? "");
  }
  return mids;
}
