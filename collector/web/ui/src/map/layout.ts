// Where everything stands on the map: bands from the outside in, boundaries
// beside each other in their band, and in an opened boundary its assets by
// Purdue level, the highest on top. Linear in what is shown.

export interface Thing { id: string; name: string; level: number | undefined; boundary: string; kind: string }
export interface Tie { id: string; a: string; b: string; aBoundary: string; bBoundary: string; verdict: number }
export interface Area { name: string; title: string; band: number; assets: number }
export interface Plan { things: Thing[]; ties: Tie[]; areas: Area[]; open: string[]; inner: boolean }

export interface Node { id: string; kind: 'area' | 'box' | 'asset' | 'band'; label: string; x: number; y: number; w: number; h: number; area: string }
export interface Edge { id: string; a: string; b: string; verdict: number; n: number; ties: string[] }
export interface Drawing { nodes: Node[]; edges: Edge[]; width: number; height: number; ms: number }

export const BANDS = ['Outside', 'Enterprise (levels 4, 5)', 'DMZ (level 3.5)', 'Plant (levels 0 to 3)', 'In no boundary'];
const CELL = { w: 92, h: 46 }, AREA = { w: 190, h: 76 }, GAP = 56, PAD = 26, HEAD = 26, WIDE = 1500;

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

/** draw places what a plan shows. */
export function draw(plan: Plan): Drawing {
  const began = performance.now();
  const open = new Set(plan.open);
  const byArea = new Map<string, Thing[]>();
  for (const t of plan.things) {
    if (!byArea.has(t.boundary)) byArea.set(t.boundary, []);
    byArea.get(t.boundary)!.push(t);
  }
  const nodes: Node[] = [];
  let y = 0;
  let width = 0;
  for (let band = 0; band < BANDS.length; band++) {
    const boxes = plan.areas.filter((a) => a.band === band).map((a): Box => (open.has(a.name) ? arrange(a, byArea.get(a.name) ?? []) : { area: a, ...AREA, spots: [], open: false }));
    if (!boxes.length) continue;
    nodes.push({ id: `band ${band}`, kind: 'band', label: BANDS[band], x: -210, y: y + 40, w: 1, h: 1, area: '' });
    let x = 0, tall = 0;
    y += 24;
    for (const b of boxes) {
      if (x > 0 && x + b.w > WIDE) { x = 0; y += tall + GAP; tall = 0; }
      const at = { x: x + b.w / 2, y: y + b.h / 2 };
      nodes.push({ id: `area ${b.area.name}`, kind: b.open ? 'box' : 'area', label: b.open ? b.area.title : `${b.area.title}\n${b.area.assets.toLocaleString('en')} assets`, ...at, w: b.w, h: b.h, area: b.area.name });
      for (const s of b.spots) nodes.push({ id: s.thing.id, kind: 'asset', label: s.thing.name, x: x + PAD / 2 + s.x + CELL.w / 2, y: y + s.y + CELL.h / 2, w: 18, h: 18, area: b.area.name });
      x += b.w + GAP;
      tall = Math.max(tall, b.h);
      width = Math.max(width, x - GAP);
    }
    y += tall + GAP;
  }
  return { nodes, edges: join(plan, open, new Set(nodes.map((n) => n.id))), width, height: y, ms: performance.now() - began };
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
    if (!e) edges.set(id, { id, a, b, verdict: t.verdict, n: 1, ties: [t.id] });
    else {
      e.n++;
      e.verdict = Math.min(e.verdict, t.verdict);
      if (e.ties.length < 200) e.ties.push(t.id);
    }
  }
  return [...edges.values()];
}
