import { Button, Spinner } from '@patternfly/react-core';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type ReactNode, useDeferredValue, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { all, page, type Query, useTimed } from '../api';
import { go, setQuery, useRoute } from '../route';
import { count, cut } from '../text';
import { Empty, Loading } from './page';
import { SearchBox } from './searchbox';
import type { Cell } from './xlsx';

/** Column of a table. text is what it exports, and sorts by where the rows are all here. */
export interface Column<R> {
  key: string;
  name: string;
  /** CSS width; columns without one share what is left. */
  width?: string;
  cell?: (r: R) => ReactNode;
  text: (r: R) => string | number;
  num?: boolean;
  /** What the collector sorts it by; without it, a server's list is not sorted by it. */
  order?: string;
}

/** Facet narrows a server's list: its parameter, and the values to choose from. */
export interface Facet { key: string; name: string; values: string[] }

interface Shown<R> {
  /** For screen readers, and of the exported file. */
  name: string;
  columns: Column<R>[];
  id: (r: R) => string;
  href?: (r: R) => string;
  empty: ReactNode;
}

/** Table shows rows that are all here. short is without tools and scrolling, within a page. */
export function Table<R>(p: Shown<R> & { rows: R[]; sort?: string; short?: boolean }) {
  const { query } = useRoute();
  const [sort, setSort] = useState(p.sort ?? '');
  const wanted = useDeferredValue(p.short ? '' : (query.get('q') ?? ''));
  const rows = useMemo(() => {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const hit = words.length ? p.rows.filter((r) => { const text = p.columns.map((c) => c.text(r)).join(' ').toLowerCase(); return words.every((w) => text.includes(w)); }) : p.rows;
    return sorted(hit, p.columns, sort);
  }, [p.rows, p.columns, wanted, sort]);
  return (
    <div className={p.short ? 'table short' : 'table'}>
      {!p.short && <Tools name={p.name} facets={[]} shown={rows.length} of={p.rows.length} save={async () => cells(rows, p.columns)} />}
      {p.rows.length === 0 ? <Empty>{p.empty}</Empty> : rows.length === 0 ? <Empty>Nothing matches the filter.</Empty> : <Rows {...p} rows={rows} total={rows.length} sort={sort} setSort={setSort} />}
    </div>
  );
}

/** ServerTable shows a list of the collector, which filters, sorts and pages it. */
export function ServerTable<R>(p: Shown<R> & { list: string; facets: Facet[]; query: Query; cure?: (e: Error) => ReactNode }) {
  const [sort, setSort] = useState('');
  const column = p.columns.find((c) => c.key === sort.replace('-', ''));
  const q = useTimed(p.list, { ...p.query, order_by: column?.order ? `${column.order}${sort.startsWith('-') ? ' desc' : ''}` : '' });
  const found = useInfiniteQuery({
    queryKey: [p.list, 'pages', q],
    queryFn: ({ pageParam }) => page<R>(p.list, q, pageParam, pageParam ? 1000 : 200),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
    placeholderData: keepPreviousData,
  });
  const rows = useMemo(() => (found.data?.pages ?? []).flatMap((x) => x.rows), [found.data]);
  const total = found.data?.pages.at(-1)?.total ?? 0;
  const narrowed = Object.values(p.query).some(Boolean);
  return (
    <div className="table">
      <Tools name={p.name} facets={p.facets} shown={total} save={async () => cells(await all<R>(p.list, q, Infinity), p.columns)} />
      {found.isError && <p className="fault" role="alert">{found.error.message} {p.cure?.(found.error)}</p>}
      {found.isPending ? <Loading /> : found.isError ? null : total === 0 ? <Empty>{narrowed ? 'Nothing matches the filter.' : p.empty}</Empty>
        : <Rows {...p} rows={rows} total={Math.max(total, rows.length)} sort={sort} setSort={setSort} sortable={(c) => !!c.order} more={found.hasNextPage && !found.isFetching ? () => void found.fetchNextPage() : undefined} />}
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

function Tools({ name, facets, shown, of, save: rows }: { name: string; facets: Facet[]; shown: number; of?: number; save: () => Promise<Cell[][]> }) {
  const { query } = useRoute();
  return (
    <div className="tools" role="search" aria-label={`Filter ${name}`}>
      <Words name={name} />
      {facets.map((f) => <Choice key={f.key} facet={f} value={query.get(f.key) ?? ''} />)}
      <span className="grow" />
      <span className="dim" role="status" id="rows">{of === undefined || shown === of ? count(shown) : `${count(shown)} of ${count(of)}`}</span>
      <Saves name={name} rows={rows} />
    </div>
  );
}

/** Saves gives the browser a list as a file, of each kind. */
export function Saves({ name, rows }: { name: string; rows: () => Promise<Cell[][]> }) {
  const [making, setMaking] = useState(false), [fault, setFault] = useState('');
  const give = (kind: string, make: (rows: Cell[][]) => Promise<BlobPart>) => {
    setFault('');
    setMaking(true);
    rows().then(make).then((content) => save(`${name}.${kind}`, content)).catch((e: Error) => setFault(e.message)).finally(() => setMaking(false));
  };
  return (
    <span className="saves">
      {fault && <span className="fault" role="alert">{fault}</span>}
      {making && <Spinner size="sm" aria-label="making the file" />}
      <Button variant="link" isInline isDisabled={making} onClick={() => give('csv', async (r) => csv(r))}>CSV</Button>
      <Button variant="link" isInline isDisabled={making} onClick={() => give('xlsx', async (r) => (await import('./xlsx')).xlsx(name, r))}>XLSX</Button>
    </span>
  );
}

/** Words is the filter; it is asked for once typing pauses. */
function Words({ name }: { name: string }) {
  const { query } = useRoute();
  const asked = query.get('q') ?? '';
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  useEffect(() => {
    const timer = setTimeout(() => { if (text !== asked) setQuery({ q: text }); }, 150);
    return () => clearTimeout(timer);
  }, [text]); // eslint-disable-line
  return <SearchBox label={`Filter ${name}`} hint="Filter" value={text} put={setText} />;
}

function Choice({ facet, value }: { facet: Facet; value: string }) {
  const values = value && !facet.values.includes(value) ? [value, ...facet.values] : facet.values;
  return (
    <label className="choice">
      {facet.name}
      <select value={value} onChange={(e) => setQuery({ [facet.key]: e.target.value })}>
        <option value="">all</option>
        {values.map((v) => <option key={v} value={v}>{cut(v, 40)}</option>)}
      </select>
    </label>
  );
}

const ROW = 34; // pixels, as app.css has it
const AHEAD = 12; // rows drawn beyond the visible ones
const PRINTED = 2000;

interface RowsProps<R> extends Shown<R> { rows: R[]; total: number; sort: string; setSort: (s: string) => void; sortable?: (c: Column<R>) => boolean; more?: () => void; short?: boolean }

function Rows<R>({ rows, total, columns, id, href, name, sort, setSort, sortable, more, short }: RowsProps<R>) {
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
  const whole = usePrinting() || short;
  const from = whole ? 0 : Math.max(0, Math.floor(view.top / ROW) - AHEAD);
  const to = whole ? Math.min(rows.length, PRINTED) : Math.min(total, Math.ceil((view.top + view.height) / ROW) + AHEAD);
  useEffect(() => { if (more && to > rows.length) more(); }, [more, to, rows.length]);
  return (
    <div className="scroll" ref={scroller} tabIndex={short ? undefined : 0} role={short ? undefined : 'region'} aria-label={short ? undefined : name}>
      <table aria-rowcount={total + 1} aria-label={name}>
        <colgroup>{columns.map((c) => <col key={c.key} style={c.width ? { width: c.width } : undefined} />)}</colgroup>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.key} scope="col" className={c.num ? 'num' : undefined} aria-sort={sort === c.key ? 'ascending' : sort === `-${c.key}` ? 'descending' : undefined}>
                {sortable && !sortable(c) ? <span className="fixed">{c.name}</span>
                  : <button type="button" onClick={() => setSort(sort === c.key ? `-${c.key}` : c.key)}>{c.name}<i aria-hidden="true">{sort === c.key ? '▴' : sort === `-${c.key}` ? '▾' : ''}</i></button>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <Gap of={from} columns={columns.length} />}
          {rows.slice(from, to).map((r, i) => (
            <tr
              key={id(r)}
              aria-rowindex={from + i + 2}
              className={href ? 'open' : undefined}
              tabIndex={href ? 0 : undefined}
              onClick={href ? (e) => { if (!(e.target as HTMLElement).closest('a,button') && !getSelection()?.toString()) go(href(r)); } : undefined}
              onKeyDown={href ? (e) => step(e, () => go(href(r))) : undefined}
            >
              {columns.map((c) => <td key={c.key} className={c.num ? 'num' : undefined} title={cut(String(c.text(r)), 300)}>{c.cell ? c.cell(r) : cut(String(c.text(r)), 300)}</td>)}
            </tr>
          ))}
          {!whole && total > Math.min(to, rows.length) && <Gap of={total - Math.max(from, Math.min(to, rows.length))} columns={columns.length} />}
        </tbody>
      </table>
    </div>
  );
}

/** Gap stands for rows that are not drawn. */
const Gap = ({ of, columns }: { of: number; columns: number }) => <tr className="gap" style={{ height: of * ROW }} aria-hidden="true"><td colSpan={columns} /></tr>;

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

/** cells are what a list saves: the names of its columns, and its rows. */
export const cells = <R,>(rows: R[], columns: Column<R>[]): Cell[][] => [columns.map((c) => c.name), ...rows.map((r) => columns.map((c) => c.text(r)))];

/** csv is RFC 4180; a cell that a spreadsheet would run is led by a quote mark. */
export function csv(rows: Cell[][]): string {
  const cell = (v: Cell) => {
    const s = String(v);
    const inert = typeof v === 'string' && /^[=+\-@\t\r]/.test(s) ? `'${s}` : s;
    return /[",\n\r]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
  };
  return rows.map((r) => `${r.map(cell).join(',')}\r\n`).join('');
}

/** save gives the browser a file. */
export function save(name: string, content: BlobPart, type = 'text/csv;charset=utf-8') {
  const a = document.createElement('a');
  a.href = URL.createObjectURL(new Blob([content], { type }));
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}
