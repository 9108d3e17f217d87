import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, type Page, page, post, useAll } from '../api';
import { Severity, Tag } from '../parts/chip';
import { Dialog } from '../parts/dialog';
import { Act } from '../parts/may';
import { Block, Empty, Fault, Loading, Sheet } from '../parts/page';
import { type Column, Table } from '../parts/table';
import { Link, setQuery, to, useRoute } from '../route';
import { count, cut, minute, plural, T, when } from '../text';
import type { Drift, Snapshot } from '../types';

const CAUSES: [cause: string, name: string, words: string][] = [
  ['reality', 'What really changed', 'the network itself is another one; each is to be decided on'],
  ['sight', 'Newly visible', 'an agent, a VLAN or the loss changed, not the network'],
  ['software', 'Newly read', 'the programs read more than they did'],
  ['policy', 'By the documents', 'what counts is another thing'],
  ['placement', 'By placement', 'an address stands elsewhere now'],
];
const SHOWN = 200;
const place = (d: Drift) => to(d.kind.endsWith('asset') ? 'assets' : 'connections', d.id);

const columns: Column<Drift>[] = [
  { key: 'severity', name: 'Sev', width: '3.6rem', text: (d) => d.severity ?? 0, cell: (d) => d.finding && <Severity n={d.severity} /> },
  { key: 'kind', name: 'What', width: '9.5rem', text: (d) => d.kind, cell: (d) => <Tag>{d.kind}</Tag> },
  { key: 'words', name: 'Difference', width: '28%', text: (d) => d.words ?? '', cell: (d) => <Link href={place(d)}>{cut(d.words, 240)}</Link> },
  { key: 'why', name: 'Why it has this cause', text: (d) => d.why ?? '' },
  { key: 'boundary', name: 'Boundary', width: '6rem', text: (d) => d.boundary ?? '' },
  { key: 'finding', name: 'Finding', width: '5.5rem', text: (d) => d.status ?? '', cell: (d) => d.finding && <Link href={to('findings', d.finding)}>{d.status || 'open'}</Link> },
  { key: 'explained', name: 'Explained by', width: '6.5rem', text: (d) => (d.explained_by ?? []).join(', ') },
  { key: 'last', name: 'Last seen, UTC', width: '8rem', text: (d) => when(d.last_seen), cell: (d) => minute(d.last_seen) },
];

/** moved is for what is no drift of the network: it has no finding. */
const moved = columns.filter((c) => !['severity', 'finding', 'explained'].includes(c.key));

const unexplained = columns.filter((c) => c.key !== 'explained');

interface Answer { causes?: Record<string, number>; without?: string[] }

/** DriftPage is what differs from the snapshots of decisions, by its cause. */
export function DriftPage(_: { id: string }) {
  const { query } = useRoute();
  const q = { authorization: query.get('authorization') ?? '', boundary: query.get('boundary') ?? '' };
  const sums = useQuery({ queryKey: ['drift', 'sums', q], queryFn: () => get<Answer>('drift', { ...q, page_size: 1 }) });
  const snapshots = useAll<Snapshot>('snapshots');
  const [taking, setTaking] = useState(''), [merging, setMerging] = useState<{ authorization: string; cause: string }>();
  if (sums.isPending) return <Loading />;
  const causes = sums.data?.causes ?? {};
  const narrowed = q.authorization || q.boundary, without = sums.data?.without ?? [];
  return (
    <Sheet title={narrowed ? `Drift of ${cut(narrowed, 60)}` : 'Drift'} wide lead="What is there, held against what was there when it was decided. Only reality is drift; the rest says what moved instead." actions={narrowed && <Button size="sm" variant="link" onClick={() => setQuery({ authorization: '', boundary: '' })}>Show all</Button>}>
      <Fault of={sums} />
      {CAUSES.filter(([cause]) => causes[cause] || cause === 'reality').map(([cause, name, words]) => (
        <Cause key={cause} cause={cause} name={name} words={words} n={causes[cause] ?? 0} q={q} merge={(authorization) => setMerging({ authorization, cause })} />
      ))}
      <Block title="Snapshots" note="what was decided on, as it was then">
        <Fault of={snapshots} />
        <ul className="lines">{(snapshots.data ?? []).filter((s) => !q.authorization || s.authorization === q.authorization).map((s) => (
          <li key={s.id}>
            <b>{s.id}</b> taken {when(s.taken)} by {s.by}: {plural(s.assets ?? 0, 'asset')}, {plural(s.connections ?? 0, 'connection')}. <T v={s.reason} />{' '}
            {(s.merges ?? []).map((m) => <span className="dim" key={m.at}>{count(m.items)} newly visible taken over {when(m.at)} by {m.by}. </span>)}
            {s.id === latest(snapshots.data ?? [], s.authorization)?.id && <Act call="FindingService/TakeSnapshot" size="sm" variant="link" isInline onClick={() => setTaking(s.authorization ?? '')}>Take a new one</Act>}
          </li>
        ))}</ul>
        {!snapshots.data?.length && <Empty>None was taken.</Empty>}
      </Block>
      {without.length > 0 && (
        <Block title="Without a snapshot" note="there is nothing yet to hold the network against">
          <ul className="lines without">{without.map((a) => (
            <li key={a}><span><Link href={to('authorizations', a)}>{a}</Link> has no snapshot</span> <Act call="FindingService/TakeSnapshot" size="sm" variant="secondary" aria-label={`Confirm a snapshot of ${a}`} onClick={() => setTaking(a)}>Confirm a snapshot</Act></li>
          ))}</ul>
        </Block>
      )}
      {taking && <TakeSnapshot authorization={taking} close={() => setTaking('')} />}
      {merging && (
        <Dialog
          draft={`merge-${merging.authorization}-${merging.cause}`} title="Take over what became visible" verb="Take over" close={() => setMerging(undefined)} fields={[{ key: 'reason', name: 'Reason', kind: 'area', needed: true }]}
          lead={`Everything of ${merging.authorization} that shows only because of ${merging.cause} goes into its snapshot, as one batch under your name. It is accepted as having been there; no verdict changes.`}
          act={async (v) => { const r = await post<{ merged?: unknown[] }>('snapshots/merge', { ...merging, reason: v.reason }); return <p role="status">{plural(r.merged?.length ?? 0, 'difference')} taken over into the snapshot of {merging.authorization}.</p>; }}
        />
      )}
    </Sheet>
  );
}

const latest = (all: Snapshot[], authorization = '') => all.find((s) => s.authorization === authorization); // the latest first

function Cause({ cause, name, words, n, q, merge }: { cause: string; name: string; words: string; n: number; q: Record<string, string>; merge: (authorization: string) => void }) {
  const rows = useQuery<Page<Drift>>({ queryKey: ['drift', cause, q], queryFn: () => page<Drift>('drift', { ...q, cause }, '', SHOWN), enabled: n > 0 });
  const all = rows.data?.rows ?? [];
  const batches = cause === 'sight' || cause === 'software' ? [...new Set(all.map((d) => d.authorization ?? ''))] : [];
  return (
    <Block title={name} note={`${plural(n, 'difference')}; ${words}`} more={batches.map((a) => <Act key={a} call="FindingService/MergeSnapshot" variant="link" isInline onClick={() => merge(a)}>Take over into the snapshot of {a}</Act>)}>
      <Fault of={rows} />
      <Table short name={`drift-${cause}`} rows={all} columns={cause !== 'reality' ? moved : all.some((d) => d.explained_by?.length) ? columns : unexplained} id={(d) => `${d.kind} ${d.id} ${d.authorization}`} href={place} empty="Nothing." />
      {n > all.length && all.length > 0 && <p className="dim">The first {all.length} of {count(n)}: narrow by authorization or boundary, or see demarc-collector get drift.</p>}
    </Block>
  );
}

/** TakeSnapshot confirms what stands in an authorization's boundaries now as what was decided on. */
export function TakeSnapshot({ authorization, close }: { authorization: string; close: () => void }) {
  const would = useQuery({ queryKey: ['snapshot', 'dry', authorization], queryFn: () => post<{ snapshot?: Snapshot }>('snapshots', { authorization, reason: 'what if', dry_run: true }), retry: false });
  const s = would.data?.snapshot;
  return (
    <Dialog
      draft={`snapshot-${authorization}`} title={`Snapshot of ${authorization}`} verb="Confirm the snapshot" close={close} fields={[{ key: 'reason', name: 'Which decision it belongs to', kind: 'area', needed: true }]}
      lead={<>It keeps what stands in its boundaries now as what was decided on. It accepts no finding and changes no verdict. {s && <b>{plural(s.assets ?? 0, 'asset')} and {plural(s.connections ?? 0, 'connection')} in {(s.boundaries ?? []).join(', ')}.</b>}</>}
      act={async (v) => { await post('snapshots', { authorization, reason: v.reason }); return undefined; }}
    />
  );
}
