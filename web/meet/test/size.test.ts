import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const BUILT = "../python/roomline/web/static/meet";
const MOST_BYTES = 60_000;

test("the whole page with the SDK stays below 60 KB compressed", () => {
  const files = ["index.html", "meet.css", "meet.js"];
  const total = files.reduce((sum, name) => sum + gzipSync(readFileSync(`${BUILT}/${name}`)).length, 0);
  assert.ok(total < MOST_BYTES, `${total} bytes`);
});
