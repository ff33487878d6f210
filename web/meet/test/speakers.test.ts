import assert from "node:assert/strict";
import { test } from "node:test";
import { Speakers, receivedLevel } from "../src/speakers.js";

const STEP = 200;

/** Looks for so long at the same levels; returns the time after it. */
function hear(speakers: Speakers, levels: Record<string, number>, from: number, ms: number): number {
  let now = from;
  for (; now < from + ms; now += STEP) speakers.look(new Map(Object.entries(levels)), now);
  return now;
}

test("whoever speaks gets the floor, and a cough does not take it away", () => {
  const speakers = new Speakers();
  let now = hear(speakers, { ada: 0.2, bob: 0 }, 0, 1_000);
  assert.equal(speakers.active, "ada");
  now = hear(speakers, { ada: 0.1, bob: 0.5 }, now, STEP);
  assert.equal(speakers.active, "ada");
  now = hear(speakers, { ada: 0, bob: 0.3 }, now, 2_000);
  assert.equal(speakers.active, "bob");
  // Silence leaves the last one there.
  now = hear(speakers, { ada: 0, bob: 0 }, now, 5_000);
  assert.equal(speakers.active, "bob");
  assert.deepEqual([...speakers.look(new Map([["bob", 0]]), now)], []);
});

test("several may speak at once, and whoever leaves no longer does", () => {
  const speakers = new Speakers();
  const now = hear(speakers, { ada: 0.2, bob: 0.3 }, 0, 1_000);
  assert.deepEqual([...speakers.look(new Map([["ada", 0.2], ["bob", 0.3]]), now)].sort(), ["ada", "bob"]);
  assert.deepEqual([...speakers.look(new Map([["ada", 0.2]]), now)], ["ada"]);
  assert.notEqual(speakers.active, "bob");
});

test("a source that has fallen silent has no level", () => {
  assert.equal(receivedLevel([{ timestamp: 1_000, audioLevel: 0.5 }], 1_100), 0.5);
  assert.equal(receivedLevel([{ timestamp: 1_000, audioLevel: 0.5 }], 2_000), 0);
  assert.equal(receivedLevel([{ timestamp: 1_000 }], 1_000), 0);
  assert.equal(receivedLevel([], 0), 0);
});
