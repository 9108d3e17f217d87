import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useBoundaries } from '../api';
import { Tag } from '../parts/chip';
import { Earliest, field, instant } from '../parts/moment';
import { Empty, Sheet } from '../parts/page';
import { type Column, ServerTable } from '../parts/table';
import { Link, setQuery, to, useRoute } from '../route';
import { cut, when } from '../text';
import type { Difference } from '../types';

const PAGE: Record<string, string> = { asset: 'assets', connection: 'connections', finding: 'findings', authorization: 'authorizations', condition: 'authorizations' };
const place = (d: Difference) => (d.what === 'agreement' ? '/agreements' : to(PAGE[d.what] ?? '', d.what === 'condition' ? d.id.split('/')[0] : d.id));

const columns: Column<Difference>[] = [
  { key: 'what', order: 'what', name: 'What', width: '7.5rem', text: (d) => d.what, cell: (d) => <Tag>{d.what}</Tag> },
  { key: 'change', order: 'change', name: 'Change', width: '6rem', text: (d) => d.change, cell: (d) => <span className={`chip c-${d.change}`}>{d.change}</span> },
  { key: 'name', order: 'name', name: 'Name', width: '30%', text: (d) => d.name ?? d.id, cell: (d) => (d.change === 'gone' ? cut(d.name ?? d.id, 160) : <Link href={place(d)}>{cut(d.name ?? d.id, 160)}</Link>) },
  { key: 'field', order: 'field', name: 'Field', width: '6.5rem', text: (d) => d.field ?? '' },
  { key: 'before', name: 'Before', text: (d) => d.before ?? '' },
  { key: 'after', name: 'After', text: (d) => d.after ?? '' },
  { key: 'boundaries', name: 'Boundaries', width: '8rem', text: (d) => (d.boundaries ?? []).join(', ') },
];

const SINCE: [words: string, ms: number][] = [['an hour', 3_600_000], ['a day', 86_400_000], ['a week', 7 * 86_400_000], ['a month', 30 * 86_400_000]];

/** Changes is what came, went and changed between two moments. */
export function Changes(_: { id: string }) {
  const { query } = useRoute();
  const value = (key: string) => query.get(key) ?? '';
  const from = value('from'), until = value('to');
  const [a, setA] = useState(field(from)), [b, setB] = useState(field(until));
  const since = (t: string) => { setA(field(t)); setB(''); setQuery({ from: t, to: '' }); };
  const names = (useBoundaries().data ?? []).map((x) => x.name);
  return (
    <Sheet title="Changes" lead="What came, went and changed between two moments, as it was recorded. Counters and times that only move on are no change; what differs from a decision is on Drift." wide>
      <form className="tools" onSubmit={(e) => { e.preventDefault(); setQuery({ from: instant(a), to: b ? instant(b) : '' }); }}>
        <label className="choice">From<input className="field" type="datetime-local" step="1" aria-label="From, UTC" value={a} onChange={(e) => setA(e.target.value)} /></label>
        <label className="choice">to<input className="field" type="datetime-local" step="1" aria-label="To, UTC; empty is now" value={b} onChange={(e) => setB(e.target.value)} /></label>
        <Button type="submit" size="sm" isDisabled={!instant(a) || (b !== '' && !instant(b))}>Compare</Button>
        <span className="dim">UTC; empty is now. Since</span>
        {SINCE.map(([words, ms]) => <Button key={words} size="sm" variant="link" isInline onClick={() => since(new Date(Date.now() - ms).toISOString())}>{words}</Button>)}
      </form>
      {!from ? <Empty>Choose the moment from which.</Empty> : (
        <>
          <p className="dim">From {when(from)} to {until ? when(until) : 'now'}</p>
          <ServerTable
            list="changes" name="changes" columns={columns} id={(d: Difference) => `${d.what} ${d.id} ${d.field}`}
            query={{ from, to: until, search: value('q'), what: value('what'), change: value('change'), boundary: value('boundary') }}
            facets={[{ key: 'what', name: 'What', values: ['asset', 'connection', 'finding', 'authorization', 'agreement', 'condition'] }, { key: 'change', name: 'Change', values: ['new', 'gone', 'changed'] }, { key: 'boundary', name: 'Boundary', values: [...names, 'internet'] }]}
            cure={(e) => <Earliest error={e} show={since} />}
            empty="Nothing came, went or changed between the two."
          />
        </>
      )}
    </Sheet>
  );
}
