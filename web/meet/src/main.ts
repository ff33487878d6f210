import { RoomlineError, connect } from "roomline";
import type { LocalMedia, Room } from "roomline";
import { Call } from "./call.js";
import { element, make, show } from "./dom.js";
import { readLink } from "./link.js";
import { Prejoin } from "./prejoin.js";
import type { Choice } from "./prejoin.js";
import { LEFT, errorWords, linkWords } from "./words.js";
import type { Message } from "./words.js";

/** Errors after which the page joins again by itself, but not twice within a minute. */
const COME_BACK = ["resume-expired", "connection-lost"];
const COME_BACK_EVERY_MS = 60_000;

const link = readLink(location.pathname, location.hash);
const place = { hostname: location.hostname, port: Number(location.port || 443) };

function media({ audio, video, muted }: Choice): LocalMedia[] {
  const tracks: LocalMedia[] = [];
  if (audio?.readyState === "live") tracks.push({ track: audio, source: "microphone", muted });
  if (video?.readyState === "live") tracks.push({ track: video, source: "camera" });
  return tracks;
}

/** Joins with what was chosen, and without it where the link lets one only watch. */
async function join(choice: Choice): Promise<Room> {
  const tracks = media(choice);
  const { name } = choice;
  try {
    return await connect(location.origin + link.root, link.token, { name, tracks });
  } catch (error) {
    const mayWatch = error instanceof RoomlineError && error.code === "permission-denied" && tracks.length > 0;
    if (!mayWatch) throw error;
    return connect(location.origin + link.root, link.token, { name });
  }
}

/** One call after the other until it is over for good; returns what ended it. */
async function callWith(choice: Choice): Promise<RoomlineError | undefined> {
  let cameBack = -Infinity;
  for (;;) {
    const ended = await new Call(await join(choice), choice).run();
    const again = ended && COME_BACK.includes(ended.code) && performance.now() - cameBack > COME_BACK_EVERY_MS;
    if (!again) return ended;
    cameBack = performance.now();
  }
}

async function visit(prejoin: Prejoin): Promise<Message> {
  const choice = await prejoin.run();
  try {
    const error = await callWith(choice);
    return error ? errorWords(error, place) : LEFT;
  } catch (error) {
    if (error instanceof RoomlineError) return errorWords(error, place);
    throw error;
  } finally {
    choice.audio?.stop();
    choice.video?.stop();
  }
}

/** Shows a message; resolves when its button is used, never when it has none. */
function tell({ title, text, items = [], action }: Message): Promise<void> {
  const list = make("ul");
  list.append(...items.map((item) => make("li", "", item)));
  element("message-title").textContent = title;
  element("message-body").replaceChildren(...text.map((each) => make("p", "", each)), ...(items.length ? [list] : []));
  const button = element<HTMLButtonElement>("message-action");
  button.hidden = !action;
  button.textContent = action ?? "";
  show("message");
  (action ? button : element("message-title")).focus();
  return new Promise((resolve) => {
    button.onclick = () => resolve();
  });
}

async function main(): Promise<void> {
  // A new link typed into the same tab changes only the fragment.
  addEventListener("hashchange", () => location.reload());
  if (link.room) document.title = `${link.room} · Roomline`;
  if (!link.token) {
    await tell(linkWords(link.error));
    return;
  }
  const prejoin = new Prejoin(link.room, link.name);
  for (;;) await tell(await visit(prejoin));
}

void main();
