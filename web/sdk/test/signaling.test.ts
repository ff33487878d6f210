import assert from "node:assert/strict";
import { test } from "node:test";
import { retryDelay } from "../src/backoff.js";
import { silent } from "../src/environment.js";
import { RoomlineError } from "../src/errors.js";
import type { ServerEvent } from "../src/protocol.js";
import { Signaling } from "../src/signaling.js";
import { FakeBrowser, joined, settle } from "./fakes.js";
import type { FakeSocket } from "./fakes.js";

interface Session {
  browser: FakeBrowser;
  signaling: Signaling;
  seen: number[];
  told: string[];
}

async function session(): Promise<Session> {
  const browser = new FakeBrowser();
  const seen: number[] = [];
  const told: string[] = [];
  const handlers = {
    event: (event: ServerEvent) => seen.push(event.seq),
    state: (state: string) => {
      told.push(state);
      if (state === "lost") browser.left();
    },
    closed: (error: { code: string } | undefined) => told.push(`closed ${error?.code}`),
    report: async () => ({ candidateType: "host" as const, rttMs: 51 }),
    waiting: () => undefined,
  };
  const signaling = new Signaling("wss://x", browser.environment, handlers, silent);
  const join = { type: "join" as const, version: 1, token: "t", offer: "o", tracks: [] };
  const joining = signaling.join(Promise.resolve(join));
  await settle();
  browser.socket.onopen?.();
  await settle();
  browser.socket.receive(joined(browser.socket.frames[0].request));
  await joining;
  return { browser, signaling, seen, told };
}

const draining = (seq: number) => ({ type: "draining", seq, deadline: 0 });

function resume({ browser }: Session, token: string): any {
  browser.socket.onopen?.();
  return resumed(browser.socket, token);
}

function resumed(socket: FakeSocket, token: string): any {
  const [frame] = socket.frames;
  assert.equal(frame.type, "resume");
  const servers = { iceServers: [], iceServersExpireAt: 0 };
  socket.receive({ type: "resumed", request: frame.request, ...servers, resumeToken: token, seq: frame.lastSeq });
  return frame;
}

test("resume: no event is lost and none is told twice", async () => {
  const it = await session();
  it.browser.socket.receive(draining(11));
  it.browser.socket.receive(draining(12));
  it.browser.socket.drop();
  await it.browser.pass();
  const frame = resume(it, "token 2");
  assert.deepEqual([frame.version, frame.resumeToken, frame.lastSeq], [1, "token 1", 12]);
  for (const seq of [12, 13, 14, 14]) it.browser.socket.receive(draining(seq));
  assert.deepEqual(it.seen, [11, 12, 13, 14]);
  assert.deepEqual(it.told, ["lost", "open"]);

  it.browser.socket.drop();
  await it.browser.pass();
  const again = resume(it, "token 3");
  assert.deepEqual([again.resumeToken, again.lastSeq], ["token 2", 14], "the newest token");
});

test("a gap in the events has them replayed", async () => {
  const it = await session();
  it.browser.socket.receive(draining(13));
  assert.deepEqual(it.seen, []);
  await it.browser.pass();
  assert.equal(resume(it, "n").lastSeq, 10);
  for (const seq of [11, 12, 13]) it.browser.socket.receive(draining(seq));
  assert.deepEqual(it.seen, [11, 12, 13]);
});

test("requests survive a lost socket in their order, data messages fail", async () => {
  const it = await session();
  const replies: string[] = [];
  const first = it.browser.socket;
  void it.signaling.request({ type: "mute", track: "a", muted: true }).then((reply) => replies.push(reply.type));
  const data = it.signaling.request({ type: "data", payload: "x" });
  first.drop();
  await assert.rejects(data, { code: "connection-lost" });
  void it.signaling.request({ type: "unpublish", track: "b" }).then((reply) => replies.push(reply.type));
  void it.signaling.request({ type: "data", payload: "y" });
  await it.browser.pass();
  resume(it, "n");
  const sent = it.browser.socket.frames.slice(1);
  assert.deepEqual(sent.map(({ type }) => type), ["mute", "unpublish", "data"]);
  first.receive({ type: "ok", request: sent[0].request });
  await settle();
  assert.deepEqual(replies, [], "the old socket is not heard any more");
  it.browser.socket.receive({ type: "ok", request: sent[0].request });
  it.browser.socket.receive({ type: "ok", request: sent[1].request });
  await settle();
  assert.deepEqual(replies, ["ok", "ok"]);
});

test("reconnecting backs off and gives up after 30 s", async () => {
  const it = await session();
  it.browser.socket.drop();
  for (let tried = 0; tried < 100 && it.signaling.state === "lost"; tried++) {
    await it.browser.pass(500);
    if (!it.browser.socket.closed && it.signaling.state === "lost") it.browser.socket.drop();
  }
  assert.deepEqual(it.told, ["lost", "closed connection-lost"]);
  assert.ok(it.browser.sockets.length > 6 && it.browser.sockets.length < 20, `${it.browser.sockets.length}`);
  assert.ok(it.browser.environment.now() <= 31_000);
  await assert.rejects(it.signaling.request({ type: "leave" }), { code: "disconnected" });
});

test("an attempt that hangs is given up, and a refused resume ends the session", async () => {
  const it = await session();
  it.browser.socket.drop();
  await it.browser.pass();
  assert.equal(it.browser.sockets.length, 2);
  await it.browser.pass(8_250);
  assert.equal(it.browser.sockets.length, 3);
  it.browser.socket.onopen?.();
  const { request } = it.browser.socket.frames[0];
  it.browser.socket.receive({ type: "error", request, code: "resume-expired", message: "gone", fatal: true });
  assert.deepEqual(it.told, ["lost", "closed resume-expired"]);
});

test("pings go at the interval with the client report; a silent server is given up", async () => {
  const it = await session();
  await it.browser.pass(5_000);
  const [ping] = it.browser.socket.sent("ping");
  assert.deepEqual([ping.sent, ping.connection], [5_000, { candidateType: "host", rttMs: 51 }]);
  await it.browser.pass(47);
  it.browser.socket.receive({ type: "pong", request: ping.request, sent: ping.sent });
  await it.browser.pass(14_953);
  assert.equal(it.browser.socket.sent("ping")[1].connection.signalingRttMs, 47);
  assert.deepEqual(it.told, []);
  await it.browser.pass(5_000);
  assert.deepEqual(it.told, ["lost"]);
  assert.equal(it.browser.sockets.length, 2);
});

test("a fatal error outside a reply ends the session, others and rubbish do not", async () => {
  const it = await session();
  for (const data of ["{", "[]", "null", "7", '{"type":3}', new ArrayBuffer(2)]) it.browser.socket.onmessage?.({ data });
  it.browser.socket.receive({ type: "later-version-event", seq: 11 });
  it.browser.socket.receive({ type: "ok", request: 4711 });
  it.browser.socket.receive({ type: "error", code: "rate-limited", message: "slow down", fatal: false });
  assert.deepEqual(it.told, []);
  it.browser.socket.receive({ type: "error", code: "replaced", message: "joined elsewhere", fatal: true });
  assert.deepEqual(it.told, ["closed replaced"]);
});

test("a server that never answers a request does not hold it for ever", async () => {
  const it = await session();
  const refused = assert.rejects(it.signaling.request({ type: "unpublish", track: "t" }), { code: "timeout" });
  for (let second = 0; second < 40; second++) {
    it.browser.socket.receive({ type: "pong", request: 0, sent: 0 });
    await it.browser.pass(1_000);
  }
  await refused;
});

test("the waits between attempts double up to a ceiling and are spread", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 9].map((n) => retryDelay(n, 0)), [0, 250, 500, 1000, 2000, 4000, 4000]);
  assert.equal(retryDelay(5, 1), 2000);
});

test("a WebSocket that doesn't answer is overtaken by another one, and one that does is kept", async () => {
  const it = await session();
  it.signaling.check();
  const ping = it.browser.socket.sent("ping").at(-1);
  it.browser.socket.receive({ type: "pong", request: ping.request, sent: ping.sent });
  await it.browser.pass(2_000);
  assert.equal(it.browser.sockets.length, 1);

  it.signaling.check();
  await it.browser.pass(300);
  assert.equal(it.browser.sockets.length, 2);
  it.browser.sockets[0]!.receive({ type: "pong", request: 99, sent: 0 });
  assert.ok(it.browser.socket.closed, "an answer after all");
  await it.browser.pass(1_000);
  assert.deepEqual(it.told, []);

  it.signaling.check();
  await it.browser.pass(400);
  assert.equal(it.browser.sockets.length, 3);
  resume(it, "token 2");
  assert.ok(it.browser.sockets[0]!.closed);
  assert.deepEqual(it.told, ["lost", "open"]);
  assert.equal(it.signaling.state, "open");
});

test("a standby that is still dialling when the first is given up is dialled on", async () => {
  const it = await session();
  it.signaling.check();
  await it.browser.pass(1_000);
  assert.equal(it.browser.sockets.length, 2);
  assert.deepEqual(it.told, ["lost"]);
  resume(it, "token 2");
  assert.deepEqual(it.told, ["lost", "open"]);
  it.signaling.check();
  await it.browser.pass(300);
  it.signaling.close(new RoomlineError("aborted", "over"));
  assert.ok(it.browser.sockets.every(({ closed }) => closed));
});

test("a slow WebSocket is taken back where no other opens", async () => {
  const it = await session();
  const [first] = it.browser.sockets;
  it.signaling.check();
  await it.browser.pass(5_000);
  assert.deepEqual(it.told, ["lost"]);
  assert.ok(!first!.closed);
  first!.receive(draining(11));
  assert.deepEqual([it.told, it.seen], [["lost", "open"], [11]]);
  assert.ok(it.browser.sockets.slice(1).every(({ closed }) => closed));
  it.signaling.ping();
  await settle();
  assert.equal(first!.sent("ping").at(-1).lastSeq, 11);
  first!.receive({ type: "closed", seq: 12, code: "connection-failed", message: "no path" });
  assert.deepEqual(it.told, ["lost", "open", "closed connection-failed"]);
  assert.equal(it.browser.timers, 0);
});

test("what a slow WebSocket says when it is too late is not heard", async () => {
  const it = await session();
  const [first] = it.browser.sockets;
  it.signaling.check();
  await it.browser.pass(2_000);
  resume(it, "token 2");
  assert.ok(first!.closed);
  first!.receive(draining(11));
  assert.deepEqual([it.told, it.seen], [["lost", "open"], []]);
});

test("the reason why a session ends comes over a slow WebSocket, too", async () => {
  const it = await session();
  const [first] = it.browser.sockets;
  it.signaling.check();
  await it.browser.pass(2_000);
  first!.receive({ type: "closed", seq: 11, code: "connection-failed", message: "no path" });
  assert.equal(it.told.at(-1), "closed connection-failed");
  assert.ok(it.browser.sockets.every(({ closed }) => closed));
  assert.equal(it.browser.timers, 0);
});

test("a hurried dial that has opened is given time to answer", async () => {
  const it = await session();
  it.signaling.hurry(true);
  it.browser.socket.drop();
  await it.browser.pass(500);
  const { socket } = it.browser;
  await it.browser.pass(400);
  socket.onopen?.();
  await it.browser.pass(2_000);
  assert.equal(it.browser.socket, socket);
  assert.equal(socket.closed, false);
  resumed(socket, "token 2");
  assert.deepEqual(it.told, ["lost", "open"]);
});

/** A session lost in a hurry, where every dial fails at once until `there` is set. */
async function unplugged(): Promise<Session & { knocks: string[]; there: boolean }> {
  const it = { ...(await session()), knocks: [] as string[], there: false };
  it.browser.reach = async (url) => {
    it.knocks.push(url);
    return it.there;
  };
  it.browser.dialled = (socket) => {
    if (!it.there) it.browser.environment.setTimer(() => socket.drop(), 5);
  };
  it.signaling.hurry(true);
  it.browser.socket.drop();
  return it;
}

test("a dial that fails at once is tried ever more rarely, and again when a knock is answered", async () => {
  const it = await unplugged();
  for (const token of ["token 2", "token 3"]) {
    const before = { dials: it.browser.sockets.length, knocks: it.knocks.length };
    await it.browser.pass(10_000);
    const dials = it.browser.sockets.length - before.dials;
    assert.ok(dials >= 4 && dials <= 5, `${dials} dials without a network`);
    const knocks = it.knocks.length - before.knocks;
    assert.ok(knocks > 20 && knocks <= 55, `${knocks} knocks`);

    it.there = true;
    await it.browser.pass(250);
    assert.ok(it.signaling.knowsOfNetwork);
    resume(it, token);
    const after = it.knocks.length;
    await it.browser.pass(4_000);
    assert.equal(it.knocks.length, after, "knocking is over");
    assert.ok(!it.signaling.knowsOfNetwork);
    it.there = false;
    it.browser.socket.drop();
  }
  assert.ok(it.knocks.every((url) => url === "https://x"));
  assert.deepEqual(it.told, ["lost", "open", "lost", "open", "lost"]);
});

test("where knocks are answered and dials are not, nobody hammers", async () => {
  const it = await unplugged();
  it.browser.reach = async () => true;
  await it.browser.pass(10_000);
  const dials = it.browser.sockets.length - 1;
  assert.ok(dials >= 6 && dials <= 12, `${dials} dials`);
});

test("knocks that hang are few, and are taken back when the session is resumed or ends", async () => {
  for (const end of ["resumed", "taken back", "closed"]) {
    const it = await unplugged();
    const hanging = new Set<AbortSignal>();
    const answers: ((reached: boolean) => void)[] = [];
    let late = false;
    it.browser.reach = (_, signal) => {
      hanging.add(signal);
      return new Promise((resolve) => {
        answers.push(resolve);
        signal.addEventListener("abort", () => hanging.delete(signal) && !late && resolve(false));
      });
    };
    await it.browser.pass(4_800);
    assert.equal(hanging.size, 2);
    late = true;
    if (end === "closed") {
      it.signaling.close(new RoomlineError("aborted", "over"));
    } else {
      it.there = true;
      it.signaling.refresh();
      await it.browser.pass();
      if (end === "resumed") resume(it, "token 2");
    }
    assert.equal(hanging.size, 0, end);
    const dials = it.browser.sockets.length;
    answers.forEach((answer) => answer(true));
    await it.browser.pass();
    assert.equal(it.browser.sockets.length, dials, "an old answer says nothing");
    if (end === "closed") assert.equal(it.browser.timers, 0);
  }
});

test("a slow WebSocket is taken back while knocks go on, and they end", async () => {
  const it = await session();
  const [first] = it.browser.sockets;
  let knocks = 0;
  it.browser.reach = async () => knocks++ < 0;
  it.browser.dialled = (socket) => it.browser.environment.setTimer(() => socket.drop(), 5);
  it.signaling.hurry(true);
  it.signaling.check();
  await it.browser.pass(2_500);
  assert.ok(knocks > 2, `${knocks}`);
  first!.receive(draining(11));
  assert.deepEqual(it.told, ["lost", "open"]);
  const before = knocks;
  await it.browser.pass(2_000);
  assert.equal(knocks, before);
});

test("a slow network is given time to open a hurried dial, now and then", async () => {
  for (const [opensAfter, within] of [[900, 1_000], [1_900, 6_000], [3_900, 12_000], [7_500, 24_000]] as const) {
    const it = await session();
    it.signaling.hurry(true);
    it.browser.dialled = (socket) =>
      it.browser.environment.setTimer(() => {
        if (!socket.closed) resumed((socket.onopen?.(), socket), "token 2");
      }, opensAfter);
    it.browser.socket.drop();
    await it.browser.pass(within);
    assert.deepEqual(it.told, ["lost", "open"], `${opensAfter} ms`);
  }
});

test("a dial that follows an answered knock is not given up in a hurry", async () => {
  const it = await unplugged();
  await it.browser.pass(300);
  it.there = true;
  await it.browser.pass(300);
  const { socket } = it.browser;
  await it.browser.pass(2_500);
  assert.equal(it.browser.socket, socket);
  resume(it, "token 2");
  assert.deepEqual(it.told, ["lost", "open"]);
});

test("whoever leaves on hearing that the connection is lost has left", async () => {
  for (const lose of ["check", "refresh", "standby"]) {
    const it = await session();
    it.browser.left = () => it.signaling.close(new RoomlineError("aborted", "left"));
    if (lose === "refresh") {
      it.signaling.refresh();
    } else {
      it.signaling.check();
      await it.browser.pass(400);
      if (lose === "standby") it.browser.socket.onopen?.();
    }
    await it.browser.pass(5_000);
    assert.deepEqual(it.told, ["lost", "closed aborted"], lose);
    assert.ok(it.browser.sockets.every(({ closed }) => closed), lose);
    assert.equal(it.browser.timers, 0, lose);
  }
});
