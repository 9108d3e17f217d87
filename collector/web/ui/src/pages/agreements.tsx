import { useBoundaries } from '../api';
import { Place, StateChip, VerdictChip } from '../parts/chip';
import { Sheet } from '../parts/page';
import { type Column, ServerTable } from '../parts/table';
import { Link, to, useRoute } from '../route';
import { cut, lastDay, minute, when } from '../text';
import type { Agreement } from '../types';
import { VERDICTS } from '../words';

const columns: Column<Agreement>[] = [
  { key: 'name', order: 'name', name: 'Agreement', width: '10.5rem', text: (a) => a.name, cell: (a) => <Link href={to('policy', '', { document: a.document })}><b>{cut(a.name, 60)}</b></Link> },
  { key: 'state', order: 'state', name: 'State', width: '6.9rem', text: (a) => a.state ?? '', cell: (a) => <span title={a.why}><StateChip v={a.state} /></span> },
  { key: 'ends', name: 'From, to', width: '12rem', text: (a) => `${a.from} → ${a.to}`, cell: (a) => <><Place name={a.from} /> → <Place name={a.to} /></> },
  { key: 'purpose', name: 'What for', width: '17rem', text: (a) => a.purpose ?? '' },
  { key: 'seen', name: 'Seen', width: '10.5rem', text: (a) => VERDICTS.map((v) => (a.verdicts?.[v] ? `${a.verdicts[v]} ${v}` : '')).filter(Boolean).join(', ') || a.unused || 'never', cell: (a) => (Object.keys(a.verdicts ?? {}).length ? VERDICTS.filter((v) => a.verdicts?.[v]).slice(0, 2).map((v) => <VerdictChip key={v} v={v} />) : <span className="dim">{cut(a.unused || 'never', 60)}</span>) },
  { key: 'services', name: 'Services', width: '11rem', text: (a) => (a.services ?? []).join(', ') },
  { key: 'until', order: 'until', name: 'Ends', width: '6.5rem', text: (a) => lastDay(a.until) || 'no end' },
  { key: 'owner', name: 'Owner', width: '10rem', text: (a) => [a.owner, a.contact].filter(Boolean).join(', ') },
  { key: 'paper', name: 'Paper', width: '10rem', text: (a) => [a.type, a.reference].filter(Boolean).join(' ') },
  { key: 'last', order: 'last_seen', name: 'Last seen, UTC', width: '8rem', text: (a) => when(a.last_seen), cell: (a) => minute(a.last_seen) },
];

/** Agreements is what is agreed to cross, by whom and what for, and what was seen of it. */
export function Agreements(_: { id: string }) {
  const { query } = useRoute();
  const value = (key: string) => query.get(key) ?? '';
  const names = (useBoundaries().data ?? []).map((b) => b.name);
  return (
    <Sheet title="Agreements" lead="What may cross: who answers for it, what it is for, when it ends, and what was seen of it. Nothing that was only seen stands here." wide>
      <ServerTable
        list="agreements" name="agreements" columns={columns} id={(a: Agreement) => `${a.document} ${a.from} ${a.to}`}
        query={{ search: value('q'), state: value('state'), boundary: value('boundary') }}
        facets={[{ key: 'state', name: 'State', values: ['in force', 'lapsed', 'not in force'] }, { key: 'boundary', name: 'Boundary', values: names }]}
        empty="Nothing is agreed yet: what crosses is unauthorized. Drafts proposes agreements out of what was seen."
      />
    </Sheet>
  );
}
