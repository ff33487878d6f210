import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, signalingUrl } from "../src/connect.js";
import type { ConnectOptions } from "../src/connect.js";
import type { Room } from "../src/room.js";
import type { Waiting } from "../src/signaling.js";
import { FakeBrowser, FakeTrack, answer, joined, nowhere, person, settle, track } from "./fakes.js";
import type { FakeMediaStream } from "./fakes.js";

interface Call {
  browser: FakeBrowser;
  room: Room;
  told: string[];
}

const media = (kind: string) => new FakeTrack(kind) as unknown as MediaStreamTrack;

/** A call that has been joined, and what the room has told since. */
async function call(more: object = {}, options: ConnectOptions = {}): Promise<Call> {
  const browser = new FakeBrowser();
  const connecting = connect("wss://example/v1/signal", "jwt", { ...options, environment: browser.environment });
  await settle();
  browser.socket.onopen?.();
  await settle();
  browser.socket.receive(joined(browser.socket.frames[0].request, more));
  const room = await connecting;
  const told: string[] = [];
  room.on("participantJoined", ({ id }) => told.push(`joined ${id}`));
  room.on("participantLeft", ({ id }, reason) => told.push(`left ${id} ${reason}`));
  room.on("trackPublished", ({ id }) => told.push(`published ${id}`));
  room.on("trackUnpublished", ({ id }) => told.push(`unpublished ${id}`));
  room.on("trackSubscribed", (_, { id }) => told.push(`subscribed ${id}`));
  room.on("trackUnsubscribed", (_, { id }) => told.push(`unsubscribed ${id}`));
  room.on("trackMuted", ({ id, muted }) => told.push(`muted ${id} ${muted}`));
  room.on("trackPaused", ({ id }, __, reason) => told.push(`paused ${id} ${reason}`));
  room.on("stateChanged", (state) => told.push(state));
  room.on("data", (payload, { id }, topic) => told.push(`data ${payload} ${id} ${topic}`));
  room.on("error", ({ code }) => told.push(`error ${code}`));
  room.on("disconnected", (error) => told.push(`over ${error?.code}`));
  return { browser, room, told };
}

function bob(): object {
  return { participants: [person("PA_bob", [track("TR_v", "PA_bob"), track("TR_a", "PA_bob", "audio")])] };
}

test("the first frame carries token and offer, and the answer is applied in the right order", async () => {
  const browser = new FakeBrowser();
  const tracks = [
    { track: media("audio"), source: "microphone" as const },
    { track: media("video"), source: "camera" as const, name: "desk", muted: true },
  ];
  const connecting = connect("https://example:8443", "jwt", { tracks, environment: browser.environment });
  await settle();
  assert.equal(browser.socket.url, "wss://example:8443/v1/signal");
  assert.equal(browser.socket.frames.length, 0, "nothing is sent before the socket is open");
  assert.deepEqual(browser.pc.calls, ["createOffer"], "the offer is ready by then");

  browser.socket.onopen?.();
  await settle();
  assert.equal(browser.socket.frames.length, 1);
  const join = browser.socket.frames[0];
  assert.equal(join.type, "join");
  assert.equal(join.version, 1);
  assert.equal(join.token, "jwt");
  assert.equal(join.subscribe, "auto");
  assert.deepEqual(join.tracks, [
    { mid: "0", source: "microphone" },
    { mid: "1", source: "camera", name: "desk", muted: true },
  ]);
  assert.equal(join.offer.match(/a=sendonly/g).length, 2);
  assert.equal(join.offer.match(/a=recvonly/g).length, 6);
  assert.deepEqual(browser.pc.channels, ["roomline"]);

  const published = [
    { mid: "0", track: track("TR_m", "PA_me", "audio") },
    { mid: "1", track: track("TR_c", "PA_me") },
  ];
  browser.socket.receive(joined(join.request, { tracks: published }));
  const room = await connecting;
  assert.deepEqual(browser.pc.calls.slice(1), [
    "setConfiguration",
    "setLocalDescription(offer)",
    "setRemoteDescription(answer)",
  ]);
  assert.equal(browser.pc.config.bundlePolicy, "max-bundle");
  assert.equal(browser.pc.config.iceServers?.[0]?.username, "u");
  assert.equal(room.name, "atelier");
  assert.deepEqual([...room.localParticipant.publications.keys()], ["TR_m", "TR_c"]);
  assert.equal(room.localParticipant.publication("camera")?.track, tracks[1]?.track);
  assert.equal(browser.pc.transceivers[1]?.sender.track, null, "a muted track sends nothing");
});

test("a refused join is a typed error, and everything is closed", async () => {
  const browser = new FakeBrowser();
  const connecting = connect("wss://example", "old", { environment: browser.environment });
  await settle();
  browser.socket.onopen?.();
  await settle();
  const { request } = browser.socket.frames[0];
  browser.socket.receive({ type: "error", request, code: "token-expired", message: "exp is past", fatal: true });
  await assert.rejects(connecting, { name: "RoomlineError", code: "token-expired", message: "exp is past", fatal: true });
  assert.ok(browser.socket.closed);
  assert.equal(browser.pc.signalingState, "closed");
});

test("a socket that never opens is `unreachable`, a server that says nothing a `timeout`", async () => {
  for (const [act, code] of [
    [(b: FakeBrowser) => b.socket.drop(), "unreachable"],
    [() => undefined, "unreachable"],
    [(b: FakeBrowser) => b.socket.onopen?.(), "timeout"],
  ] as const) {
    const browser = new FakeBrowser();
    const refused = assert.rejects(connect("wss://x", "t", { environment: browser.environment }), { code });
    await settle();
    act(browser);
    await browser.pass(15_000);
    await refused;
  }
});

test("the join can be cancelled, and a wrong URL is said at once", async () => {
  const browser = new FakeBrowser();
  const abort = new AbortController();
  const connecting = connect("wss://x", "t", { environment: browser.environment, signal: abort.signal });
  await settle();
  abort.abort();
  await assert.rejects(connecting, { code: "aborted" });
  assert.ok(browser.socket.closed);
  assert.throws(() => signalingUrl("ftp://x"), { code: "invalid-argument" });
  assert.throws(() => signalingUrl("nonsense"), { code: "invalid-argument" });
  assert.equal(signalingUrl("ws://x:1/other"), "ws://x:1/other");
  assert.equal(signalingUrl("https://x/video/"), "wss://x/video/v1/signal");
});

test("events that come with the join wait for listeners, and each is told once", async () => {
  const { browser, room, told } = await call(bob());
  browser.socket.receive({ type: "bound", seq: 11, track: "TR_v", transport: "TP_1", mid: "3" });
  browser.socket.receive({ type: "bound", seq: 11, track: "TR_v", transport: "TP_1", mid: "3" });
  assert.deepEqual(told, []);
  await browser.pass();
  assert.deepEqual(told, ["subscribed TR_v"]);
  const publication = room.participants.get("PA_bob")?.publications.get("TR_v");
  assert.equal(publication?.track, browser.pc.transceivers[3]?.receiver.track);
});

test("slots are bound, freed, taken over and forgotten with their participant", async () => {
  const { browser, told } = await call(bob());
  await browser.pass();
  let seq = 10;
  const event = (body: object) => browser.socket.receive({ seq: ++seq, ...body });
  event({ type: "bound", track: "TR_v", transport: "TP_1", mid: "3" });
  event({ type: "bound", track: "TR_v", transport: "TP_1", mid: "3" });
  event({ type: "bound", track: "TR_v", transport: "TP_other", mid: "4" });
  event({ type: "bound", track: "TR_v", transport: "TP_1", mid: "77" });
  event({ type: "bound", track: "TR_a", transport: "TP_1", mid: "0" });
  event({ type: "unbound", track: "TR_v", transport: "TP_1", mid: "4" });
  event({ type: "unbound", track: "TR_v", transport: "TP_1", mid: "3" });
  event({ type: "bound", track: "TR_v", transport: "TP_1", mid: "4" });
  event({ type: "participantLeft", participant: "PA_bob", reason: "left" });
  event({ type: "participantJoined", participant: person("PA_eve", [track("TR_e", "PA_eve")]) });
  event({ type: "bound", track: "TR_e", transport: "TP_1", mid: "4" });
  event({ type: "trackUnpublished", track: "TR_e", participant: "PA_eve" });
  assert.deepEqual(told, [
    "subscribed TR_v",
    "subscribed TR_a",
    "unsubscribed TR_v",
    "subscribed TR_v",
    "unsubscribed TR_v",
    "unsubscribed TR_a",
    "left PA_bob left",
    "joined PA_eve",
    "subscribed TR_e",
    "unsubscribed TR_e",
    "unpublished TR_e",
  ]);
});

test("a publication has one stream for ever, and elements play it", async () => {
  const { browser, room } = await call(bob());
  await browser.pass();
  const publication = room.participants.get("PA_bob")!.publications.get("TR_v")!;
  const element = { srcObject: null } as unknown as HTMLVideoElement;
  publication.attach(element);
  const stream = publication.mediaStream;
  assert.equal(element.srcObject, stream);
  const { tracks } = stream as unknown as FakeMediaStream;
  assert.deepEqual(tracks, []);
  browser.socket.receive({ type: "bound", seq: 11, track: "TR_v", transport: "TP_1", mid: "3" });
  assert.deepEqual(tracks, [publication.track]);
  browser.socket.receive({ type: "unbound", seq: 12, track: "TR_v", transport: "TP_1", mid: "3" });
  assert.deepEqual(tracks, []);
  assert.equal(publication.mediaStream, stream);
  publication.detach({ srcObject: {} } as HTMLVideoElement);
  publication.detach(element);
  assert.equal(element.srcObject, null);
});

test("needSlots adds receive-only sections with one offer", async () => {
  const { browser, told } = await call();
  await browser.pass();
  browser.socket.receive({ type: "needSlots", seq: 11, transport: "TP_1", audio: 1, video: 2 });
  await settle();
  const [offer] = browser.socket.sent("offer");
  assert.equal(offer.transport, "TP_1");
  assert.deepEqual(offer.tracks, []);
  assert.equal(offer.offer.match(/a=recvonly/g).length, 9);
  browser.socket.receive(answer(offer.request));
  await settle();
  assert.equal(browser.pc.signalingState, "stable");
  assert.deepEqual(told, []);
});

test("negotiations go one after the other; a refused one is rolled back and does not stop the next", async () => {
  const { browser, room } = await call();
  await browser.pass();
  const first = room.localParticipant.publish(media("video"));
  const second = room.localParticipant.publish(media("video"), { source: "screen", name: "slides" });
  await settle();
  assert.equal(browser.socket.sent("offer").length, 1);
  const { request, tracks } = browser.socket.sent("offer")[0];
  assert.deepEqual(tracks, [{ mid: "6", source: "camera" }]);
  browser.socket.receive({ type: "error", request, code: "publishers-full", message: "no", fatal: false });
  await assert.rejects(first, { code: "publishers-full" });
  await settle();
  assert.ok(browser.pc.calls.includes("setLocalDescription(rollback)"));
  const again = browser.socket.sent("offer")[1];
  assert.deepEqual(again.tracks, [{ mid: "6", source: "screen", name: "slides" }], "the section is used again");
  const assigned = [{ mid: "6", track: { ...track("TR_s", "PA_me"), source: "screen" } }];
  browser.socket.receive(answer(again.request, { tracks: assigned }));
  assert.equal((await second).id, "TR_s");
});

test("unpublish, mute and replaceTrack reach the sender and the server", async () => {
  const mine = [{ mid: "0", track: track("TR_c", "PA_me") }];
  const camera = media("video");
  const { browser, room } = await call({ tracks: mine }, { tracks: [{ track: camera, source: "camera" }] });
  await browser.pass();
  const sender = browser.pc.transceivers[0]!.sender;
  const muting = room.localParticipant.mute(camera, true);
  await settle();
  assert.equal(sender.track, null);
  const [mute] = browser.socket.sent("mute");
  assert.deepEqual([mute.track, mute.muted], ["TR_c", true]);
  browser.socket.receive({ type: "ok", request: mute.request });
  await muting;
  const other = media("video");
  const publication = room.localParticipant.publication("camera")!;
  await publication.replaceTrack(other);
  assert.equal(sender.track, null, "still muted");
  void publication.mute(false);
  await settle();
  assert.equal(sender.track, other);
  void room.localParticipant.unpublish(other);
  await settle();
  assert.equal(browser.socket.sent("unpublish")[0].track, "TR_c");
  assert.equal(browser.pc.transceivers[0]?.direction, "inactive");
  await assert.rejects(room.localParticipant.mute(other, true), { code: "not-found" });
});

test("tracks, connections, pauses and data of others are told", async () => {
  const { browser, room, told } = await call(bob());
  await browser.pass();
  const direct = { ...nowhere, state: "connected", tier: "direct", protocol: "udp", serverPort: 23456, rttMs: 51 };
  browser.socket.receive({ type: "connection", seq: 11, participant: "PA_bob", connection: direct });
  assert.deepEqual(room.participants.get("PA_bob")?.connection, direct);
  const change = { from: "direct", to: "turn-udp", why: "path-lost", gapMs: 812, at: 7 };
  room.once("connectionChanged", ({ id }, { tier }, moved) => told.push(`${id} ${tier} ${moved?.from} ${moved?.gapMs}`));
  browser.socket.receive({ type: "connection", seq: 12, participant: "PA_me", connection: direct, change });
  assert.equal(room.localParticipant.connection.tier, "direct");
  browser.socket.receive({ type: "trackMuted", seq: 13, track: "TR_v", muted: true });
  browser.socket.receive({ type: "subscriptionPaused", seq: 14, track: "TR_v", paused: true, reason: "bitrate" });
  browser.socket.receive({ type: "subscriptionPaused", seq: 15, track: "TR_v", paused: false, reason: "bitrate" });
  browser.socket.receive({ type: "data", seq: 16, from: "PA_bob", payload: "hi", topic: "chat" });
  browser.socket.receive({ type: "trackPublished", seq: 17, track: track("TR_2", "PA_bob") });
  assert.deepEqual(told, [
    "PA_me direct direct 812",
    "muted TR_v true",
    "paused TR_v bitrate",
    "paused TR_v undefined",
    "data hi PA_bob chat",
    "published TR_2",
  ]);
});

test("data messages have a limit and name their receivers", async () => {
  const { browser, room } = await call(bob());
  await assert.rejects(room.sendData("é".repeat(7_501)), { code: "invalid-argument" });
  void room.sendData("psst", { topic: "t", to: [room.participants.get("PA_bob")!, "PA_x"] });
  const [data] = browser.socket.sent("data");
  assert.deepEqual([data.payload, data.topic, data.to], ["psst", "t", ["PA_bob", "PA_x"]]);
});

test("data channels: reserved labels, exclusive options, and one that comes before its sender", async () => {
  const { browser, room } = await call();
  assert.throws(() => room.localParticipant.openDataChannel("roomline-x"), { code: "invalid-argument" });
  const both = { maxRetransmits: 1, maxPacketLifeTime: 1 };
  assert.throws(() => room.localParticipant.openDataChannel("x", both), { code: "invalid-argument" });
  room.localParticipant.openDataChannel("chat", { ordered: false, maxRetransmits: 0 });
  assert.deepEqual(browser.pc.channels, ["roomline", "chat"]);

  const got: string[] = [];
  room.on("dataChannel", (channel, { id }, label) => {
    got.push(`${id} ${label}`);
    channel.addEventListener("message", ({ data }) => got.push(data));
  });
  await browser.pass();
  const channel = Object.assign(new EventTarget(), { label: "PA_bob/a/b", readyState: "open" });
  browser.pc.dispatchEvent(Object.assign(new Event("datachannel"), { channel }));
  channel.dispatchEvent(new MessageEvent("message", { data: "early" }));
  assert.deepEqual(got, []);
  browser.socket.receive({ type: "participantJoined", seq: 11, participant: person("PA_bob") });
  channel.dispatchEvent(new MessageEvent("message", { data: "late" }));
  assert.deepEqual(got, ["PA_bob a/b", "early", "late"]);
});

test("a lost path restarts ICE, and again while it does not come back", async () => {
  const { browser } = await call();
  await browser.pass();
  const [pc] = browser.connections;
  const offers = () => browser.socket.sent("offer").filter(({ transport }) => transport === "TP_1");
  const pong = () => browser.socket.receive({ type: "pong", request: 1, sent: 0 });
  pc!.becomes("connected");
  pc!.becomes("disconnected");
  await settle();
  assert.equal(offers().length, 1);
  assert.ok(pc!.calls.includes("createOffer(restart)"));
  const reply = (n: number) => browser.socket.receive(answer(offers()[n].request));
  reply(0);
  for (let n = 0; n < 10; n++, pong()) await browser.pass(500);
  assert.equal(offers().length, 1);
  await browser.pass(1_000);
  assert.equal(offers().length, 2);
  pong();
  reply(1);
  await settle();
  pc!.becomes("connected");
  for (let seconds = 0; seconds < 10; seconds++, pong()) await browser.pass(1_000);
  assert.equal(offers().length, 2);
});

test("when the network comes back, the session resumes first and then ICE restarts", async () => {
  const { browser, told } = await call();
  await browser.pass();
  browser.pc.becomes("connected");
  browser.network("online");
  await browser.pass();
  assert.equal(browser.sockets.length, 2);
  browser.socket.onopen?.();
  const [resume] = browser.socket.sent("resume");
  assert.ok(!browser.pc.calls.includes("createOffer(restart)"), "nothing is gathered before the server is back");
  const servers = { iceServers: [], iceServersExpireAt: 0 };
  browser.socket.receive({ type: "resumed", request: resume.request, ...servers, resumeToken: "token 2", seq: 10 });
  await settle();
  assert.ok(browser.pc.calls.includes("createOffer(restart)"));
  assert.equal(browser.socket.sent("offer").length, 1);
  assert.deepEqual(told, ["reconnecting", "connected"]);
});

test("an ICE restart gathers with the TURN credentials of its answer; other offers leave them alone", async () => {
  const { browser } = await call();
  await browser.pass();
  browser.socket.receive({ type: "needSlots", seq: 11, transport: "TP_1", audio: 1, video: 0 });
  await settle();
  browser.socket.receive(answer(browser.socket.sent("offer")[0].request));
  await settle();
  const [pc] = browser.connections;
  pc!.calls.length = 0;
  pc!.becomes("failed");
  await settle();
  assert.deepEqual(pc!.calls, ["createOffer(restart)"], "nothing is gathered before the answer");
  assert.equal(pc!.config.iceServers?.[0]?.username, "u");
  const restart = browser.socket.sent("offer").filter(({ transport }) => transport === "TP_1")[1];
  browser.socket.receive(answer(restart.request));
  await settle();
  assert.deepEqual(pc!.calls.slice(1), [
    "setConfiguration",
    "setLocalDescription(offer)",
    "setRemoteDescription(answer)",
  ]);
  assert.equal(pc!.config.iceServers?.[0]?.username, "fresh");
});

test("a name for links that have none goes with the join", async () => {
  const { browser } = await call({}, { name: "Ada" });
  assert.equal(browser.socket.frames[0].name, "Ada");
  const { browser: other } = await call({}, { name: "" });
  assert.ok(!("name" in other.socket.frames[0]));
});

test("media that never connects says what the browser said of the servers", async () => {
  const { browser, room } = await call();
  await browser.pass();
  let ended: unknown;
  room.on("disconnected", (error) => {
    ended = error?.iceErrors;
  });
  const failure = { url: "turns:turn.example:443", errorCode: 701, errorText: "TURN allocate request timed out." };
  browser.pc.dispatchEvent(Object.assign(new Event("icecandidateerror"), failure));
  browser.socket.receive({ type: "closed", seq: 11, code: "connection-failed", message: "30 s" });
  assert.deepEqual(ended, [failure]);
  assert.equal(room.state, "disconnected");
  assert.equal(browser.pc.signalingState, "closed");
  await assert.rejects(room.sendData("x"), { code: "disconnected" });
});

test("leaving tells the server and ends without an error; closing the page does so at once", async () => {
  const { browser, room, told } = await call();
  await browser.pass();
  const leaving = room.disconnect();
  const [leave] = browser.socket.sent("leave");
  browser.socket.receive({ type: "ok", request: leave.request });
  await leaving;
  assert.ok(browser.socket.closed);
  assert.deepEqual(told, ["disconnected", "over undefined"]);

  const other = await call();
  await other.browser.pass();
  other.browser.network("leaving");
  assert.equal(other.browser.socket.sent("leave").length, 1);
  assert.equal(other.room.state, "disconnected");
});

test("a listener that throws does not disturb the others", async (context) => {
  const { browser, room, told } = await call();
  await browser.pass();
  const thrown: unknown[] = [];
  const keep = (error: unknown) => void thrown.push(error);
  globalThis.reportError ??= keep;
  context.mock.method(globalThis, "reportError", keep);
  room.on("draining", () => {
    throw new Error("mine");
  });
  room.on("draining", (deadline) => told.push(`draining ${deadline}`));
  browser.socket.receive({ type: "draining", seq: 11, deadline: 5 });
  await settle();
  assert.deepEqual(told, ["draining 5"]);
  assert.equal((thrown[0] as Error).message, "mine");
});

const waiting = { type: "waiting", request: 1, message: "The host will let you in.", timeoutMs: 60_000 };
const heartbeat = { intervalMs: 5_000, timeoutMs: 15_000 };

/** A join that waits for the application. */
async function waitingRoom() {
  const browser = new FakeBrowser();
  const told: string[] = [];
  const onWaiting = ({ message, timeoutMs }: Waiting) => told.push(`${message} ${timeoutMs}`);
  const connecting = connect("https://example", "jwt", { environment: browser.environment, onWaiting });
  await settle();
  browser.socket.onopen?.();
  await settle();
  browser.socket.receive({ ...waiting, heartbeat });
  return { browser, told, connecting };
}

test("a waiting room: the join goes on for as long as the application needs, with pings", async () => {
  const { browser, told, connecting } = await waitingRoom();
  for (let passed = 0; passed < 50_000; passed += 5_000) {
    await browser.pass(5_000);
    const ping = browser.socket.sent("ping").at(-1);
    browser.socket.receive({ type: "pong", request: ping.request, sent: ping.sent });
  }
  assert.equal(browser.socket.sent("ping").length, 10);
  browser.socket.receive({ ...waiting, message: "Soon.", heartbeat });
  assert.deepEqual(told, ["The host will let you in. 60000", "Soon. 60000"]);
  browser.socket.receive(joined(1));
  assert.equal((await connecting).state, "connected");
});

test("a waiting room: a refusal, a server that falls silent, and one that never answers", async () => {
  const refused = await waitingRoom();
  refused.browser.socket.receive({ type: "error", request: 1, code: "refused", message: "no", fatal: true });
  await assert.rejects(refused.connecting, { code: "refused", message: "no" });

  const silent = await waitingRoom();
  void silent.browser.pass(25_000);
  await assert.rejects(silent.connecting, { code: "connection-lost" });

  const late = await waitingRoom();
  late.browser.socket.server = ({ type, request, sent }) => {
    if (type === "ping") late.browser.socket.receive({ type: "pong", request, sent });
  };
  void late.browser.pass(80_000);
  await assert.rejects(late.connecting, { code: "timeout" });
});
