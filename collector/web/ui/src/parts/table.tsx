import { Button, SearchInput } from '@patternfly/react-core';
import { type KeyboardEvent, type ReactNode, useDeferredValue, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { go, setQuery, useRoute } from '../route';
import { count, cut } from '../text';
import { Empty } from './page';

/** Column of a table. text is what it sorts, filters and exports by. */
export interface Column<R> {
  key: string;
  name: string;
  /** CSS width; columns without one share what is left. */
  width?: string;
  cell?: (r: R) => ReactNode;
  text: (r: R) => string | number;
  num?: boolean;
}

/** Facet narrows a table to one of the values that occur. */
export interface Facet<R> { key: string; name: string; of: (r: R) => string[]; words?: (v: string) => string }

interface Props<R> {
  /** Name of the exported file, and for screen readers. */
  name: string;
  rows: R[];
  columns: Column<R>[];
  id: (r: R) => string;
  href?: (r: R) => string;
  facets?: Facet<R>[];
  /** "key" or "-key". */
  sort?: string;
  empty: ReactNode;
  /** Without tools and scrolling: a short list within a page. */
  short?: boolean;
  selected?: string;
}

const ROW = 34; // pixels, as app.css has it
const AHEAD = 12; // rows drawn beyond the visible ones

export function Table<R>(p: Props<R>) {
  const { query } = useRoute();
  const [sort, setSort] = useState(p.sort ?? '');
  const filter = p.short ? '' : (query.get('q') ?? '');
  const facets = p.facets ?? [];
  const chosen = facets.map((f) => query.get(f.key) ?? '').join('\n');
  const wanted = useDeferredValue(filter);
  const rows = useMemo(() => {
    const values = chosen.split('\n');
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const hit = p.rows.filter((r) => {
      if (facets.some((f, i) => values[i] && !f.of(r).includes(values[i]))) return false;
      if (!words.length) return true;
      const text = p.columns.map((c) => c.text(r)).join(' ').toLowerCase();
      return words.every((w) => text.includes(w));
    });
    return sorted(hit, p.columns, sort);
    // columns and facets are constants of their pages
  }, [p.rows, wanted, chosen, sort]); // eslint-disable-line
  return (
    <div className={p.short ? 'table short' : 'table'}>
      {!p.short && <Tools {...p} facets={facets} shown={rows} />}
      {p.rows.length === 0 ? <Empty>{p.empty}</Empty> : rows.length === 0 ? <Empty>Nothing matches the filter.</Empty> : <Rows {...p} rows={rows} sort={sort} setSort={setSort} />}
    </div>
  );
}

function sorted<R>(rows: R[], columns: Column<R>[], sort: string): R[] {
  const down = sort.startsWith('-');
  const column = columns.find((c) => c.key === sort.slice(down ? 1 : 0));
  if (!column) return rows;
  const keys = new Map(rows.map((r) => [r, column.text(r)]));
  const compare = (a: R, b: R) => {
    const x = keys.get(a)!, y = keys.get(b)!;
    return typeof x === 'number' && typeof y === 'number' ? x - y : collate.compare(String(x), String(y));
  };
  return rows.toSorted(down ? (a, b) => compare(b, a) : compare);
}
const collate = new Intl.Collator('en', { numeric: true });

function Tools<R>({ name, rows, shown, columns, facets }: Props<R> & { facets: Facet<R>[]; shown: R[] }) {
  const { query } = useRoute();
  return (
    <div className="tools" role="search" aria-label={`Filter ${name}`}>
      <SearchInput aria-label={`Filter ${name}`} placeholder="Filter" value={query.get('q') ?? ''} onChange={(_, v) => setQuery({ q: v })} onClear={() => setQuery({ q: '' })} />
      {facets.map((f) => <Choice key={f.key} facet={f} rows={rows} value={query.get(f.key) ?? ''} />)}
      <span className="grow" />
      <span className="dim" role="status">{shown.length === rows.length ? count(rows.length) : `${count(shown.length)} of ${count(rows.length)}`}</span>
      <Button variant="link" isInline onClick={() => save(`${name}.csv`, csv(shown, columns))}>CSV</Button>
    </div>
  );
}

function Choice<R>({ facet, rows, value }: { facet: Facet<R>; rows: R[]; value: string }) {
  const values = useMemo(() => {
    const n = new Map<string, number>();
    for (const r of rows) for (const v of new Set(facet.of(r))) n.set(v, (n.get(v) ?? 0) + 1);
    return [...n].sort(([a], [b]) => collate.compare(a, b));
  }, [rows, facet]);
  return (
    <label className="choice">
      {facet.name}
      <select value={value} onChange={(e) => setQuery({ [facet.key]: e.target.value })}>
        <option value="">all</option>
        {value && !values.some(([v]) => v === value) && <option value={value}>{cut(value, 40)}</option>}
        {values.map(([v, n]) => <option key={v} value={v}>{cut(facet.words?.(v) ?? v, 40)} ({count(n)})</option>)}
      </select>
    </label>
  );
}

function Rows<R>({ rows, columns, id, href, name, sort, setSort, short, selected }: Props<R> & { sort: string; setSort: (s: string) => void }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const e = scroller.current;
    if (!e || short) return undefined;
    const see = () => setView({ top: e.scrollTop, height: e.clientHeight });
    see();
    e.addEventListener('scroll', see, { passive: true });
    const sizes = new ResizeObserver(see);
    sizes.observe(e);
    return () => { e.removeEventListener('scroll', see); sizes.disconnect(); };
  }, [short]);
  useEffect(() => { if (scroller.current) scroller.current.scrollTop = 0; }, [sort]);
  const printing = usePrinting();
  const whole = short || printing;
  const from = whole ? 0 : Math.max(0, Math.floor(view.top / ROW) - AHEAD);
  const to = whole ? Math.min(rows.length, 2000) : Math.min(rows.length, Math.ceil((view.top + view.height) / ROW) + AHEAD);
  return (
    <div className="scroll" ref={scroller} tabIndex={short ? undefined : 0} role={short ? undefined : 'region'} aria-label={short ? undefined : name}>
      <table aria-rowcount={rows.length + 1} aria-label={name}>
        <colgroup>{columns.map((c) => <col key={c.key} style={c.width ? { width: c.width } : undefined} />)}</colgroup>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.key} scope="col" className={c.num ? 'num' : undefined} aria-sort={sort === c.key ? 'ascending' : sort === `-${c.key}` ? 'descending' : undefined}>
                <button type="button" onClick={() => setSort(sort === c.key ? `-${c.key}` : c.key)}>{c.name}<i aria-hidden="true">{sort === c.key ? '▴' : sort === `-${c.key}` ? '▾' : ''}</i></button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <tr className="gap" style={{ height: from * ROW }} aria-hidden="true"><td colSpan={columns.length} /></tr>}
          {rows.slice(from, to).map((r, i) => (
            <tr
              key={id(r)}
              aria-rowindex={from + i + 2}
              aria-selected={selected === id(r) || undefined}
              className={href ? 'open' : undefined}
              tabIndex={href ? 0 : undefined}
              onClick={href ? (e) => { if (!(e.target as HTMLElement).closest('a,button') && !getSelection()?.toString()) go(href(r)); } : undefined}
              onKeyDown={href ? (e) => step(e, () => go(href(r))) : undefined}
            >
              {columns.map((c) => <td key={c.key} className={c.num ? 'num' : undefined} title={cut(String(c.text(r)), 300)}>{c.cell ? c.cell(r) : cut(String(c.text(r)), 300)}</td>)}
            </tr>
          ))}
          {to < rows.length && <tr className="gap" style={{ height: (rows.length - to) * ROW }} aria-hidden="true"><td colSpan={columns.length} /></tr>}
        </tbody>
      </table>
    </div>
  );
}

/** step is Enter to open, and j, k or arrows to the next row. */
function step(e: KeyboardEvent<HTMLTableRowElement>, open: () => void) {
  if (e.target !== e.currentTarget) return;
  const next = e.key === 'ArrowDown' || e.key === 'j' ? 'nextElementSibling' : e.key === 'ArrowUp' || e.key === 'k' ? 'previousElementSibling' : '';
  if (e.key === 'Enter') open();
  else if (next) (e.currentTarget[next] as HTMLElement | null)?.focus();
  else return;
  e.preventDefault();
}

function usePrinting() {
  const [printing, set] = useState(false);
  useEffect(() => {
    const media = matchMedia('print');
    const see = () => set(media.matches);
    media.addEventListener('change', see);
    return () => media.removeEventListener('change', see);
  }, []);
  return printing;
}

/** csv is RFC 4180; a cell that a spreadsheet would run is led by a quote mark. */
export function csv<R>(rows: R[], columns: Column<R>[]): string {
  const cell = (v: string | number) => {
    const s = String(v);
    const inert = typeof v === 'string' && /^[=+\-@\t\r]/.test(s) ? `'${s}` : s;
    return /[",\n\r]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
  };
  return [columns.map((c) => cell(c.name)), ...rows.map((r) => columns.map((c) => cell(c.text(r))))].map((l) => `${l.join(',')}\r\n`).join('');
}

/** save gives the browser a file. */
export function save(name: string, content: BlobPart, type = 'text/csv;charset=utf-8') {
  const a = document.createElement('a');
  a.href = URL.createObjectURL(new Blob([content], { type }));
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}
