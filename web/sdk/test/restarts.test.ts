import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "../src/environment.js";
import { Restarts } from "../src/restarts.js";
import { FakeBrowser, settle } from "./fakes.js";

test("a restart of a connection that was closed for another never ends, and holds nothing up", async () => {
  const browser = new FakeBrowser();
  const ends: (() => void)[] = [];
  const restarts = new Restarts(browser.environment, silent, {
    restart: () => new Promise<void>((resolve) => void ends.push(resolve)),
    isReady: () => true,
    isUp: () => true,
  });
  restarts.restart("a dead path");
  restarts.restart("a dead path still");
  assert.equal(ends.length, 1, "one at a time");
  restarts.mainChanged();
  restarts.restart("a better path");
  assert.equal(ends.length, 2);
  ends[0]!();
  await settle();
  restarts.restart("a better path still");
  assert.equal(ends.length, 2, "the end of the first is not the end of the second");
  ends[1]!();
  await settle();
  restarts.restart("again");
  assert.equal(ends.length, 3);
  restarts.close();
  assert.equal(browser.timers, 0);
});
