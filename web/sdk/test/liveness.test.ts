import assert from "node:assert/strict";
import { test } from "node:test";
import { pathFigures } from "../src/connection-quality.js";
import { silent } from "../src/environment.js";
import { Liveness } from "../src/liveness.js";
import { Transport } from "../src/transport.js";
import { FakeBrowser } from "./fakes.js";
import type { FakePeerConnection } from "./fakes.js";

interface Watched {
  browser: FakeBrowser;
  pc: FakePeerConnection;
  liveness: Liveness;
  told: string[];
  /** What the browser counts from now on. */
  counts(pair: string, bytes: number, responses?: number): void;
}

async function watched(): Promise<Watched> {
  const browser = new FakeBrowser();
  const transport = new Transport(browser.environment, {}, silent);
  await transport.prepare([], { audio: 0, video: 0 });
  const told: string[] = [];
  const liveness = new Liveness(transport, browser.environment, silent, {
    dead: (why) => told.push(`dead: ${why}`),
    alive: (silentMs) => told.push(`alive after ${silentMs}`),
  });
  const { pc } = browser;
  const counts = (pair: string, bytes: number, responses?: number) => {
    const counted = responses === undefined ? {} : { responsesReceived: responses };
    pc.stats = new Map<string, object>([
      ["T", { id: "T", type: "transport", selectedCandidatePairId: pair }],
      [pair, { id: pair, type: "candidate-pair", bytesReceived: bytes, ...counted }],
    ]);
  };
  counts("P1", 100, 1);
  pc.beat();
  return { browser, pc, liveness, told, counts };
}

/** Beats for so long. */
async function beats({ browser, pc }: Watched, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 200) {
    pc.beat();
    await browser.pass(200);
  }
}

test("every beat is sent back, and beats keep a path alive", async () => {
  const it = await watched();
  await beats(it, 5_000);
  const [channel] = it.pc.dataChannels;
  assert.deepEqual([channel!.label, channel!.options.maxRetransmits, channel!.options.ordered], ["roomline", 0, false]);
  assert.equal(channel!.sent.length, 26);
  assert.deepEqual(new Uint8Array(channel!.sent[0] as ArrayBuffer), new Uint8Array([1, 2, 3, 4]));
  assert.deepEqual(it.told, []);
});

test("no beat for 600 ms and nothing counted: dead, within 100 ms more", async () => {
  const it = await watched();
  await beats(it, 1_000);
  const last = it.browser.now - 200;
  while (it.told.length === 0) await it.browser.pass(10);
  assert.ok(it.browser.now - last >= 600 && it.browser.now - last <= 700, `${it.browser.now - last}`);
});

test("no beats, but the browser counts bytes: the data channel stalls, the path lives", async () => {
  const it = await watched();
  for (let bytes = 200; bytes < 5_000; bytes += 100) {
    it.counts("P1", bytes, 1);
    await it.browser.pass(100);
  }
  assert.deepEqual(it.told, []);
});

test("before the first beat only ICE tells", async () => {
  const browser = new FakeBrowser();
  const transport = new Transport(browser.environment, {}, silent);
  const told: string[] = [];
  new Liveness(transport, browser.environment, silent, { dead: () => told.push("dead"), alive: () => told.push("alive") });
  browser.pc.becomes("connected");
  await browser.pass(5_000);
  assert.deepEqual(told, []);
  browser.pc.becomes("disconnected");
  browser.pc.becomes("connected");
  assert.deepEqual(told, ["dead", "alive"]);
});

test("the server hears nothing: dead, although beats come; alive when a check is answered", async () => {
  const it = await watched();
  it.liveness.told(true);
  await beats(it, 1_000);
  assert.deepEqual(it.told, ["dead: the server hears nothing"]);
  it.liveness.told(false);
  it.counts("P1", 900, 1);
  await beats(it, 2_000);
  assert.equal(it.told.length, 1, "checks of a restart are heard, the pair in use is still dead");
  it.counts("P1", 950, 2);
  await beats(it, 400);
  assert.equal(it.told.length, 2);
});

test("another pair with something on it is a path that is back, if the server hears us", async () => {
  const it = await watched();
  it.liveness.told(true);
  await beats(it, 600);
  it.counts("P2", 0, 1);
  await it.browser.pass(1_000);
  assert.equal(it.told.length, 1, "nothing has come on it yet");
  it.counts("P2", 60, 1);
  await it.browser.pass(1_000);
  assert.equal(it.told.length, 1, "it may be checked only");
  it.liveness.told(false);
  await it.browser.pass(200);
  assert.match(it.told[1] ?? "", /^alive/);
});

test("where responses are not counted, steady beats tell that the old pair is back", async () => {
  const it = await watched();
  it.counts("P1", 100);
  await it.browser.pass(900);
  assert.equal(it.told.length, 1);
  await beats(it, 800);
  assert.equal(it.told.length, 1);
  await beats(it, 600);
  assert.equal(it.told.length, 2);
});

test("a silence that is taken back at once was replayed", async () => {
  const it = await watched();
  it.liveness.told(true);
  it.liveness.told(false);
  await beats(it, 1_000);
  assert.deepEqual(it.told, []);
});

test("a page that slept is not a dead path", async () => {
  const it = await watched();
  // One late look, then the beats that waited meanwhile.
  it.browser.sleep(30_000);
  await it.browser.pass(0);
  await beats(it, 1_000);
  assert.deepEqual(it.told, []);
});

test("closing ends the looking and the listening", async () => {
  const it = await watched();
  it.liveness.told(true);
  const { listeners } = it.pc;
  it.liveness.close();
  assert.equal(it.browser.timers, 0);
  assert.equal(it.pc.listeners, listeners - 1);
  it.pc.beat();
  await it.browser.pass(5_000);
  assert.equal(it.browser.timers, 0);
  assert.deepEqual(it.told, []);
});

test("figures of Firefox, which marks the pair, and of a browser that says nothing", () => {
  const stats = new Map<string, object>([
    ["P", { id: "P", type: "candidate-pair", selected: true, bytesReceived: 7 }],
    ["I", { id: "I", type: "inbound-rtp", packetsReceived: 3 }],
    ["J", { id: "J", type: "inbound-rtp" }],
  ]) as unknown as RTCStatsReport;
  assert.deepEqual(pathFigures(stats), { pair: "P", responses: undefined, bytes: 7, packets: 3 });
  const nothing = { pair: undefined, responses: undefined, bytes: 0, packets: 0 };
  assert.deepEqual(pathFigures(new Map() as unknown as RTCStatsReport), nothing);
});
