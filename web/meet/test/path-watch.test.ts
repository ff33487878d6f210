import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "roomline";
import type { Notices } from "../src/notices.js";
import { PathWatch } from "../src/path-watch.js";

/** Timers that run when `tick` says so. */
const timers = new Map<number, { at: number; run: () => void }>();
let now = 0;
Object.assign(globalThis, {
  window: {
    setTimeout: (run: () => void, ms: number) => timers.set(timers.size + 1, { at: now + ms, run }).size,
    clearTimeout: (timer: number) => timers.set(timer, { at: Infinity, run: () => undefined }),
  },
});

function tick(ms: number): void {
  now += ms;
  for (const [number, { at, run }] of timers) {
    if (at > now) continue;
    timers.set(number, { at: Infinity, run });
    run();
  }
}

/** A watched room whose states can be set, the banners that are shown, and what was told for a moment. */
function watched() {
  const banners = new Set<string>();
  const toasts: string[] = [];
  const notices = {
    lasts: (name: string) => banners.add(name),
    clear: (name: string) => banners.delete(name),
    toast: (words: string) => toasts.push(words),
  };
  let look: () => void = () => undefined;
  const connection = { state: "connected", tier: "direct", protocol: "udp" };
  const room = {
    state: "connected",
    localParticipant: { id: "me", connection },
    on(name: string, listener: () => void) {
      if (name === "stateChanged") look = listener;
      return () => undefined;
    },
  };
  const watch = new PathWatch(room as unknown as Room, notices as unknown as Notices);
  const becomes = (signaling: string, media: string) => {
    room.state = signaling;
    connection.state = media;
    look();
  };
  return { watch, banners, toasts, becomes };
}

test("a WebSocket that is away for a moment is not told of", () => {
  const it = watched();
  it.becomes("reconnecting", "connected");
  tick(900);
  it.becomes("connected", "connected");
  tick(60_000);
  assert.deepEqual([[...it.banners], it.toasts], [[], []]);

  it.becomes("reconnecting", "connected");
  tick(1_001);
  assert.deepEqual([...it.banners], ["signaling"]);
  it.becomes("connected", "connected");
  assert.deepEqual([...it.banners], []);
  assert.equal(it.toasts.length, 1);

  it.becomes("reconnecting", "connected");
  it.watch.end();
  tick(60_000);
  assert.deepEqual([...it.banners], []);
});

test("sound and picture that stop are told at once, and how it came out", () => {
  const it = watched();
  it.becomes("reconnecting", "interrupted");
  assert.deepEqual([...it.banners], ["interrupted"]);
  it.becomes("connected", "interrupted");
  it.becomes("connected", "connected");
  assert.deepEqual([[...it.banners], it.toasts.length], [[], 1]);
  it.watch.end();
});
