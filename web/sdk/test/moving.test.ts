import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectOptions } from "../src/connect.js";
import type { Room } from "../src/room.js";
import type { FakeMediaStream } from "./fakes.js";
import { World, media } from "./world.js";

const PUBLISHED = {
  tracks: [
    { track: media("audio"), source: "microphone" as const },
    { track: media("video"), source: "camera" as const, maxBitrate: 900_000 },
  ],
};

interface Call {
  world: World;
  room: Room;
  told: string[];
}

async function call(options: ConnectOptions = PUBLISHED): Promise<Call> {
  const world = new World();
  world.remote = ["TR_audio", "TR_video"];
  const room = await world.join(options);
  const told: string[] = [];
  room.on("trackSubscribed", (_, { id }) => told.push(`subscribed ${id}`));
  room.on("trackUnsubscribed", (_, { id }) => told.push(`unsubscribed ${id}`));
  room.on("trackReplaced", (_, { id }) => told.push(`replaced ${id}`));
  room.on("connectionChanged", ({ id }, { tier }) => id === "PA_me" && told.push(`${tier}`));
  room.on("stateChanged", (state) => told.push(state));
  room.on("error", ({ code }) => told.push(`error ${code}`));
  return { world, room, told };
}

/** Whether what the room plays of the others flows, and all of ours is sent where it flows. */
function carries({ world, room }: Call): boolean {
  const bob = room.participants.get("PA_bob")!;
  const playing = [...bob.publications.values()].every((each) => {
    const line = world.lines.find(({ pc, slots }) =>
      slots.some(({ mid }) => pc.transceivers[Number(mid)]!.receiver.track === (each.track as unknown)),
    );
    const { tracks } = each.mediaStream as unknown as FakeMediaStream;
    return tracks.length === 1 && tracks[0] === each.track && world.flows(line);
  });
  const sending = [...world.published.values()].every((transport) => world.flows(world.line(transport)));
  return playing && sending;
}

/** Whether nothing is left of the moves. */
function assertAtRest({ world, room }: Call, timers: number): void {
  assert.deepEqual(world.faults, []);
  assert.equal(world.lines.length, 1);
  assert.equal(world.browser.open.length, 1);
  assert.equal(room.peerConnection, world.main.pc as unknown);
  assert.ok(world.browser.timers <= timers, `${world.browser.timers} timers, not ${timers}`);
}

test("a blocked path: a bridge carries, main comes back, the bridge goes", async () => {
  const it = await call();
  const { world, told } = it;
  const timers = world.browser.timers + 1;
  world.open.delete("direct");
  const gap = await world.until(() => carries(it));
  assert.ok(gap <= 1_500, `${gap} ms`);
  assert.equal(world.lines.length, 2);
  assert.deepEqual(world.lines.map(({ pc }) => pc.unbound), [false, true]);
  assert.ok(world.browser.pc.transceivers[1]!.sender.track, "the camera is sent there");
  assert.deepEqual(told.slice(0, 2).sort(), ["replaced TR_audio", "replaced TR_video"]);
  await world.until(() => world.lines.length === 1);
  await world.pass(50);
  assert.ok(carries(it));
  assert.deepEqual(told, [...told.slice(0, 2), ...told.slice(0, 2), "turn-udp"]);
  await world.pass(500);
  assertAtRest(it, timers);
});

test("a bridge that stalls before main is trusted takes no track with it", async () => {
  const it = await call();
  const { world } = it;
  const timers = world.browser.timers + 1;
  world.open.delete("direct");
  await world.until(() => world.lines.length === 2 && world.flows(world.main));
  await world.pass(1_200);
  world.stalled.add(world.lines[1]!);
  await world.until(() => world.lines.length === 1);
  await world.pass(2_000);
  assert.equal(world.published.size, 2);
  assert.ok(carries(it));
  assertAtRest(it, timers);
});

test("blocked again and again while it moves: direct, turn-udp, turn-tls", async () => {
  for (const pause of [300, 900, 1_300, 1_900, 2_700, 3_100, 4_500]) {
    const it = await call();
    const { world } = it;
    const timers = world.browser.timers + 1;
    world.open.delete("direct");
    await world.pass(pause);
    world.open.delete("turn-udp");
    const gap = await world.until(() => carries(it), 5_000);
    assert.ok(gap <= 2_000, `${gap} ms after ${pause} ms`);
    await world.until(() => world.lines.length === 1 && world.flows(world.main));
    await world.pass(3_000);
    assert.ok(carries(it));
    assertAtRest(it, timers);
  }
});

test("a hiccup closes the bridge before it has carried anything", async () => {
  const it = await call();
  const { world, told } = it;
  world.open.clear();
  await world.until(() => world.browser.connections.length === 2);
  world.open.add("direct");
  await world.pass(1_000);
  assert.deepEqual(told, []);
  assertAtRest(it, world.browser.timers);
});

test("main does not come back: the bridge becomes main, and the channels of the old one close", async () => {
  const it = await call();
  const { world, room } = it;
  const channel = room.localParticipant.openDataChannel("chat");
  const again: RTCDataChannel[] = [];
  channel.addEventListener("close", () => again.push(room.localParticipant.openDataChannel("chat")));
  world.restartMs = 1e9;
  world.open.delete("direct");
  await world.until(() => channel.readyState === "closed");
  await world.pass(50);
  assert.ok(carries(it));
  assert.equal(world.lines.length, 1);
  assert.deepEqual(again.map(({ readyState }) => readyState), ["open"]);
  world.restartMs = 2_000;
  await world.pass(2_000);
  world.open.delete("turn-udp");
  assert.ok((await world.until(() => carries(it))) <= 1_500);
  await world.until(() => world.lines.length === 1);
  await world.pass(1_000);
  assertAtRest(it, 9);
});

test("publishing, muting, replacing and unpublishing while a bridge carries", async () => {
  const it = await call();
  const { world, room } = it;
  world.open.delete("direct");
  await world.until(() => carries(it));
  const screen = await arrives(world, room.localParticipant.publish(media("video"), { source: "screen" }));
  await world.until(() => carries(it));
  const bridge = world.lines[1]!;
  assert.equal(world.published.get(screen.id), bridge.id);
  const microphone = room.localParticipant.publication("microphone")!;
  await arrives(world, microphone.mute(true));
  const other = media("video");
  await room.localParticipant.publication("camera")!.replaceTrack(other);
  for (const { pc } of world.lines) {
    assert.equal(pc.transceivers[0]!.sender.track, null);
    assert.equal(pc.transceivers[1]!.sender.track, other as unknown);
  }
  await arrives(world, screen.unpublish());
  assert.equal(bridge.pc.transceivers.filter(({ direction }) => direction === "sendonly").length, 2);
  await world.until(() => world.lines.length === 1);
  await world.pass(100);
  assert.ok(carries(it));
  assertAtRest(it, 9);
});

test("somebody publishes while a bridge carries: slots are added to both transports", async () => {
  const it = await call({ ...PUBLISHED, slots: { audio: 1, video: 1 } });
  const { world, told } = it;
  world.open.delete("direct");
  await world.until(() => carries(it));
  const fresh = ["TR_video2", "TR_video3", "TR_video4"];
  for (const id of fresh) {
    const info = { id, participant: "PA_bob", kind: "video", source: "camera", name: "", muted: false };
    world.tell({ type: "trackPublished", track: info });
  }
  world.remote.push(...fresh);
  for (const { id } of world.lines) world.tell({ type: "needSlots", transport: id, audio: 0, video: 3 });
  await world.until(() => fresh.every((id) => told.includes(`subscribed ${id}`)) && carries(it));
  await world.until(() => world.lines.length === 1);
  await world.pass(100);
  assert.ok(carries(it));
  assert.deepEqual(told.filter((what) => what.startsWith("unsubscribed")), []);
  assertAtRest(it, 9);
});

test("10 s without any network: back within 2 s, with the same tracks", async () => {
  for (const [outage, unplugged] of [2_000, 10_000, 10_300, 10_700].flatMap((ms) => [[ms, false], [ms, true]] as const)) {
    const it = await call();
    const { world, told } = it;
    world.unplugged = unplugged;
    world.open.clear();
    world.signaling = false;
    await world.pass(outage);
    assert.ok(world.browser.sockets.length <= 2 + outage / 1_000, "it does not hammer");
    world.open.add("direct").add("turn-udp").add("turn-tls");
    world.signaling = true;
    const gap = await world.until(() => carries(it));
    assert.ok(gap <= 2_000, `${gap} ms`);
    await world.pass(5_000);
    assert.deepEqual(told.filter((what) => /subscribed|error/.test(what)), []);
    assertAtRest(it, 10);
  }
});

test("another address: signaling and media come back together", async () => {
  const it = await call();
  const { world } = it;
  world.browser.network("offline");
  world.open.clear();
  world.signaling = false;
  await world.pass(500);
  world.open.add("turn-udp");
  world.signaling = true;
  world.browser.network("online");
  const gap = await world.until(() => carries(it));
  assert.ok(gap <= 600, `${gap} ms`);
  await world.until(() => world.lines.length === 1);
  await world.pass(2_000);
  assertAtRest(it, 9);
});

test("the bridge's offer is lost with the signaling", async () => {
  const it = await call();
  const { world } = it;
  world.open.delete("direct");
  await world.until(() => world.browser.socket.sent("offer").some(({ transport }) => !transport));
  world.signaling = false;
  await world.pass(1_500);
  world.signaling = true;
  await world.until(() => carries(it));
  await world.until(() => world.lines.length === 1 && world.flows(world.main));
  await world.pass(2_000);
  assertAtRest(it, 9);
});

test("leaving in the midst of a move closes everything", async () => {
  for (const after of [0, 500, 700, 900, 1_100, 2_000, 2_800, 3_200]) {
    const { world, room } = await call();
    world.open.delete("direct");
    await world.pass(after);
    await arrives(world, room.disconnect());
    await world.pass(10_000);
    assert.equal(world.browser.open.length, 0, `after ${after} ms`);
    assert.equal(world.browser.timers, 0, `after ${after} ms`);
  }
});

test("climbing: a probe finds the better path, main goes there, and no bridge is made", async () => {
  const it = await call();
  const { world, told } = it;
  world.open.delete("direct");
  await world.until(() => told.includes("turn-udp"));
  await world.pass(45_000);
  assert.ok(world.probes.length >= 3 && world.probes.length <= 5, `${world.probes.length} probes`);
  const connections = world.browser.connections.length - world.probes.length;
  world.open.add("direct");
  assert.ok((await world.until(() => world.main.path === "direct", 30_000)) <= 28_000);
  await world.pass(60_000);
  assert.equal(world.browser.connections.length - world.probes.length, connections);
  assert.deepEqual(told.slice(-1), ["direct"]);
  assertAtRest(it, 9);
});

test("climbing from turn-tls stops at turn-udp when direct stays closed", async () => {
  const it = await call();
  const { world, told } = it;
  world.open.delete("direct");
  world.open.delete("turn-udp");
  await world.until(() => told.includes("turn-tls"));
  world.open.add("turn-udp");
  await world.until(() => told.includes("turn-udp"), 30_000);
  assertAtRest(it, 9);
});

test("a better path that keeps dying is tried ever more rarely", async () => {
  const it = await call();
  const { world, told } = it;
  const climbs: number[] = [];
  for (let n = 0; n < 5; n++) {
    world.open.delete("direct");
    await world.until(() => told.at(-1) === "turn-udp");
    world.open.add("direct");
    climbs.push(await world.until(() => told.at(-1) === "direct", 300_000));
  }
  assert.ok(climbs[4]! > 8 * climbs[0]!, climbs.join());
  assert.ok(climbs[4]! <= 245_000, climbs.join());
  assertAtRest(it, 9);
});

test("no probes when the application has chosen the path", async () => {
  for (const options of [{ iceTransportPolicy: "relay" as const }, { rtcConfig: { iceServers: [] } }]) {
    const { world } = await call(options);
    world.open.delete("direct");
    await world.pass(60_000);
    assert.equal(world.probes.length, 0);
  }
});

test("1,000 random moves leave no peer connection, timer or listener behind", async () => {
  const it = await call();
  const { world, room } = it;
  let seed = 42;
  const random = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * n);
  };
  const timers = world.browser.timers + 3;
  const { listeners } = world.main.pc;
  for (let move = 0; move < 1_000; move++) {
    randomNetwork(world, random);
    await world.pass(random(20) === 0 ? 20_000 : random(25) * 100);
    if (move % 50 !== 49) continue;
    world.signaling = true;
    world.open.add("direct").add("turn-udp").add("turn-tls");
    world.restartMs = 2_000;
    await world.until(() => world.lines.length === 1 && world.browser.open.length === 1 && carries(it), 60_000);
    await world.pass(15_000);
    assertAtRest(it, timers);
    assert.ok(world.main.pc.listeners <= listeners + 1, `${world.main.pc.listeners} listeners`);
  }
  assert.ok(world.browser.connections.length > 200, `${world.browser.connections.length} connections`);
  assert.equal(room.state, "connected");
});

function randomNetwork(world: World, random: (n: number) => number): void {
  for (const tier of ["direct", "turn-udp", "turn-tls"] as const) {
    if (random(3) > 0) world.open.add(tier);
    else world.open.delete(tier);
  }
  world.signaling = random(6) > 0;
  world.unplugged = random(2) > 0;
  world.restartMs = random(4) === 0 ? 20_000 : 500 + random(3_000);
  if (random(5) === 0) world.browser.network("online");
}

/** The result of something that needs the server. */
async function arrives<T>(world: World, what: Promise<T>): Promise<T> {
  let done = false;
  void what.finally(() => {
    done = true;
  });
  await world.until(() => done);
  return what;
}
