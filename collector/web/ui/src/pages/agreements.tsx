import { useBoundaries } from '../api';
import { Place, StateChip, VerdictChip } from '../parts/chip';
import { Sheet } from '../parts/page';
import { type Column, ServerTable } from '../parts/table';
import { Link, to, useRoute } from '../route';
import { cut, lastDay, when } from '../text';
import type { Agreement } from '../types';
import { VERDICTS } from '../words';

const seen = (a: Agreement) => VERDICTS.filter((v) => a.verdicts?.[v]);

const columns: Column<Agreement>[] = [
  { key: 'name', order: 'name', name: 'Agreement', width: '10rem', text: (a) => a.name, cell: (a) => <Link href={to('policy', '', { document: a.document })}><b>{cut(a.name, 60)}</b></Link> },
  { key: 'state', order: 'state', name: 'State', width: '6.6rem', text: (a) => a.state ?? '', cell: (a) => <span title={a.why}><StateChip v={a.state} /></span> },
  { key: 'ends', name: 'From, to', width: '10.4rem', text: (a) => `${a.from} → ${a.to}`, cell: (a) => <><Place name={a.from} /> → <Place name={a.to} /></> },
  { key: 'purpose', name: 'What for', text: (a) => a.purpose ?? '' },
  { key: 'seen', order: 'last_seen', name: 'Seen', width: '8.2rem', text: (a) => [...seen(a).map((v) => `${a.verdicts![v]} ${v}`), a.last_seen ? `last ${when(a.last_seen)}` : a.unused || 'never'].join(', '), cell: (a) => (seen(a).length ? seen(a).slice(0, 1).map((v) => <VerdictChip key={v} v={v} />) : <span className="dim">{cut(a.unused || 'never', 60)}</span>) },
  { key: 'services', name: 'Services', width: '8.2rem', text: (a) => (a.services ?? []).join(', ') },
  { key: 'until', order: 'until', name: 'Ends', width: '5.9rem', text: (a) => [lastDay(a.until) || 'no end', [a.type, a.reference].filter(Boolean).join(' ')].filter(Boolean).join(', '), cell: (a) => lastDay(a.until) || 'no end' },
  { key: 'owner', name: 'Owner', width: '7.6rem', text: (a) => [a.owner, a.contact].filter(Boolean).join(', '), cell: (a) => cut(a.owner, 60) },
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
