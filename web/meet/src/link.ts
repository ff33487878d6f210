/** What a link to the page says: `/meet/ROOM#token=…`, or `#error=…` where the server has sent us. */
export interface Link {
  room: string;
  token: string;
  /** The display name in the token, if there is one. */
  name: string;
  /** The code of the error that the server had with an invitation. */
  error: string;
  /** The path that the server is mounted under, with a slash at its end. */
  root: string;
  /** The invitation that this token came from; empty when the token was made for one person. */
  invite: string;
}

/**
 * Reads the page's address. The token stands in the fragment, so that it never reaches a server's log
 * or a referrer. It is read here only for words; whether it is good the server says.
 */
export function readLink(pathname: string, fragment: string): Link {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ""));
  const token = parameters.get("token") ?? "";
  const claims = readClaims(token);
  const [, root = "/", fromPath = ""] = /^(.*?\/)(?:meet\/([^/]*))?$/.exec(pathname) ?? [];
  return {
    room: decode(fromPath) || text(claims["room"]),
    token,
    name: text(claims["name"]),
    error: parameters.get("error") ?? "",
    root,
    invite: parameters.get("invite") ?? "",
  };
}

/**
 * The link that lets others in, if there is one: a token is for one person, an invitation for everybody.
 * `server` is where it is mounted, with a slash at its end.
 */
export function inviteUrl(server: string, { room, invite }: Link): string {
  return invite ? `${server}meet/${encodeURIComponent(room)}?invite=${encodeURIComponent(invite)}` : "";
}

function readClaims(token: string): Record<string, unknown> {
  try {
    const base64 = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
