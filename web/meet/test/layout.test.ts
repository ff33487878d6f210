import assert from "node:assert/strict";
import { test } from "node:test";
import { columns, duo, focus, grid, isNarrow } from "../src/layout.js";
import type { Rect, Size } from "../src/layout.js";

const GAP = 8;
const PHONE: Size = { width: 374, height: 690 };
const WIDE: Size = { width: 1416, height: 760 };

function inside(rects: readonly Rect[], { width, height }: Size): void {
  for (const { left, top, width: w, height: h } of rects) {
    assert.ok(left >= -0.01 && top >= -0.01 && left + w <= width + 0.01 && top + h <= height + 0.01);
    assert.ok(w > 40 && h > 40, `${w} × ${h}`);
  }
}

function apart(rects: readonly Rect[]): void {
  for (const [n, a] of rects.entries()) {
    for (const b of rects.slice(n + 1)) {
      const across = a.left + a.width <= b.left + 0.01 || b.left + b.width <= a.left + 0.01;
      const down = a.top + a.height <= b.top + 0.01 || b.top + b.height <= a.top + 0.01;
      assert.ok(across || down);
    }
  }
}

test("tiles fill the grid", () => {
  assert.equal(columns(1, { width: 1200, height: 800 }), 1);
  assert.equal(columns(2, { width: 1200, height: 700 }), 2);
  assert.equal(columns(2, { width: 390, height: 700 }), 1);
  assert.equal(columns(4, { width: 1200, height: 800 }), 2);
  assert.equal(columns(5, PHONE), 2);
  assert.equal(columns(9, { width: 1200, height: 800 }), 3);
  assert.equal(columns(0, { width: 0, height: 0 }), 1);
});

test("every layout keeps its tiles inside and apart, whatever the count and the screen", () => {
  for (const size of [PHONE, WIDE, { width: 752, height: 900 }, { width: 700, height: 300 }]) {
    for (let count = 1; count <= 40; count++) {
      for (const plan of [grid(count, size, GAP), focus(count, size, GAP)]) {
        inside(plan.rects, size);
        apart(plan.rects);
      }
    }
  }
});

test("what does not fit is on further pages, and each is seen once", () => {
  const seen: number[] = [];
  const { pages } = grid(30, PHONE, GAP);
  assert.ok(pages > 1);
  for (let page = 0; page < pages; page++) {
    const { first, rects } = grid(30, PHONE, GAP, page);
    rects.forEach((_, n) => seen.push(first + n));
  }
  assert.deepEqual(seen, [...Array(30).keys()]);
  assert.equal(grid(30, PHONE, GAP, 99).page, pages - 1);
  assert.equal(grid(3, PHONE, GAP, 5).page, 0);
});

test("one is large and the others are beside it, or below on a narrow screen", () => {
  const [large, ...others] = focus(4, WIDE, GAP).rects;
  assert.ok(large && others.every(({ left, width }) => left > large.left + large.width && width < large.width / 3));
  const [above, ...below] = focus(4, PHONE, GAP).rects;
  assert.ok(above && below.every(({ top }) => top >= above.top + above.height));
});

test("two on a phone: the other one everywhere, oneself in the corner", () => {
  assert.ok(isNarrow(PHONE) && !isNarrow(WIDE));
  const [own, other] = duo(PHONE, GAP).rects;
  assert.deepEqual(other, { left: 0, top: 0, ...PHONE });
  assert.ok(own && own.width < PHONE.width / 3);
});
