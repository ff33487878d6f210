/** A tile's place in the stage, in CSS pixels. */
export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Size {
  width: number;
  height: number;
}

/** What is on the stage: the page's share of the tiles, in their order, and where they are. */
export interface Plan {
  rects: Rect[];
  /** Index of the first tile that is shown. */
  first: number;
  page: number;
  pages: number;
}

const WIDEST = 16 / 9;
const TALLEST = 4 / 5;
/** Below this a face is no longer a face. */
const LEAST: Size = { width: 150, height: 112 };
/** Below this, in a strip, not even a name can be read. */
const SMALLEST = 84;
const NARROW = 600;

/** How many columns give `count` tiles the most room. */
export function columns(count: number, { width, height }: Size, gap = 0): number {
  let best = 1;
  let bestSize = 0;
  for (let tried = 1; tried <= Math.max(1, count); tried++) {
    const tile = fit(cellOf({ width, height }, tried, Math.ceil(count / tried), gap));
    const size = tile.width * tile.height;
    // A little more is not worth another column, nor a hole in the last row.
    if (size > bestSize * 1.05) {
      best = tried;
      bestSize = size;
    }
  }
  return best;
}

/** Everybody alike. What does not fit goes on further pages. */
export function grid(count: number, size: Size, gap: number, page = 0): Plan {
  const fits =
    Math.max(1, Math.floor((size.width + gap) / (LEAST.width + gap))) *
    Math.max(1, Math.floor((size.height + gap) / (LEAST.height + gap)));
  const share = shareOf(count, fits, page);
  return { ...share.plan, rects: rows(share.shown, size, gap) };
}

/** The first tile large, the others in a strip beside or below it, with pages of their own. */
export function focus(count: number, size: Size, gap: number, page = 0): Plan {
  if (count <= 1) return grid(count, size, gap);
  const beside = size.width > size.height * 1.1 && size.width > NARROW;
  const { width, height, fits } = beside ? column(count - 1, size, gap) : line(count - 1, size, gap);
  const { plan, shown } = shareOf(count - 1, fits, page);
  const step = gap + (beside ? height : width);
  const start = Math.max(0, ((beside ? size.height : size.width) - shown * step + gap) / 2);
  const others = Array.from({ length: shown }, (_, n): Rect => {
    const along = start + n * step;
    return beside
      ? { left: size.width - width, top: along, width, height }
      : { left: along, top: size.height - height, width, height };
  });
  const large: Size = beside
    ? { width: size.width - width - gap, height: size.height }
    : { width: size.width, height: size.height - height - gap };
  return { ...plan, rects: [centred(large), ...others] };
}

interface Strip extends Size {
  /** How many tiles it has room for. */
  fits: number;
}

/** Small tiles below one another. */
function column(count: number, size: Size, gap: number): Strip {
  const width = clamp(size.width * 0.17, 150, 260);
  const fits = Math.max(1, Math.floor((size.height + gap) / (SMALLEST + gap)));
  const rows = Math.min(count, fits);
  return { width, height: Math.min(width / WIDEST, (size.height - (rows - 1) * gap) / rows), fits };
}

/** Small tiles beside one another. */
function line(count: number, size: Size, gap: number): Strip {
  const most = clamp(size.height * 0.2, SMALLEST, 150);
  const fits = Math.max(1, Math.floor((size.width + gap) / (SMALLEST + gap)));
  const across = Math.min(count, fits);
  const width = Math.min(most * (4 / 3), (size.width - (across - 1) * gap) / across);
  return { width, height: Math.min(most, width * (4 / 3)), fits };
}

/** Two on a narrow screen: the other one everywhere, oneself in the corner. Rects: oneself, the other. */
export function duo(size: Size, gap: number): Plan {
  const width = clamp(size.width * 0.27, 84, 140);
  const height = width * (4 / 3);
  const own = { left: size.width - width - gap, top: gap, width, height };
  return { rects: [own, { left: 0, top: 0, ...size }], first: 0, page: 0, pages: 1 };
}

/** Whether two tiles are laid out as a duo. */
export function isNarrow({ width, height }: Size): boolean {
  return width < NARROW && height > width;
}

/** Full rows, the last one centred. */
function rows(count: number, size: Size, gap: number): Rect[] {
  const across = columns(count, size, gap);
  const down = Math.ceil(count / across);
  const tile = fit(cellOf(size, across, down, gap));
  const top = (size.height - down * tile.height - (down - 1) * gap) / 2;
  return Array.from({ length: count }, (_, n): Rect => {
    const row = Math.floor(n / across);
    const inRow = Math.min(across, count - row * across);
    const left = (size.width - inRow * tile.width - (inRow - 1) * gap) / 2;
    return { left: left + (n % across) * (tile.width + gap), top: top + row * (tile.height + gap), ...tile };
  });
}

function cellOf({ width, height }: Size, across: number, down: number, gap: number): Size {
  return { width: (width - (across - 1) * gap) / across, height: (height - (down - 1) * gap) / down };
}

function shareOf(count: number, fits: number, page: number): { plan: Omit<Plan, "rects">; shown: number } {
  const pages = Math.max(1, Math.ceil(count / fits));
  const even = Math.ceil(count / pages); // No page with a single tile after full ones.
  const shownPage = clamp(page, 0, pages - 1);
  const first = shownPage * even;
  return { plan: { first, page: shownPage, pages }, shown: Math.max(0, Math.min(even, count - first)) };
}

/** The largest tile of a bearable shape in a cell. */
function fit({ width, height }: Size): Size {
  return { width: Math.max(0, Math.min(width, height * WIDEST)), height: Math.max(0, Math.min(height, width / TALLEST)) };
}

function centred(within: Size): Rect {
  const tile = fit(within);
  return { left: (within.width - tile.width) / 2, top: (within.height - tile.height) / 2, ...tile };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
