import assert from "node:assert/strict";
import { test } from "node:test";
import { RoomlineError } from "roomline";
import type { ConnectionInfo, ErrorCode } from "roomline";
import { inviteUrl, readLink } from "../src/link.js";
import {
  connectionWords,
  costWords,
  deviceWords,
  errorWords,
  linkWords,
  mediaPort,
  shortConnectionWords,
  turnPort,
} from "../src/words.js";

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

test("on a small tile the path is told shorter", () => {
  const direct = connection({ tier: "direct", protocol: "udp", serverPort: 23456, rttMs: 51.2 });
  assert.equal(shortConnectionWords(direct), "Direct · 51 ms");
  const tls = connection({ tier: "turn-tls", protocol: "tls", serverPort: 443, rttMs: 63 });
  assert.equal(shortConnectionWords(tls), "TLS 443 · 63 ms");
  assert.equal(shortConnectionWords(connection({ state: "interrupted" })), "Interrupted");
});

test("what a way costs is a sentence", () => {
  const tls = connection({ tier: "turn-tls", protocol: "tls", serverPort: 443, addedLatencyMs: 12.4 });
  assert.match(costWords(tls), /takes 12 ms longer.*repeated/);
  const udp = connection({ tier: "turn-udp", protocol: "udp", serverPort: 3478 });
  assert.match(costWords(udp), /relay.*a little longer/);
  assert.match(costWords(connection({ tier: "direct" })), /shortest/);
  assert.equal(costWords(connection({ state: "interrupted", tier: "direct" })), "");
});

test("a link has its token in the fragment and its room in the path", () => {
  const payload = Buffer.from(JSON.stringify({ name: "Zoë", room: "atelier" })).toString("base64url");
  const token = `e30.${payload}.sig`;
  assert.deepEqual(readLink("/meet/my%20room", `#token=${token}`), { room: "my room", token, name: "Zoë", error: "", invite: "", root: "/" });
  assert.equal(readLink("/meet/", `#token=${token}`).room, "atelier");
  assert.deepEqual(readLink("/meet/%zz", "#token=rubbish"), { room: "%zz", token: "rubbish", name: "", error: "", invite: "", root: "/" });
  assert.equal(readLink("/meet/x", "").token, "");
  assert.equal(readLink("/meet/x", "").root, "/");
  assert.deepEqual([readLink("/a/video/meet/x", "").root, readLink("/a/video/meet/x", "").room], ["/a/video/", "x"]);
  assert.deepEqual([readLink("/video/", "").root, readLink("/", "").root], ["/video/", "/"]);
  assert.deepEqual([readLink("/meet/", "").root, readLink("/video/meet/", "").root], ["/", "/video/"]);
  const invited = readLink("/meet/my%20room", "#token=t&invite=a.b");
  assert.equal(inviteUrl("https://meet.example/", invited), "https://meet.example/meet/my%20room?invite=a.b");
  assert.equal(inviteUrl("https://meet.example/", readLink("/meet/x", "#token=t")), "");
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
  const known = errorWords(error, { ...place, turnPort: 13478, mediaPort: 23456 }).items ?? [];
  assert.match(known[0] ?? "", /yours was 23456/);
  assert.match(known[1] ?? "", /13478/);
});

test("the server's ports are read from what it says", () => {
  const urls = ["turns:meet.example:443?transport=tcp", "turn:meet.example:13478?transport=tcp"];
  assert.equal(turnPort(urls), undefined);
  assert.equal(turnPort([...urls, "turn:meet.example:13478?transport=udp"]), 13478);
  assert.equal(turnPort(["turn:[2001:db8::1]"]), 3478);
  assert.equal(mediaPort("v=0\r\na=candidate:1 1 udp 2130706431 203.0.113.10 23456 typ host\r\n"), 23456);
  assert.equal(mediaPort("v=0\r\n"), undefined);
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
    deviceWords(name, "theCamera"),
  );
  assert.equal(new Set(words).size, words.length);
  for (const each of words) assert.match(each, /camera/i);
});
