import assert from "node:assert/strict";
import { test } from "node:test";
import { RoomlineError } from "roomline";
import type { ConnectionInfo, ErrorCode } from "roomline";
import { columns } from "../src/layout.js";
import { readLink } from "../src/link.js";
import { connectionWords, deviceWords, errorWords, linkWords } from "../src/words.js";

const place = { hostname: "meet.example", port: 443 };

function connection(more: Partial<ConnectionInfo>): ConnectionInfo {
  const none = { tier: null, protocol: null, serverPort: null, rttMs: null, addedLatencyMs: null, since: null };
  return { state: "connected", ...none, ...more };
}

test("the path in words", () => {
  const direct = connection({ tier: "direct", protocol: "udp", serverPort: 23456, rttMs: 51.2, addedLatencyMs: 0 });
  assert.equal(connectionWords(direct), "Direct · UDP 23456 · 51 ms");
  const tls = connection({ tier: "turn-tls", protocol: "tls", serverPort: 443, addedLatencyMs: 12.4 });
  assert.equal(connectionWords(tls), "Relay over TLS 443 · +12 ms");
  const udp = connection({ tier: "turn-udp", protocol: "udp", serverPort: 3478, rttMs: 50 });
  assert.equal(connectionWords(udp), "Relay over UDP 3478 · 50 ms");
  assert.equal(connectionWords(connection({ state: "connecting" })), "Connecting…");
  assert.match(connectionWords(connection({ state: "interrupted" })), /looking for another way/);
});

test("a link has its token in the fragment and its room in the path", () => {
  const payload = Buffer.from(JSON.stringify({ name: "Zoë", room: "atelier" })).toString("base64url");
  const token = `e30.${payload}.sig`;
  assert.deepEqual(readLink("/meet/my%20room", `#token=${token}`), { room: "my room", token, name: "Zoë", error: "", root: "/" });
  assert.equal(readLink("/meet/", `#token=${token}`).room, "atelier");
  assert.deepEqual(readLink("/meet/%zz", "#token=rubbish"), { room: "%zz", token: "rubbish", name: "", error: "", root: "/" });
  assert.equal(readLink("/meet/x", "").token, "");
  assert.equal(readLink("/meet/x", "").root, "/");
  assert.deepEqual([readLink("/a/video/meet/x", "").root, readLink("/a/video/meet/x", "").room], ["/a/video/", "x"]);
  assert.deepEqual([readLink("/video/", "").root, readLink("/", "").root], ["/video/", "/"]);
  assert.equal(readLink("/meet/x", "#error=token-expired").error, "token-expired");
  assert.match(linkWords("token-expired").title, /expired/);
  assert.match(linkWords("<b>").title, /not complete/);
});

test("every way not to get in has words of its own", () => {
  const codes: ErrorCode[] = ["token-expired", "token-invalid", "room-full", "permission-denied", "unreachable"];
  const titles = codes.map((code) => errorWords(new RoomlineError(code, ""), place).title);
  assert.equal(new Set(titles).size, codes.length);
  assert.match(errorWords(new RoomlineError("internal", "look for 4711"), place).text[0] ?? "", /4711/);
});

test("when nothing gets through, the page says what to ask for", () => {
  const timedOut = { url: "turn:meet.example:3478?transport=udp", errorCode: 701, errorText: "" };
  const error = new RoomlineError("connection-failed", "", { iceErrors: [timedOut] });
  const { title, items } = errorWords(error, { ...place, port: 8443 });
  assert.equal(title, "Nothing gets through");
  for (const wanted of [/UDP.*10000–60000.*meet\.example/, /UDP.*3478/, /TCP.*8443/]) {
    assert.ok(items?.some((item) => wanted.test(item)), `${wanted}`);
  }
});

test("TURN over TLS that fails where the page itself gets through may be a matter of trust", () => {
  const failing = (url: string) => {
    const iceErrors = [{ url, errorCode: 701, errorText: "" }];
    const { title, text, items } = errorWords(new RoomlineError("connection-failed", "", { iceErrors }), place);
    assert.equal(title, "Nothing gets through");
    assert.equal(items?.length, 3);
    return text.some((each) => /certificate/.test(each));
  };
  assert.ok(failing("turns:meet.example:443?transport=tcp"));
  assert.ok(!failing("turns:meet.example?transport=tcp"));
  assert.ok(!failing("turn:meet.example:3478?transport=udp"));
});

test("refused, missing and busy devices are told apart", () => {
  const words = ["NotAllowedError", "NotFoundError", "NotReadableError", "InsecureContext", "Odd"].map((name) =>
    deviceWords(name, "camera"),
  );
  assert.equal(new Set(words).size, words.length);
  for (const each of words) assert.match(each, /camera/i);
});

test("tiles fill the grid", () => {
  assert.equal(columns(1, 1200, 800), 1);
  assert.equal(columns(2, 1200, 700), 2);
  assert.equal(columns(2, 390, 700), 1);
  assert.equal(columns(4, 1200, 800), 2);
  assert.equal(columns(9, 1200, 800), 3);
  assert.equal(columns(0, 0, 0), 1);
});
