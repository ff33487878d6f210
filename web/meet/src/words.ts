import type { ConnectionInfo, ErrorCode, IceError, RoomlineError } from "roomline";

/** What a person is told when something does not work. */
export interface Message {
  title: string;
  /** Paragraphs. */
  text: string[];
  /** A list below them. */
  items?: string[];
  /** What the button offers; without it there is none. */
  action?: string;
}

/** Where the page came from, for what to ask the firewall's owner. */
export interface Place {
  hostname: string;
  /** The port in the page's address; 443 when there is none. */
  port: number;
}

/** How somebody's media travels: "Direct · UDP 23456 · 51 ms", "Relay over TLS 443 · 63 ms · +12 ms". */
export function connectionWords(connection: Readonly<ConnectionInfo>): string {
  if (connection.state === "connecting") return "Connecting…";
  if (connection.state === "interrupted") return "Interrupted, looking for another way…";
  const { tier, protocol, serverPort, rttMs, addedLatencyMs } = connection;
  const port = `${(protocol ?? "").toUpperCase()} ${serverPort ?? ""}`.trim();
  const parts = tier === "direct" ? ["Direct", port] : [`Relay over ${port}`];
  if (rttMs !== null) parts.push(`${Math.round(rttMs)} ms`);
  if (tier !== "direct" && addedLatencyMs !== null) parts.push(`+${Math.max(0, Math.round(addedLatencyMs))} ms`);
  return parts.filter(Boolean).join(" · ");
}

/** After `deviceWords`, before the call. */
export const WITHOUT = "You can also join without.";

/** Why camera or microphone could not be had. `what` is e.g. "camera". */
export function deviceWords(name: string, what: string): string {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return `The browser refused this page your ${what}. Allow it with the symbol in the address bar, then try again.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No ${what} was found. Plug one in and try again.`;
    case "NotReadableError":
    case "AbortError":
      return `Your ${what} is there but does not start; another program may be using it. Close that and try again.`;
    case "InsecureContext":
      return `Browsers give a ${what} only to pages opened over https.`;
    default:
      return `Your ${what} could not be started (${name}).`;
  }
}

const AGAIN = "Try again";
const BACK = "Join again";

const WORDS: Partial<Record<ErrorCode, Message>> = {
  "token-expired": {
    title: "This link has expired",
    text: ["Links to a room are good for a limited time. Ask whoever invited you for a new one."],
  },
  "token-not-yet-valid": {
    title: "You are early",
    text: ["This link is not good yet. Come back at the time of the call, or check that your clock is right."],
    action: AGAIN,
  },
  "token-invalid": {
    title: "This link is not valid",
    text: ["It may have been cut short when it was copied. Use the whole link, or ask for a new one."],
  },
  "permission-denied": {
    title: "This link does not let you in here",
    text: ["Ask whoever invited you for a link to this room."],
  },
  "room-full": {
    title: "The room is full",
    text: ["As many people as the room may hold are already in it. Try again when somebody has left."],
    action: AGAIN,
  },
  draining: {
    title: "The server is about to restart",
    text: ["It takes nobody in at the moment. Try again in a minute."],
    action: AGAIN,
  },
  replaced: {
    title: "You joined from somewhere else",
    text: ["The same link was opened in another tab or on another device, and the call goes on there."],
    action: "Join here instead",
  },
  removed: { title: "You were taken out of the call", text: ["Somebody who runs this room ended it for you."] },
  "connection-lost": {
    title: "The connection was lost",
    text: ["The server could not be reached for 30 seconds. Check that you are online."],
    action: BACK,
  },
  "resume-expired": { title: "The connection was lost", text: ["You were away too long."], action: BACK },
  "unsupported-browser": {
    title: "This browser cannot make calls",
    text: ["It has no WebRTC. Use a current Chrome, Edge, Firefox or Safari."],
  },
  "unsupported-version": {
    title: "This page is out of date",
    text: ["The server has been updated. Reload the page."],
    action: AGAIN,
  },
};

/** The words for an error that kept somebody out of a call, or ended it. */
export function errorWords(error: RoomlineError, place: Place): Message {
  if (error.code === "connection-failed") return blockedWords(error.iceErrors, place);
  if (error.code === "unreachable" || error.code === "timeout") return unreachableWords(place);
  return (
    WORDS[error.code] ?? {
      title: "Something went wrong",
      text: [`${error.message} (${error.code})`],
      action: AGAIN,
    }
  );
}

const NO_TOKEN: Message = {
  title: "This link is not complete",
  text: ["A link to a room ends with #token= and a long code. Use the whole link that you were given."],
};

/** The words for a link without a token: `error` is the server's code when it refused an invitation. */
export function linkWords(error: string): Message {
  const { title, text } = WORDS[error as ErrorCode] ?? NO_TOKEN;
  return { title, text };
}

export const LEFT: Message = { title: "You have left the call", text: [], action: BACK };

/** What to ask the owner of a firewall for: one of these is enough, the first is best. */
export function firewallItems({ hostname, port }: Place): string[] {
  return [
    `UDP, ports 10000–60000, to ${hostname} (best)`,
    `UDP, port 3478, to ${hostname}`,
    `TCP, port ${port}, to ${hostname}, with TLS left as it is (not inspected)`,
  ];
}

/** Nothing got through. */
function blockedWords(iceErrors: readonly IceError[], place: Place): Message {
  const firewall = "Ask the owner of the firewall between you and the server to open any one of these:";
  const text = turnedAway(iceErrors, place)
    ? [
        `The server answers, but sound and picture were turned away at TCP port ${place.port}, where this page came through, and found no other way.`,
        "That happens when the browser does not trust the server's certificate; clicking a warning away is not enough. Ask whoever runs the server to install a public certificate, or to import its CA on this device.",
        `It also happens when a firewall takes TLS apart or lets only web pages through. ${firewall}`,
      ]
    : [`The server answers, but neither sound nor picture could reach it. ${firewall}`];
  return { title: "Nothing gets through", text, items: firewallItems(place), action: AGAIN };
}

function unreachableWords({ hostname, port }: Place): Message {
  return {
    title: "The server cannot be reached",
    text: [
      `There is no connection to ${hostname}, TCP port ${port}. You may be offline, the server may be down, or a firewall or proxy does not let WebSockets through.`,
      "If the browser warned of this server's certificate, the certificate has to be trusted first.",
    ],
    action: AGAIN,
  };
}

/**
 * Whether TURN over TLS was refused at the very port over which the page and its WebSocket work. A
 * certificate that is not trusted and a connection that is reset look the same to the page: 701 both.
 */
function turnedAway(iceErrors: readonly IceError[], { port }: Place): boolean {
  return iceErrors.some(({ url, errorCode }) => {
    const turns = /^turns:(?:\[[^\]]*\]|[^:?]*)(?::(\d+))?/.exec(url);
    return turns !== null && errorCode === 701 && Number(turns[1] ?? 5349) === port;
  });
}
