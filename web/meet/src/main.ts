import { RoomlineError, connect } from "roomline";
import type { LocalMedia, Room, Waiting } from "roomline";
import { Call } from "./call.js";
import type { Visit } from "./call.js";
import { element, make, show } from "./dom.js";
import { language, onLanguage, startLanguage, t } from "./language.js";
import { inviteUrl, readLink } from "./link.js";
import { OwnDevices } from "./own-devices.js";
import { Prejoin } from "./prejoin.js";
import { languageList } from "./settings.js";
import { errorWords, leftWords, linkWords, mediaPort, turnPort } from "./words.js";
import type { Message, Place } from "./words.js";

/** Errors after which the page joins again by itself, but not twice within a minute. */
const COME_BACK = ["resume-expired", "connection-lost"];
const COME_BACK_EVERY_MS = 60_000;

const link = readLink(location.pathname, location.hash);
const server = location.origin + link.root;
const place: Place = { hostname: location.hostname, port: Number(location.port || 443) };

type OnWaiting = (waiting: Waiting) => void;

function media({ audio, video, muted }: OwnDevices): LocalMedia[] {
  const tracks: LocalMedia[] = [];
  if (audio?.readyState === "live") tracks.push({ track: audio, source: "microphone", muted });
  if (video?.readyState === "live") tracks.push({ track: video, source: "camera" });
  return tracks;
}

/** Joins with what was chosen, and without it where the link lets one only watch. */
async function join(name: string, own: OwnDevices, onWaiting: OnWaiting): Promise<Room> {
  const tracks = media(own);
  try {
    return await connect(server, link.token, { name, tracks, onWaiting });
  } catch (error) {
    const mayWatch = error instanceof RoomlineError && error.code === "permission-denied" && tracks.length > 0;
    if (!mayWatch) throw error;
    const room = await connect(server, link.token, { name, onWaiting });
    own.end();
    return room;
  }
}

/** One call after the other until it is over for good; returns what ended it. */
async function callWith(name: string, visit: Visit, onWaiting: OnWaiting): Promise<RoomlineError | undefined> {
  let cameBack = -Infinity;
  for (;;) {
    const room = await join(name, visit.own, onWaiting);
    learnPorts(room);
    const call = new Call(room, visit);
    if (cameBack > -Infinity) call.cameBack();
    const ended = await call.run();
    const again = ended && COME_BACK.includes(ended.code) && performance.now() - cameBack > COME_BACK_EVERY_MS;
    if (!again) return ended;
    cameBack = performance.now();
    element("call-status").textContent = t().comingBack;
  }
}

/** Keeps the server's ports, for what to say when nothing gets through. */
function learnPorts({ peerConnection }: Room): void {
  const urls = (peerConnection.getConfiguration().iceServers ?? []).flatMap((each) => each.urls);
  const turn = turnPort(urls);
  const own = mediaPort(peerConnection.remoteDescription?.sdp ?? "");
  if (turn !== undefined) place.turnPort = turn;
  if (own !== undefined) place.mediaPort = own;
}

async function visit(prejoin: Prejoin, own: OwnDevices): Promise<() => Message> {
  const name = await prejoin.run();
  try {
    const invite = inviteUrl(server, link);
    const error = await callWith(name, { own, messages: [], invite }, ({ message }) => prejoin.wait(message));
    return () => (error ? errorWords(error, place) : leftWords());
  } catch (error) {
    if (error instanceof RoomlineError) return () => errorWords(error, place);
    throw error;
  } finally {
    own.end();
  }
}

/** Shows a message; resolves when its button is used, never when it has none. */
function tell(words: () => Message): Promise<void> {
  const button = element<HTMLButtonElement>("message-action");
  const fill = () => {
    const { title, text, items = [], action } = words();
    const list = make("ul");
    list.append(...items.map((item) => make("li", "", item)));
    element("message-title").textContent = title;
    const paragraphs = text.map((each) => make("p", "", each));
    element("message-body").replaceChildren(...paragraphs, ...(items.length ? [list] : []));
    button.hidden = !action;
    button.textContent = action ?? "";
  };
  fill();
  show("message");
  (button.hidden ? element("message-title") : button).focus();
  const undo = onLanguage(fill);
  return new Promise((resolve) => {
    button.onclick = () => {
      undo();
      resolve();
    };
  });
}

async function main(): Promise<void> {
  startLanguage();
  const lists = [...document.querySelectorAll<HTMLSelectElement>("select.languages")];
  lists.forEach(languageList);
  onLanguage(() => lists.forEach((each) => (each.value = language())));
  // A new link typed into the same tab changes only the fragment.
  addEventListener("hashchange", () => location.reload());
  if (link.room) document.title = `${link.room} · Roomline`;
  if (!link.token) {
    await tell(() => linkWords(link.error));
    return;
  }
  const own = new OwnDevices();
  const prejoin = new Prejoin(link.room, link.name, own);
  for (;;) await tell(await visit(prejoin, own));
}

void main();
