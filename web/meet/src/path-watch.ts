import type { Room } from "roomline";
import { Undo } from "./dom.js";
import { language, t } from "./language.js";
import type { Notices } from "./notices.js";
import { connectionWords } from "./words.js";

/** After this long without media the page says that it is still trying. */
const SLOW_MS = 6_000;
/** A WebSocket that is away for less is nobody's business: sound and picture go on without it. */
const BRIEF_MS = 1_000;

/** Tells of one's own connection: quietly of another path, in a banner of a loss, and how it came out. */
export class PathWatch {
  readonly #room: Room;
  readonly #notices: Notices;
  readonly #undo = new Undo();
  #slow = 0;
  #brief = 0;
  /** Since when the WebSocket is away. */
  #awaySince: number | undefined;
  #lostAt: number | undefined;
  #condition = "";
  #tier: string | null;

  constructor(room: Room, notices: Notices) {
    this.#room = room;
    this.#notices = notices;
    this.#tier = room.localParticipant.connection.tier;
    this.#undo.add(room.on("stateChanged", () => this.#look()));
    this.#undo.add(
      room.on("connectionChanged", ({ id }) => {
        if (id === room.localParticipant.id) this.#look();
      }),
    );
    this.#undo.add(
      room.on("draining", (deadline) => {
        const time = new Date(deadline).toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit" });
        notices.lasts("draining", () => t().draining(time));
      }),
    );
    this.#look();
  }

  end(): void {
    window.clearTimeout(this.#slow);
    window.clearTimeout(this.#brief);
    this.#undo.run();
  }

  #look(): void {
    const { state, tier } = this.#room.localParticipant.connection;
    const condition = `${this.#room.state} ${state}`;
    if (condition !== this.#condition) {
      this.#condition = condition;
      this.#show(state);
    }
    // After a loss the outcome has said it already.
    if (state === "connected" && tier !== this.#tier) {
      if (this.#tier !== null && this.#lostAt === undefined) this.#tellPath();
      this.#tier = tier;
    }
    if (this.#isFine()) this.#lostAt = undefined;
  }

  #show(state: string): void {
    const interrupted = state === "interrupted";
    window.clearTimeout(this.#slow);
    this.#notices.clear("slow");
    this.#showSignaling();
    if (interrupted) this.#notices.lasts("interrupted", () => t().interrupted);
    else this.#notices.clear("interrupted");
    if (state === "connecting") {
      this.#slow = window.setTimeout(() => this.#notices.lasts("slow", () => t().slow), SLOW_MS);
    }
    if (interrupted) this.#lostAt ??= performance.now();
    else if (this.#lostAt !== undefined && this.#isFine()) this.#tellOutcome(this.#lostAt);
  }

  #showSignaling(): void {
    window.clearTimeout(this.#brief);
    if (this.#room.state !== "reconnecting") {
      this.#awaySince = undefined;
      this.#notices.clear("signaling");
      return;
    }
    const since = (this.#awaySince ??= performance.now());
    const tell = () => {
      this.#lostAt ??= since;
      this.#notices.lasts("signaling", () => t().signalingLost);
    };
    this.#brief = window.setTimeout(tell, Math.max(0, since + BRIEF_MS - performance.now()));
  }

  #isFine(): boolean {
    return this.#room.state === "connected" && this.#room.localParticipant.connection.state === "connected";
  }

  #tellOutcome(lostAt: number): void {
    const seconds = (performance.now() - lostAt) / 1000;
    const after = seconds.toLocaleString(language(), { maximumFractionDigits: seconds < 10 ? 1 : 0 });
    const moved = this.#room.localParticipant.connection.tier !== this.#tier;
    this.#notices.toast(moved ? `${t().backAgainAfter(after)}. ${this.#pathWords()}` : t().backAgainAfter(after));
  }

  #tellPath(): void {
    this.#notices.toast(this.#pathWords());
  }

  #pathWords(): string {
    return t().pathNow(connectionWords({ ...this.#room.localParticipant.connection, rttMs: null }));
  }
}
