import type { ConnectionInfo, Participant, RemoteParticipant, RemotePublication, Room, RoomlineError } from "roomline";
import { Attention } from "./attention.js";
import { Chat } from "./chat.js";
import type { ChatMessage } from "./chat.js";
import { ChatPanel } from "./chat-panel.js";
import { Controls } from "./controls.js";
import { Hands } from "./hands.js";
import { element, show, Undo } from "./dom.js";
import { onLanguage, t } from "./language.js";
import { Levels } from "./levels.js";
import { Notices } from "./notices.js";
import type { OwnDevices } from "./own-devices.js";
import { PathWatch } from "./path-watch.js";
import { PeoplePanel } from "./people-panel.js";
import { Publishing } from "./publishing.js";
import { ScreenShare } from "./screen-share.js";
import { Dialogs } from "./settings.js";
import { shareBoxes } from "./sharing.js";
import { shortcutOf } from "./shortcuts.js";
import { Sound } from "./sound.js";
import { Stage } from "./stage.js";
import { Tile } from "./tile.js";
import { connectionWords, shortConnectionWords } from "./words.js";

/** What goes from one call of a visit to the next. */
export interface Visit {
  own: OwnDevices;
  messages: ChatMessage[];
  /** The link that lets others in; empty when there is none. */
  invite: string;
}

/** The screen of a call that has been joined. */
export class Call {
  readonly #room: Room;
  readonly #own: OwnDevices;
  readonly #stage = new Stage();
  readonly #notices = new Notices();
  readonly #sound = new Sound(() => this.#askForSound());
  readonly #attention = new Attention();
  readonly #hands: Hands;
  readonly #chat: Chat;
  readonly #chatPanel: ChatPanel;
  readonly #people: PeoplePanel;
  readonly #publishing: Publishing;
  readonly #screen: ScreenShare;
  readonly #dialogs: Dialogs;
  readonly #controls: Controls;
  readonly #levels: Levels;
  readonly #path: PathWatch;
  readonly #undo = new Undo();
  #speaking: ReadonlySet<string> = new Set();

  constructor(room: Room, { own, messages, invite }: Visit) {
    this.#room = room;
    this.#own = own;
    this.#hands = new Hands(room);
    this.#chat = new Chat(room, messages, (message) => this.#showMessage(message));
    this.#chatPanel = new ChatPanel(this.#chat, (words) => this.#notices.trouble(words));
    this.#people = new PeoplePanel((id) => this.#stage.pin(id));
    this.#publishing = new Publishing(room, own);
    this.#screen = new ScreenShare(room, (track) => this.#showOwnScreen(track));
    this.#dialogs = new Dialogs(own, (kind) => this.#switch(kind));
    this.#levels = new Levels(room, (speaking, active) => this.#showSpeakers(speaking, active));
    this.#path = new PathWatch(room, this.#notices);
    this.#controls = new Controls({
      mic: () => own.toggleMic(),
      camera: () => own.toggleCamera(),
      screen: () => this.#screen.toggle(),
      hand: () => this.#toggleHand(),
      view: () => this.#stage.toggleView(),
      settings: () => this.#dialogs.settings(),
      help: () => this.#dialogs.help(),
      leave: () => void room.disconnect(),
      failed: (error) => this.#failed(error),
      opened: (panel) => (panel === "chat" ? this.#chatPanel : this.#people).focus(),
    });
    this.#seat(room.localParticipant);
    for (const participant of room.participants.values()) this.#welcome(participant);
    this.#listen();
    this.#wire(invite);
    this.#refresh();
    this.#ownChanged(); // A device may have come while we were joining.
  }

  /** Shows the call until it is over. Resolves with the error that ended it, if one did. */
  run(): Promise<RoomlineError | undefined> {
    element("call-room").textContent = this.#room.name;
    show("call");
    this.#controls.focus();
    return new Promise((resolve) => {
      this.#room.on("disconnected", (error) => {
        this.#end();
        resolve(error);
      });
    });
  }

  /** Says that the page has come back by itself. */
  cameBack(): void {
    this.#notices.toast(t().cameBack);
  }

  #listen(): void {
    const room = this.#room;
    room.on("participantJoined", (participant) => this.#joined(participant));
    room.on("participantLeft", (participant) => this.#left(participant));
    for (const event of ["trackSubscribed", "trackUnsubscribed"] as const) {
      room.on(event, (_track, _publication, participant) => {
        this.#showMedia(participant);
        this.#attend();
      });
    }
    const changed = (_publication: unknown, participant: Participant) => this.#show(participant);
    room.on("trackPublished", (publication, participant) => {
      if (publication.source === "screen") this.#notices.say(t().sharesScreen(participant.name));
      changed(publication, participant);
    });
    room.on("trackUnpublished", ({ source }, participant) => {
      if (source === "screen" && participant.id !== room.localParticipant.id) {
        this.#notices.say(t().stoppedScreen(participant.name));
      }
      changed(source, participant);
    });
    room.on("trackMuted", changed);
    room.on("trackPaused", changed);
    room.on("connectionChanged", (participant, connection) => this.#showConnection(participant, connection));
    room.on("data", (payload, from, topic) => this.#showHand(this.#hands.receive(payload, from.id, topic), from));
    room.on("dataChannel", (channel, from, label) => this.#chat.listen(channel, from, label));
  }

  #wire(invite: string): void {
    this.#own.onChange = () => this.#ownChanged();
    this.#own.onNews = (words) => this.#notices.toast(words);
    this.#stage.onChange = () => this.#showStage();
    this.#undo.on<KeyboardEvent>(document, "keydown", (event) => this.#key(event));
    this.#undo.add(onLanguage(() => this.#refresh()));
    const boxes = shareBoxes(invite, (words) => this.#notices.trouble(words));
    this.#undo.add(() => boxes.run());
  }

  #key(event: KeyboardEvent): void {
    const meant = shortcutOf(event);
    if (!meant) return;
    if (meant === "close" && !this.#controls.closePanel()) return;
    event.preventDefault();
    if (meant === "before" || meant === "after") this.#stage.turn(meant === "before" ? -1 : 1);
    else if (meant !== "close") this.#controls.press(meant);
  }

  #seat(participant: Participant): void {
    const { id, identity } = participant;
    if (this.#stage.seat(id)) return;
    const own = id === this.#room.localParticipant.id;
    const tile = new Tile({ identity, mirrored: own, pin: () => this.#stage.pin(id) });
    this.#stage.add({ id, participant: id, tile, own, screen: false });
  }

  #welcome(participant: RemoteParticipant): void {
    this.#seat(participant);
    this.#showMedia(participant);
  }

  #joined(participant: RemoteParticipant): void {
    this.#welcome(participant);
    this.#notices.joined(participant.name);
    // Who leaves at once needs no telling.
    this.#hands.joined(participant.id).catch(() => undefined);
  }

  #left({ id, name }: RemoteParticipant): void {
    this.#hands.left(id);
    this.#chat.left(id);
    this.#sound.forget(id);
    this.#stage.remove(`${id}/screen`);
    this.#stage.remove(id);
    this.#notices.left(name);
  }

  #show(participant: Participant): void {
    const other = this.#room.participants.get(participant.id);
    if (other) this.#showMedia(other);
    else this.#showOwn();
  }

  #showMedia(participant: RemoteParticipant): void {
    const tile = this.#stage.seat(participant.id)?.tile;
    if (!tile) return;
    const camera = participant.publication("camera");
    const microphone = participant.publication("microphone");
    tile.setName(participant.name);
    tile.setPicture(shown(camera));
    tile.setMuted(!microphone || microphone.muted);
    this.#sound.show(participant);
    this.#showScreen(participant);
    this.#showPath(participant);
    this.#showPeople();
  }

  #showScreen(participant: RemoteParticipant): void {
    const id = `${participant.id}/screen`;
    const picture = shown(participant.publication("screen"));
    if (picture) this.#screenSeat(id, participant, false).setPicture(picture);
    else if (!participant.publication("screen")) this.#stage.remove(id);
  }

  #screenSeat(id: string, participant: Participant, own: boolean): Tile {
    const { identity, name } = participant;
    const found = this.#stage.seat(id)?.tile;
    const tile = found ?? new Tile({ identity, screen: true, pin: () => this.#stage.pin(id) });
    tile.setName(name, own ? t().yourScreen : t().screenOf(name));
    if (!found) this.#stage.add({ id, participant: participant.id, tile, own, screen: true });
    return tile;
  }

  #showOwnScreen(track: MediaStreamTrack | undefined): void {
    const { localParticipant } = this.#room;
    const id = `${localParticipant.id}/screen`;
    if (track) this.#screenSeat(id, localParticipant, true).setPicture(track);
    else this.#stage.remove(id);
    if (this.#room.state !== "disconnected") this.#notices.toast(track ? t().youShare : t().youStoppedSharing);
    this.#showOwn();
  }

  #showOwn(): void {
    const { localParticipant } = this.#room;
    const tile = this.#stage.seat(localParticipant.id)?.tile;
    tile?.setName(localParticipant.name, t().you(localParticipant.name));
    tile?.setPicture(this.#own.video);
    tile?.setMuted(!this.#own.hears);
    tile?.setHand(this.#hands.raised);
    this.#showPath(localParticipant);
    this.#controls.update({
      publish: localParticipant.grants.publish,
      data: localParticipant.grants.data,
      mic: this.#own.hears,
      camera: Boolean(this.#own.video),
      canShare: this.#screen.possible,
      screen: Boolean(this.#screen.track),
      hand: this.#hands.raised,
      large: this.#stage.large,
      people: this.#room.participants.size + 1,
    });
    this.#showPeople();
  }

  #ownChanged(): void {
    this.#showOwn();
    this.#dialogs.refresh();
    this.#publishing.sync().catch((error: unknown) => this.#failed(error));
  }

  #showConnection(participant: Participant, connection: Readonly<ConnectionInfo>): void {
    this.#showPath(participant);
    this.#showPeople();
    if (participant.id === this.#room.localParticipant.id && connection.state === "connected") this.#chat.mend();
  }

  #showPath(participant: Participant): void {
    const tile = this.#stage.seat(participant.id)?.tile;
    if (!tile) return;
    const camera = this.#room.participants.get(participant.id)?.publication("camera");
    const slow = camera?.paused === "bitrate";
    if (slow) tile.setPath(t().pausedForBitrate);
    else tile.setPath(connectionWords(participant.connection), shortConnectionWords(participant.connection));
    tile.root.dataset["tier"] = participant.connection.tier ?? "";
    tile.root.dataset["state"] = participant.connection.state;
  }

  #showPeople(): void {
    const { localParticipant, participants } = this.#room;
    const people = [localParticipant, ...participants.values()].map((participant) => {
      const own = participant.id === localParticipant.id;
      const microphone = participant.publication("microphone");
      return {
        participant,
        own,
        label: own ? t().you(participant.name) : participant.name,
        muted: own ? !this.#own.hears : !microphone || microphone.muted,
        hand: own ? Number(this.#hands.raised) : this.#hands.place(participant.id),
        speaking: this.#speaking.has(participant.id),
        pinned: this.#stage.pinned === participant.id,
      };
    });
    // Whoever waits for a word comes right after oneself, the first one first.
    const [self, ...others] = people;
    others.sort((a, b) => (a.hand || Infinity) - (b.hand || Infinity) || 0);
    this.#people.update(self ? [self, ...others] : others);
  }

  #showSpeakers(speaking: ReadonlySet<string>, active: string | undefined): void {
    this.#speaking = speaking;
    for (const { participant, screen, tile } of this.#stage.seats) tile.setSpeaking(!screen && speaking.has(participant));
    this.#stage.setActive(active);
    if (this.#controls.panel === "people") this.#showPeople();
  }

  #showHand(change: "raised" | "lowered" | undefined, { id, name }: RemoteParticipant): void {
    if (!change) return;
    this.#stage.seat(id)?.tile.setHand(change === "raised");
    if (change === "raised") this.#notices.toast(t().raisedHand(name));
    else this.#notices.say(t().loweredHand(name));
    this.#showPeople();
  }

  async #toggleHand(): Promise<void> {
    const telling = this.#hands.toggle();
    this.#showOwn();
    try {
      await telling;
      this.#notices.say(this.#hands.raised ? t().handUp : t().handDown);
    } finally {
      this.#showOwn();
    }
  }

  #showMessage(message: ChatMessage): void {
    this.#chatPanel.update(message);
    if (message.from === undefined || this.#chat.messages.at(-1) !== message || this.#controls.panel === "chat") return;
    this.#controls.unread();
    this.#notices.toast(t().saidInChat(message.from, message.text.slice(0, 200)));
  }

  #switch(kind: MediaDeviceKind): void {
    const switching =
      kind === "audiooutput" ? this.#sound.route() : this.#own.switch(kind === "audioinput" ? "audio" : "video");
    switching.catch((error: unknown) => this.#failed(error));
  }

  #showStage(): void {
    this.#attend();
    element("alone").hidden = this.#room.participants.size > 0;
    const people = this.#room.participants.size + 1;
    element("call-status").textContent = people === 1 ? t().nobodyElse : t().people(people);
    this.#showOwn();
  }

  /** Only what is on the screen need be sent. */
  #attend(): void {
    const seen = new Set(this.#stage.seats.filter(({ tile }) => !tile.root.hidden).map(({ id }) => id));
    const cameras: RemotePublication[] = [];
    const visible = new Set<string>();
    for (const participant of this.#room.participants.values()) {
      const camera = participant.publication("camera");
      if (!camera?.track) continue;
      cameras.push(camera);
      if (seen.has(participant.id)) visible.add(camera.id);
    }
    this.#attention.look(cameras, visible);
  }

  #askForSound(): void {
    this.#notices.lasts("sound", () => t().soundBlocked, {
      label: () => t().soundOn,
      run: () => {
        this.#notices.clear("sound");
        this.#sound.play();
      },
    });
  }

  #failed(error: unknown): void {
    if (this.#room.state === "disconnected") return;
    this.#notices.trouble(error instanceof Error && error.name === "Error" ? error.message : t().failed(String(error)));
  }

  /** Everything in the language of now. */
  #refresh(): void {
    for (const participant of this.#room.participants.values()) this.#showMedia(participant);
    this.#showStage();
    this.#chatPanel.refresh();
    this.#dialogs.refresh();
    this.#notices.refresh();
    const screen = this.#screen.track;
    if (screen) this.#screenSeat(`${this.#room.localParticipant.id}/screen`, this.#room.localParticipant, true);
  }

  #end(): void {
    this.#undo.run();
    this.#own.onChange = () => undefined;
    this.#own.onNews = () => undefined;
    void this.#screen.stop().catch(() => undefined);
    for (const part of [this.#levels, this.#path, this.#attention, this.#sound, this.#chatPanel]) part.end();
    for (const part of [this.#controls, this.#dialogs, this.#stage, this.#notices]) part.end();
  }
}

/** What there is to see of a publication. */
function shown(publication: RemotePublication | undefined): RemotePublication | undefined {
  return publication?.track && !publication.muted && !publication.paused ? publication : undefined;
}
