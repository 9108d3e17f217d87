import { Button, Checkbox } from '@patternfly/react-core';
import type { Core } from 'cytoscape';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useAssets, useBoundaries, useConnections } from '../api';
import { type Colours, colours, fit, open as openMap, show } from '../map/canvas';
import type { Area, Drawing, Plan } from '../map/layout';
import { svg } from '../map/svg';
import Layout from '../map/worker?worker';
import { connectionColumns, nameOf, rolesOf, side, verdictOf, worst } from '../parts/columns';
import { crossingsOf, Matrix } from '../parts/matrix';
import { Block, Empty, Fault, Loading, Sheet } from '../parts/page';
import { save, Table } from '../parts/table';
import { go, setQuery, to, useAt, useRoute } from '../route';
import { reader, theme, useCell } from '../store';
import { cut, plural, when } from '../text';
import type { Asset, Boundary, Connection } from '../types';
import { VERDICT_WORDS, VERDICTS } from '../words';

/** STEPS of the slider. */
const STEPS = 200;
const BAND: Record<string, number> = { external: 0, it: 1, dmz: 2, ot: 3 };
const rank = (c: Connection) => VERDICTS.indexOf(verdictOf(c) as (typeof VERDICTS)[number]);

export function PlantMap(_: { id: string }) {
  const boundaries = useBoundaries(), assets = useAssets();
  const { query } = useRoute();
  const opened = useMemo(() => (query.get('boundary') ?? '').split(',').filter(Boolean), [query.get('boundary')]); // eslint-disable-line
  const at = useAt();
  const [inner, setInner] = useState(false);
  const connections = useConnections({ crossing: !inner });
  const [until, setUntil] = useState<number>();
  const [chosen, setChosen] = useState<string[]>();
  const drawn = useRef<{ cy: Core; drawing: Drawing; colours: Colours }>(null);
  const times = useMemo(() => span(connections.data ?? []), [connections.data]);
  const seen = useMemo(() => (connections.data ?? []).filter((c) => until === undefined || Date.parse(c.connection.first_seen ?? '') <= until), [connections.data, until]);
  const whole = useMemo(() => planOf(boundaries.data ?? [], assets.data ?? [], seen, opened, inner), [boundaries.data, assets.data, seen, opened, inner]);
  const [bare, setBare] = useState(false);
  const { plan, left } = useMemo(() => occupied(whole, bare), [whole, bare]);
  if (boundaries.isPending || assets.isPending || connections.isPending) return <Loading />;
  const toggle = (name: string) => setQuery({ boundary: (opened.includes(name) ? opened.filter((n) => n !== name) : [...opened, name]).join(',') });
  const members = chosen ? worst(seen.filter((c) => chosen.includes(c.id))) : [];
  return (
    <Sheet
      title="Map" wide lead="Boundaries by Purdue level, and what passes between them, coloured by the worst verdict. Choose a boundary to open it, a line to see its connections."
      actions={<><span className="dim">Save as</span>{' '}
        <Button variant="link" isInline onClick={() => { const d = drawn.current; if (d) save('map.svg', svg(d.drawing, d.colours.verdicts, d.colours.ink, d.colours.dim, d.colours.card), 'image/svg+xml'); }}>SVG</Button>{' '}
        <Button variant="link" isInline onClick={() => drawn.current && save('map.png', drawn.current.cy.png({ output: 'blob', full: true, scale: 2, maxWidth: 8000, maxHeight: 8000, bg: drawn.current.colours.card }) as Blob, 'image/png')}>PNG</Button>
      </>}
    >
      <Fault of={connections} />
      <div className="tools opened">
        <span className="dim">Open</span>
        {plan.areas.map((a) => <label key={a.name} className="choice"><input type="checkbox" checked={opened.includes(a.name)} onChange={() => toggle(a.name)} />{cut(a.name, 30)}</label>)}
        <span className="grow" />
        {(left > 0 || bare) && <Checkbox id="bare" label={bare ? 'Where nothing was seen' : `Where nothing was seen: ${left}`} isChecked={bare} onChange={(_e, v) => setBare(v)} />}
        <Checkbox id="inner" label="Within boundaries" isChecked={inner} onChange={(_e, v) => setInner(v)} />
      </div>
      {plan.things.length === 0 ? <Empty>Nothing has been seen yet.</Empty> : <Canvas plan={plan} onArea={toggle} onTies={setChosen} drawn={drawn} />}
      <div className="tools legend">
        {VERDICTS.map((v) => <span key={v} className={`chip v-${v}`} title={VERDICT_WORDS[v]}>{v}</span>)}
        <span className="grow" />
        {times && (
          <label className="choice">First seen until
            <input
              type="range" aria-label="First seen until" aria-valuetext={until === undefined ? 'now' : when(new Date(until).toISOString())} min={0} max={STEPS} value={until === undefined ? STEPS : Math.round(((until - times[0]) / (times[1] - times[0])) * STEPS)}
              onChange={(e) => { const n = Number(e.target.value); setUntil(n >= STEPS ? undefined : times[0] + (n / STEPS) * (times[1] - times[0])); }}
            />
            <span>{until === undefined ? (at ? 'then' : 'now') : when(new Date(until).toISOString())}; verdicts as of {at ? 'then' : 'now'}</span>
          </label>
        )}
      </div>
      {chosen && <Block title="Chosen" note={plural(members.length, 'connection')} more={<Button variant="link" isInline onClick={() => setChosen(undefined)}>close</Button>}><Table short name="chosen" rows={members} columns={connectionColumns} id={(c) => c.id} href={(c) => to('connections', c.id)} empty="Nothing passes here." /></Block>}
      <Block title="The same as a table"><Matrix of={crossingsOf(seen)} boundaries={boundaries.data ?? []} /></Block>
    </Sheet>
  );
}

function span(all: Connection[]): [number, number] | undefined {
  let from = Infinity, to1 = -Infinity;
  for (const c of all) {
    const t = Date.parse(c.connection.first_seen ?? '');
    if (t < from) from = t;
    if (t > to1) to1 = t;
  }
  return to1 > from ? [from, to1] : undefined;
}

/** planOf is what the layout needs to know. */
function planOf(boundaries: Boundary[], assets: Asset[], connections: Connection[], open: string[], inner: boolean): Plan {
  const where = new Map<string, string>();
  const count = new Map<string, number>();
  const byId = new Map(assets.map((a) => [a.id, a]));
  const stands = (a: Asset): string | undefined => a.places?.find((p) => p.boundary)?.boundary;
  const things = assets.map((a) => {
    const chassis = a.parent ? byId.get(a.parent) : undefined;
    const boundary = stands(a) || (chassis && stands(chassis)) || 'unplaced';
    where.set(a.id, boundary);
    count.set(boundary, (count.get(boundary) ?? 0) + 1);
    return { id: a.id, name: cut(nameOf(a), 40), level: a.level, boundary, kind: rolesOf(a)[0] ?? a.kind ?? '' };
  });
  const areas: Area[] = boundaries.map((b) => ({ name: b.name, title: cut(b.title || b.name, 60), band: BAND[b.domain ?? ''] ?? 3, assets: count.get(b.name) ?? 0 }));
  const names = new Set(areas.map((a) => a.name));
  const ties = [];
  for (const c of connections) {
    const aBoundary = side(c.client_boundary, c), bBoundary = side(c.server_boundary, c);
    if (aBoundary === 'own link' || bBoundary === 'own link') continue;
    for (const n of [aBoundary, bBoundary]) {
      if (names.has(n)) continue;
      names.add(n);
      areas.push({ name: n, title: n === 'internet' ? 'Internet' : n === 'unplaced' ? 'In no boundary' : n, band: n === 'internet' ? 0 : 4, assets: count.get(n) ?? 0 });
    }
    ties.push({ id: c.id, a: c.connection.client_asset ?? '', b: c.connection.server_asset ?? '', aBoundary, bBoundary, verdict: rank(c) });
  }
  for (const n of count.keys()) if (!names.has(n)) areas.push({ name: n, title: n === 'internet' ? 'Internet' : n, band: n === 'internet' ? 0 : 4, assets: count.get(n)! });
  return { things, ties, areas, open, inner };
}

/** occupied leaves boundaries out in which nothing was seen, unless they are wanted or opened. */
function occupied(p: Plan, bare: boolean): { plan: Plan; left: number } {
  const met = new Set(p.ties.flatMap((t) => [t.aBoundary, t.bBoundary]));
  const areas = p.areas.filter((a) => bare || a.assets > 0 || met.has(a.name) || p.open.includes(a.name));
  return { plan: areas.length === p.areas.length ? p : { ...p, areas }, left: p.areas.length - areas.length };
}

function Canvas({ plan, onArea, onTies, drawn }: { plan: Plan; onArea: (name: string) => void; onTies: (ids?: string[]) => void; drawn: React.RefObject<{ cy: Core; drawing: Drawing; colours: Colours } | null> }) {
  const box = useRef<HTMLDivElement>(null);
  const cy = useRef<Core>(null);
  const worker = useRef<Worker>(null);
  const turn = useRef(0);
  const [took, setTook] = useState('');
  const dark = useCell(theme);
  useCell(reader);
  const act = useRef({ onArea, onTies });
  act.current = { onArea, onTies };
  useEffect(() => {
    const map = openMap(box.current!);
    const layout = new Layout();
    cy.current = map;
    worker.current = layout;
    map.on('tap', 'node.area, node.box', (e) => act.current.onArea(e.target.data('area')));
    map.on('tap', 'node.asset', (e) => {
      map.elements().addClass('faint');
      e.target.closedNeighborhood().removeClass('faint');
      act.current.onTies([...new Set<string>(e.target.connectedEdges().toArray().flatMap((x: { data: (k: string) => string[] }) => x.data('ties')))]);
    });
    map.on('dbltap', 'node.asset', (e) => go(to('assets', e.target.id())));
    map.on('tap', 'edge', (e) => act.current.onTies(e.target.data('ties')));
    map.on('tap', (e) => { if (e.target === map) { map.elements().removeClass('faint'); act.current.onTies(undefined); } });
    return () => { map.destroy(); layout.terminate(); };
  }, []);
  useEffect(() => {
    const began = performance.now();
    const mine = ++turn.current;
    const layout = worker.current!;
    layout.onmessage = (e: MessageEvent<{ turn: number; drawing: Drawing }>) => {
      const map = cy.current;
      if (!map || e.data.turn !== turn.current) return;
      const c = colours(VERDICTS);
      const first = map.elements().empty();
      const before = drawn.current?.drawing.nodes.length;
      show(map, e.data.drawing, c);
      if (first || before !== e.data.drawing.nodes.length) fit(map, e.data.drawing);
      drawn.current = { cy: map, drawing: e.data.drawing, colours: c };
      requestAnimationFrame(() => setTook(`${plan.things.length} assets, drawn in ${Math.round(performance.now() - began)} ms`));
    };
    layout.postMessage({ turn: mine, plan });
  }, [plan, dark, drawn]);
  const zoom = (by: number) => cy.current?.zoom({ level: cy.current.zoom() * by, renderedPosition: { x: box.current!.clientWidth / 2, y: box.current!.clientHeight / 2 } });
  return (
    <figure className="map">
      <div ref={box} className="__________cytoscape_container canvas" role="img" aria-label={`Map of ${plural(plan.areas.length, 'boundary', 'boundaries')} and ${plural(plan.things.length, 'asset')}; the table below says the same`} />
      <div className="zoom">
        <Button variant="control" size="sm" aria-label="Zoom in" onClick={() => zoom(1.3)}>+</Button>
        <Button variant="control" size="sm" aria-label="Zoom out" onClick={() => zoom(1 / 1.3)}>−</Button>
        <Button variant="control" size="sm" aria-label="Show all" onClick={() => { if (cy.current && drawn.current) fit(cy.current, drawn.current.drawing); }}>⤢</Button>
      </div>
      <figcaption className="dim" id="map-took">{took}</figcaption>
    </figure>
  );
}

