/** How many columns give `count` tiles of about 4:3 the most room in a grid of that size. */
export function columns(count: number, width: number, height: number): number {
  let best = 1;
  let bestSize = 0;
  for (let tried = 1; tried <= Math.max(1, count); tried++) {
    const rows = Math.ceil(count / tried);
    const size = Math.min(width / tried, (height / rows) * (4 / 3));
    // A little more is not worth another column, nor a hole in the last row.
    if (size > bestSize * 1.02) {
      best = tried;
      bestSize = size;
    }
  }
  return best;
}
