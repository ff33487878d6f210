import type { LocalPublication, Participant, RemoteParticipant, RemotePublication, Room, RoomlineError } from "roomline";
import { element, show, showDevice } from "./dom.js";
import { columns } from "./layout.js";
import { capture, captureProblem } from "./media.js";
import type { Choice } from "./prejoin.js";
import { Tile } from "./tile.js";

/** After this long without media the page says that it is still trying. */
const SLOW_MS = 6_000;

interface Seat {
  participant: Participant;
  tile: Tile;
}

/** The screen of a call that has been joined. */
export class Call {
  readonly #room: Room;
  readonly #choice: Choice;
  readonly #grid = element("grid");
  readonly #mic = element<HTMLButtonElement>("mic");
  readonly #camera = element<HTMLButtonElement>("camera");
  readonly #leave = element<HTMLButtonElement>("leave");
  readonly #seats = new Map<string, Seat>();
  readonly #own: Tile;
  readonly #undo: (() => void)[] = [];
  #slow = 0;
  #condition = "";

  constructor(room: Room, choice: Choice) {
    this.#room = room;
    this.#choice = choice;
    this.#grid.replaceChildren();
    this.#own = this.#seat(room.localParticipant);
    for (const participant of room.participants.values()) this.#welcome(participant);
    this.#listen();
    this.#wire();
    this.#showOwn();
    this.#showCount();
    this.#hideBanner();
    this.#watchSlow();
    element("call-room").textContent = room.name;
  }

  /** Shows the call until it is over. Resolves with the error that ended it, if one did. */
  run(): Promise<RoomlineError | undefined> {
    show("call");
    this.#layOut();
    this.#mic.focus();
    return new Promise((resolve) => {
      this.#room.on("disconnected", (error) => {
        this.#end();
        resolve(error);
      });
    });
  }

  #listen(): void {
    const room = this.#room;
    room.on("participantJoined", (participant) => {
      this.#welcome(participant);
      this.#showCount();
    });
    room.on("participantLeft", ({ id }) => {
      this.#seats.get(id)?.tile.root.remove();
      this.#seats.delete(id);
      this.#showCount();
    });
    for (const event of ["trackSubscribed", "trackUnsubscribed"] as const) {
      room.on(event, (_track, _publication, participant) => this.#showMedia(participant));
    }
    const changed = (_publication: unknown, { id }: Participant) => this.#showChange(id);
    room.on("trackPublished", changed);
    room.on("trackUnpublished", changed);
    room.on("trackMuted", changed);
    room.on("trackPaused", changed);
    room.on("connectionChanged", (participant) => this.#showConnection(participant));
    room.on("stateChanged", () => this.#watchSlow());
    room.on("draining", (deadline) => {
      const time = new Date(deadline).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      this.#banner(`The server is about to restart. This call can go on until ${time}.`);
    });
  }

  #wire(): void {
    const on = (target: EventTarget, type: string, listener: () => void) => {
      target.addEventListener(type, listener);
      this.#undo.push(() => target.removeEventListener(type, listener));
    };
    on(this.#mic, "click", () => void this.#guarded(this.#mic, () => this.#toggleMic()));
    on(this.#camera, "click", () => void this.#guarded(this.#camera, () => this.#toggleCamera()));
    on(this.#leave, "click", () => void this.#room.disconnect());
    const observer = new ResizeObserver(() => this.#layOut());
    observer.observe(this.#grid);
    this.#undo.push(() => observer.disconnect());
  }

  #seat(participant: Participant): Tile {
    const self = participant.id === this.#room.localParticipant.id;
    const tile = new Tile({ self, blocked: () => this.#askForSound() });
    this.#seats.set(participant.id, { participant, tile });
    this.#grid.append(tile.root);
    tile.setConnection(participant.connection);
    this.#layOut();
    return tile;
  }

  #welcome(participant: RemoteParticipant): void {
    if (!this.#seats.has(participant.id)) this.#seat(participant);
    this.#seats.get(participant.id)?.tile.setName(participant.name);
    this.#showMedia(participant);
  }

  #showChange(id: string): void {
    const participant = this.#room.participants.get(id);
    if (participant) this.#showMedia(participant);
    else if (id === this.#room.localParticipant.id) this.#showOwn();
  }

  #showMedia(participant: RemoteParticipant): void {
    const tile = this.#seats.get(participant.id)?.tile;
    if (!tile) return;
    const playing = (each: RemotePublication | undefined) => (each && !each.muted ? each.track : undefined);
    const screen = participant.publication("screen");
    const shown = playing(screen) ? screen : participant.publication("camera");
    const microphone = participant.publication("microphone");
    tile.setPicture(shown?.paused ? undefined : playing(shown), shown === screen && Boolean(screen));
    tile.setSound(microphone?.track);
    tile.setMuted(!microphone || microphone.muted);
    if (shown?.paused === "bitrate") tile.setRemark("Picture paused: the connection is too slow for it");
    else tile.setConnection(participant.connection);
  }

  #showConnection(participant: Participant): void {
    const seat = this.#seats.get(participant.id);
    seat?.tile.setConnection(participant.connection);
    if (participant.id === this.#room.localParticipant.id) this.#watchSlow();
  }

  #showOwn(): void {
    const { localParticipant } = this.#room;
    const microphone = localParticipant.publication("microphone");
    const camera = localParticipant.publication("camera");
    const hears = Boolean(microphone) && !microphone?.muted;
    const sees = Boolean(camera) && !camera?.muted;
    this.#own.setName(localParticipant.name, " (you)");
    this.#own.setPicture(sees ? camera?.track : undefined);
    this.#own.setMuted(!hears);
    showDevice(this.#mic, "mic", hears);
    showDevice(this.#camera, "camera", sees);
    this.#mic.hidden = this.#camera.hidden = !localParticipant.grants.publish;
  }

  #showCount(): void {
    const count = this.#seats.size;
    element("call-status").textContent = count === 1 ? "Nobody else is here yet" : `${count} people`;
    this.#layOut();
  }

  #layOut(): void {
    const { clientWidth, clientHeight, style } = this.#grid;
    const count = columns(this.#seats.size, clientWidth, clientHeight);
    style.setProperty("--columns", String(count));
    style.setProperty("--rows", String(Math.ceil(this.#seats.size / count)));
  }

  async #toggleMic(): Promise<void> {
    const publication = this.#room.localParticipant.publication("microphone");
    if (!publication) {
      const track = await this.#capture("audio");
      await this.#orStop(track, this.#room.localParticipant.publish(track, { source: "microphone" }));
      this.#choice.audio = track;
      return;
    }
    await publication.mute(!publication.muted);
    publication.track.enabled = !publication.muted;
    this.#choice.muted = publication.muted;
  }

  async #toggleCamera(): Promise<void> {
    const publication = this.#room.localParticipant.publication("camera");
    if (publication && !publication.muted) {
      await this.#cameraOff(publication);
      return;
    }
    const track = await this.#capture("video");
    const sending = publication
      ? publication.replaceTrack(track).then(() => publication.mute(false))
      : this.#room.localParticipant.publish(track, { source: "camera" });
    await this.#orStop(track, sending);
    this.#choice.video = track;
  }

  /** Turns a device off again when its track could not be sent. */
  async #orStop(track: MediaStreamTrack, sending: Promise<unknown>): Promise<void> {
    try {
      await sending;
    } catch (error) {
      track.stop();
      throw error;
    }
  }

  async #cameraOff(publication: LocalPublication): Promise<void> {
    this.#choice.video = undefined;
    const muting = publication.mute(true);
    this.#showOwn();
    publication.track.stop(); // So that its light goes out.
    await muting;
  }

  async #capture(device: "audio" | "video"): Promise<MediaStreamTrack> {
    try {
      return await capture(device);
    } catch (error) {
      throw new Error(captureProblem(error, device));
    }
  }

  /** Runs what a button does, once at a time, and says what went wrong. */
  async #guarded(button: HTMLButtonElement, action: () => Promise<void>): Promise<void> {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await action();
    } catch (error) {
      if (this.#room.state !== "disconnected") {
        this.#banner(error instanceof Error ? error.message : String(error), "Close", () => this.#hideBanner());
      }
    } finally {
      button.removeAttribute("aria-busy");
      if (this.#room.state !== "disconnected") this.#showOwn();
    }
  }

  /** Says so when signaling is lost or media does not come through. */
  #watchSlow(): void {
    const { state } = this.#room.localParticipant.connection;
    const condition = `${this.#room.state} ${state}`;
    if (condition === this.#condition) return; // The round trip changes often, the words should not.
    this.#condition = condition;
    window.clearTimeout(this.#slow);
    if (this.#room.state === "reconnecting") {
      this.#banner("The server is out of reach, trying again. Sound and picture may go on meanwhile.");
    } else if (state === "interrupted") {
      this.#banner("Your connection is interrupted. Looking for another way through…");
    } else if (state === "connecting") {
      const words = "Still looking for a way through for sound and picture. A firewall may be dropping them.";
      this.#slow = window.setTimeout(() => this.#banner(words), SLOW_MS);
    } else {
      this.#hideBanner();
    }
  }

  #askForSound(): void {
    this.#banner("The browser holds the sound back until you touch the page.", "Turn sound on", () => {
      this.#hideBanner();
      for (const { tile } of this.#seats.values()) tile.play();
    });
  }

  #banner(text: string, label?: string, action?: () => void): void {
    const button = element<HTMLButtonElement>("banner-action");
    element("banner-text").textContent = text;
    element("banner").hidden = false;
    button.hidden = !label;
    button.textContent = label ?? "";
    button.onclick = action ?? null;
  }

  #hideBanner(): void {
    element("banner").hidden = true;
  }

  #end(): void {
    window.clearTimeout(this.#slow);
    for (const undo of this.#undo) undo();
    this.#grid.replaceChildren();
  }
}
