// Where everything stands on the map: bands from the outside in, boundaries
// beside each other in their band, and in an opened boundary its assets by
// Purdue level, the highest on top. Linear in what is shown.

export interface Thing { id: string; name: string; level: number | undefined; boundary: string; kind: string }
export interface Tie { id: string; a: string; b: string; aBoundary: string; bBoundary: string; verdict: number }
export interface Area { name: string; title: string; band: number; assets: number }
export interface Plan { things: Thing[]; ties: Tie[]; areas: Area[]; open: string[]; inner: boolean }

export interface Node { id: string; kind: 'area' | 'box' | 'asset' | 'band'; label: string; x: number; y: number; w: number; h: number; area: string }
/** bend is how far its middle lies to the left of its way, so that it goes around what stands between. */
export interface Edge { id: string; a: string; b: string; verdict: number; n: number; ties: string[]; bend: number }
export interface Drawing { nodes: Node[]; edges: Edge[]; width: number; height: number; ms: number }

export const BANDS = ['Outside', 'Enterprise (levels 4, 5)', 'DMZ (level 3.5)', 'Plant (levels 0 to 3)', 'In no boundary'];
const CELL = { w: 140, h: 62 }, AREA = { w: 260, h: 98 }, GAP = 46, PAD = 26, HEAD = 32, WIDE = 1800;

interface Box { area: Area; w: number; h: number; spots: { thing: Thing; x: number; y: number }[]; open: boolean }

/** arrange lays the assets of an opened boundary out, a row or more for each level. */
function arrange(area: Area, things: Thing[]): Box {
  const rows = new Map<number, Thing[]>();
  for (const t of things) {
    const level = t.level ?? -1;
    if (!rows.has(level)) rows.set(level, []);
    rows.get(level)!.push(t);
  }
  const across = Math.max(4, Math.ceil(Math.sqrt(things.length * 1.6)));
  const spots: Box['spots'] = [];
  let y = HEAD + PAD / 2;
  let widest = 1;
  for (const level of [...rows.keys()].sort((a, b) => b - a)) {
    const row = rows.get(level)!.sort((a, b) => a.name.localeCompare(b.name));
    row.forEach((thing, i) => spots.push({ thing, x: (i % across) * CELL.w, y: y + Math.floor(i / across) * CELL.h }));
    widest = Math.max(widest, Math.min(across, row.length));
    y += Math.ceil(row.length / across) * CELL.h + 10;
  }
  return { area, w: Math.max(AREA.w, widest * CELL.w + PAD), h: Math.max(AREA.h, y + PAD / 2), spots, open: true };
}

/** inOrder puts the boundaries of each band beside those that they have to do with, so that fewer lines cross. */
function inOrder(plan: Plan): Area[][] {
  const bands = BANDS.map((_, band) => plan.areas.filter((a) => a.band === band));
  const near = new Map<string, Map<string, number>>();
  const meet = (a: string, b: string) => {
    if (!near.has(a)) near.set(a, new Map());
    near.get(a)!.set(b, (near.get(a)!.get(b) ?? 0) + 1);
  };
  for (const t of plan.ties) if (t.aBoundary !== t.bBoundary) { meet(t.aBoundary, t.bBoundary); meet(t.bBoundary, t.aBoundary); }
  const at = new Map<string, number>();
  const note = (band: Area[]) => band.forEach((a, i) => at.set(a.name, (i + 1) / (band.length + 1)));
  bands.forEach(note);
  for (const sweep of [[...bands.keys()].reverse(), [...bands.keys()], [...bands.keys()].reverse()]) {
    for (const i of sweep) {
      const middle = (a: Area) => {
        let sum = 0, n = 0;
        for (const [b, weight] of near.get(a.name) ?? []) { sum += (at.get(b) ?? 0.5) * Math.log2(1 + weight); n += Math.log2(1 + weight); }
        return n ? sum / n : 2; // what has to do with nothing stands last
      };
      bands[i] = bands[i].map((a) => ({ a, m: middle(a) })).sort((x, y) => x.m - y.m).map(({ a }) => a);
      note(bands[i]);
    }
  }
  return bands;
}

/** draw places what a plan shows. */
export function draw(plan: Plan): Drawing {
  const began = performance.now();
  const open = new Set(plan.open);
  const byArea = new Map<string, Thing[]>();
  for (const t of plan.things) {
    if (!byArea.has(t.boundary)) byArea.set(t.boundary, []);
    byArea.get(t.boundary)!.push(t);
  }
  // Rows of boxes: a band may take several.
  const rows: { band: number; boxes: Box[]; wide: number; tall: number }[] = [];
  inOrder(plan).forEach((areas, band) => {
    let row: (typeof rows)[number] | undefined;
    for (const a of areas) {
      const b: Box = open.has(a.name) ? arrange(a, byArea.get(a.name) ?? []) : { area: a, ...AREA, spots: [], open: false };
      if (!row || row.wide + b.w > WIDE) rows.push(row = { band, boxes: [], wide: -GAP, tall: 0 });
      row.boxes.push(b);
      row.wide += b.w + GAP;
      row.tall = Math.max(row.tall, b.h);
    }
  });
  const width = Math.max(0, ...rows.map((r) => r.wide));
  const nodes: Node[] = [];
  let y = 0;
  const rowOf = new Map<string, number>();
  rows.forEach((row, i) => {
    if (row.band !== rows[i - 1]?.band) {
      y += 24;
      nodes.push({ id: `band ${row.band}`, kind: 'band', label: BANDS[row.band], x: -290, y: y + 30, w: 1, h: 1, area: '' });
    }
    let x = (width - row.wide) / 2;
    for (const b of row.boxes) {
      rowOf.set(b.area.name, i);
      const words = `${b.area.assets.toLocaleString('en')} ${b.area.assets === 1 ? 'asset' : 'assets'}`;
      nodes.push({ id: `area ${b.area.name}`, kind: b.open ? 'box' : 'area', label: b.open ? b.area.title : `${b.area.title}\n${words}`, x: x + b.w / 2, y: y + b.h / 2, w: b.w, h: b.h, area: b.area.name });
      for (const s of b.spots) nodes.push({ id: s.thing.id, kind: 'asset', label: s.thing.name, x: x + PAD / 2 + s.x + CELL.w / 2, y: y + s.y + CELL.h / 2, w: 18, h: 18, area: b.area.name });
      x += b.w + GAP;
    }
    y += row.tall + GAP;
  });
  const at = new Map(nodes.map((n) => [n.id, n]));
  const edges = join(plan, open, new Set(at.keys()));
  for (const e of edges) {
    const a = at.get(e.a)!, b = at.get(e.b)!, over = Math.abs((rowOf.get(a.area) ?? 0) - (rowOf.get(b.area) ?? 0)) - 1;
    if (over < 1) continue;
    const outward = (a.x + b.x) / 2 >= width / 2 ? 1 : -1;
    e.bend = over * 140 * outward * (b.y < a.y ? 1 : -1);
  }
  return { nodes, edges, width, height: y, ms: performance.now() - began };
}

/** join sums ties up between what is shown. */
function join(plan: Plan, open: Set<string>, shown: Set<string>): Edge[] {
  const edges = new Map<string, Edge>();
  const end = (id: string, boundary: string) => (open.has(boundary) && shown.has(id) ? id : `area ${boundary}`);
  for (const t of plan.ties) {
    const a = end(t.a, t.aBoundary), b = end(t.b, t.bBoundary);
    if (a === b || !shown.has(a) || !shown.has(b) || (!plan.inner && t.aBoundary === t.bBoundary)) continue;
    const id = `${a} > ${b}`;
    const e = edges.get(id);
    if (!e) edges.set(id, { id, a, b, verdict: t.verdict, n: 1, ties: [t.id], bend: 0 });
    else {
      e.n++;
      e.verdict = Math.min(e.verdict, t.verdict);
      if (e.ties.length < 200) e.ties.push(t.id);
    }
  }
  return [...edges.values()];
}
