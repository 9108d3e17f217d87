import { useAuthorizations, useBoundaries, useConditions, useCrossings, useFindings, useFirst, useOne } from '../api';
import { Links, Tag } from '../parts/chip';
import { assetColumns, findingColumns } from '../parts/columns';
import { Conditions } from '../parts/conditions';
import { Matrix } from '../parts/matrix';
import { Export } from '../parts/download';
import { Block, Empty, Fault, Loading, Pairs, Sheet } from '../parts/page';
import { type Column, Table } from '../parts/table';
import { Link, to } from '../route';
import { ago, count, cut, day, minute, plural, T, when } from '../text';
import type { Asset, Boundary, Reconciled, SegmentSight } from '../types';
import { DOMAINS, impact } from '../words';

const columns: Column<Boundary>[] = [
  { key: 'name', name: 'Boundary', width: '30%', text: (b) => `${b.title} ${b.name}`, cell: (b) => <><Link href={to('boundaries', b.name)}><b>{b.name}</b></Link> <span className="dim">{cut(b.title, 80)}</span></> },
  { key: 'domain', name: 'Domain', width: '6rem', text: (b) => DOMAINS[b.domain ?? ''] ?? b.domain ?? '' },
  { key: 'authorization', name: 'Authorization', width: '24%', text: (b) => b.authorization ?? '' },
  { key: 'assets', name: 'Assets', width: '4.5rem', num: true, text: (b) => b.assets ?? 0 },
  { key: 'findings', name: 'Findings', width: '5.5rem', num: true, text: (b) => b.findings ?? 0 },
  { key: 'sight', name: 'What could be seen', text: (b) => b.sight?.words ?? '', cell: (b) => (b.sight?.segments?.length ? `${b.sight.gaps?.length ? 'in part' : 'in full'}, by ${[...new Set(b.sight.segments.flatMap((s) => s.agents ?? []))].join(', ') || 'nobody now'}` : <span className="dim">no agent listens in it</span>) },
];
const withSurvey: Column<Boundary>[] = columns.toSpliced(5, 0, { key: 'survey', name: 'Survey until', width: '7.5rem', text: (b) => day(b.survey_until) });

export function Boundaries({ id }: { id: string }) {
  const boundaries = useBoundaries();
  const crossings = useCrossings();
  if (boundaries.isPending) return <Loading />;
  if (id) return <OneBoundary id={id} all={boundaries.data ?? []} />;
  return (
    <Sheet title="Boundaries" lead="Where one responsibility ends and the next begins, as the documents draw it.">
      <Fault of={boundaries} />
      <Table short name="boundaries" rows={boundaries.data ?? []} columns={(boundaries.data ?? []).some((b) => b.survey_until) ? withSurvey : columns} sort="-findings" id={(b) => b.name} href={(b) => to('boundaries', b.name)} empty="No boundary is drawn yet. Apply documents: see Policy." />
      <Block title="Crossings" note="from the client's boundary, down, to the server's; coloured by the worst verdict"><Matrix of={crossings.data ?? []} boundaries={boundaries.data ?? []} /></Block>
    </Sheet>
  );
}

function OneBoundary({ id, all }: { id: string; all: Boundary[] }) {
  const crossings = useCrossings({ boundary: id });
  const conditions = useConditions();
  const authorizations = useAuthorizations();
  const own = useFindings({ boundary: id, open: true }).data ?? [];
  const members = useFirst<Asset>('assets', { boundary: id }, 25).data;
  const b = all.find((x) => x.name === id);
  if (!b) return <Sheet title="No such boundary"><Empty>No document draws {cut(id, 60)}: <Link href="/boundaries">see all boundaries</Link>.</Empty></Sheet>;
  const over = (authorizations.data ?? []).filter((a) => a.boundaries?.includes(id));
  const set = (conditions.data ?? []).filter((c) => over.some((a) => a.name === c.authorization));
  const r = b.record ?? {};
  return (
    <Sheet title={cut(b.title || b.name, 120)} lead={<><Tag>{DOMAINS[b.domain ?? ''] ?? b.domain}</Tag><Tag>{b.kind}</Tag> <span className="mono">{b.name}</span></>} actions={<><Link className="pf-v6-c-button pf-m-secondary pf-m-small" href={to('drift', '', { boundary: id })}>Drift</Link> <Link className="pf-v6-c-button pf-m-secondary pf-m-small" href={to('map', '', { boundary: id })}>On the map</Link> <Export format="pdf" of={{ boundary: id }} name={`The report of ${id}`}>Report</Export> <Export format="xlsx" of={{ boundary: id }} name={`The workbook of ${id}`}>Workbook</Export></>}>
      {b.survey_until && <p className="hint">In survey until {when(b.survey_until)}, {ago(b.survey_until, Date.now())}: {plural(own.length, 'finding')} in its worklist. Nothing is accepted by it, and the gate fails meanwhile.</p>}
      <div className="columns">
        <Block title="Authority">
          <Pairs of={[
            ['Stands under', b.authorization], ['As a part of', r.authorized_as && r.authorized_as !== id && <Link href={to('boundaries', r.authorized_as)}>{r.authorized_as}</Link>],
            ['Decided by', (r.officials ?? []).map((o) => [o.name, o.organization].filter(Boolean).join(', ')).join('; ')], ['RMF step', r.rmf_step],
            ['Categorization', r.categorization && impact(r.categorization)], ['Environment', [r.environment, ...(r.systems ?? [])].filter(Boolean).join(', ')], ['Purdue levels', (r.levels ?? []).join(', ')],
            ['Who answers for it', (r.parties ?? []).length > 0 && r.parties!.map((p) => <div key={`${p.role} ${p.name}`}>{p.role}: {[p.name, p.organization, p.contact].filter(Boolean).join(', ')}</div>)],
            ['Security plan', r.security_plan?.title && <T v={`${r.security_plan.title}${r.security_plan.signer ? `, signed by ${r.security_plan.signer} ${day(r.security_plan.signed)}` : ''}`} />],
            ['Regulated records', (r.regulated_records ?? []).join(', ')], ['Retention', r.retention?.class && `${r.retention.class}${Number(r.retention.keep_seconds) ? ` for ${Math.round(Number(r.retention.keep_seconds) / 86_400)} days` : ''}${r.retention.hold ? ', on hold' : ''}`],
            ['Parts', (r.parts ?? []).length > 0 && <Links page="boundaries" of={r.parts!} />], ['Hardware list', r.inventory && <Link href={to('policy', '', { document: `Inventory/${r.inventory}` })}>{r.inventory}</Link>],
            ['Shares a network', (r.shared ?? []).length > 0 && r.shared!.map((x) => <div key={x.network}>{x.network} <span className="dim">with {(x.sides ?? []).map((y) => y.boundary).filter((y) => y !== id).join(', ')}</span></div>)],
            ['Authorizations that name it', over.length > 0 && over.map((a) => <div key={a.name}><Link href={to('authorizations', a.name)}>{a.name}</Link> <span className="dim">{a.decision}, {a.state}</span></div>)],
          ]} />
        </Block>
        <Block title="Members" note={plural(b.assets ?? 0, 'asset')}>
          <ul className="lines">{(b.members ?? []).map((m) => <li key={m}><T v={m} /></li>)}</ul>
        </Block>
      </div>
      <Block title="What could be seen" note={b.sight && `${when(b.sight.from)} to ${when(b.sight.to)}`}>
        {(b.sight?.gaps ?? []).map((g) => <p className="hint" key={g}><T v={g} /></p>)}
        <Table short name="sight" rows={b.sight?.segments ?? []} columns={sightColumns} id={(s) => `${s.site}/${s.segment}`} empty="No agent listens on a segment of it." />
      </Block>
      <Block title="Crossings"><Matrix of={crossings.data ?? []} boundaries={all} only={id} /></Block>
      <OnPaper id={id} />
      <Block title="Conditions" note={over.map((a) => a.name).join(', ')}><Fault of={conditions} /><Conditions of={set} named /></Block>
      <Block title="Findings" note={plural(own.length, 'finding')}><Table short name="findings" rows={own} columns={findingColumns} id={(f) => f.id} href={(f) => to('findings', f.id)} empty="Nothing waits for a decision." /></Block>
      <Block title="Assets" more={<Link href={to('assets', '', { boundary: id })}>all {count(members?.total)}</Link>}><Table short name="assets" rows={members?.rows ?? []} columns={assetColumns} id={(a) => a.id} href={(a) => to('assets', a.id)} empty="Nothing was seen in it." /></Block>
    </Sheet>
  );
}

const sightColumns: Column<SegmentSight>[] = [
  { key: 'segment', name: 'Segment', text: (s) => s.segment ?? '' },
  { key: 'agents', name: 'Heard by', text: (s) => (s.agents ?? []).join(', ') || 'nobody' },
  { key: 'vlans', name: 'VLANs', text: (s) => (s.vlans ?? []).join(', ') },
  { key: 'heard', name: 'Quarter hours heard', width: '11rem', num: true, text: (s) => s.quarters_heard ?? 0, cell: (s) => `${s.quarters_heard ?? 0} of ${s.quarters ?? 0}` },
  { key: 'packets', name: 'Packets', num: true, text: (s) => Number(s.packets ?? 0), cell: (s) => count(s.packets) },
  { key: 'lost', name: 'Lost', num: true, text: (s) => Number(s.lost ?? 0), cell: (s) => count(s.lost) },
  { key: 'undecoded', name: 'Not decoded', width: '7rem', num: true, text: (s) => Number(s.undecoded ?? 0), cell: (s) => count(s.undecoded) },
  { key: 'onesided', name: 'One side only', width: '8rem', num: true, text: (s) => s.one_sided ?? 0, cell: (s) => `${s.one_sided ?? 0} of ${s.tcp ?? 0} TCP` },
  { key: 'last', name: 'Heard until, UTC', width: '9rem', text: (s) => when(s.last), cell: (s) => minute(s.last) },
];

const LISTS: Record<string, string> = { hardware: 'Hardware', software: 'Software', services: 'Ports, protocols, services', interconnections: 'Interconnections' };
const BUCKETS: [bucket: string, words: string, alarm: boolean][] = [['not-on-paper', 'seen, not on paper', true], ['different', 'different', true], ['never-seen', 'on paper, never seen', false], ['seen', 'as on paper', false]];
type Row = NonNullable<Reconciled['rows']>[number];

/** OnPaper holds the lists that were authorized against what was seen. */
function OnPaper({ id }: { id: string }) {
  const found = useOne<Reconciled>('reconcile', `boundaries/${encodeURIComponent(id)}/reconcile`);
  const rows = found.data?.rows ?? [];
  const lists = Object.keys(LISTS).filter((l) => rows.some((r) => r.list === l));
  const off = rows.filter((r) => r.bucket === 'not-on-paper' || r.bucket === 'different');
  return (
    <Block title="Paper against the wire" note="the lists that were authorized, and what was seen">
      <Fault of={found} />
      {lists.map((l) => <p key={l}><b>{LISTS[l]}</b> {BUCKETS.map(([b, words, alarm]) => { const n = rows.filter((r) => r.list === l && r.bucket === b).length; return n > 0 && <span key={b} className={`chip k-${alarm ? 'bad' : b === 'seen' ? 'good' : 'middle'}`}>{n} {words}</span>; })}</p>)}
      {(found.data?.missing ?? []).map((m) => <p className="dim" key={m}><T v={m} /></p>)}
      {off.length > 0 && <Table short name="paper" rows={off.slice(0, 50)} columns={paperColumns} id={(r) => `${r.list} ${r.bucket} ${r.name} ${r.at}`} href={(r) => (r.assets?.[0] ? to('assets', r.assets[0]) : to('connections', r.connections?.[0]))} empty="" />}
      {off.length > 50 && <p className="dim">The first 50 of {count(off.length)}.</p>}
    </Block>
  );
}

const paperColumns: Column<Row>[] = [
  { key: 'list', name: 'List', width: '8rem', text: (r) => r.list },
  { key: 'bucket', name: 'How it differs', width: '9.5rem', text: (r) => r.bucket, cell: (r) => <Tag>{BUCKETS.find(([b]) => b === r.bucket)?.[1]}</Tag> },
  { key: 'name', name: 'What', width: '26%', text: (r) => r.name ?? '' },
  { key: 'differences', name: 'Paper and wire', text: (r) => (r.differences ?? []).map((d) => `${d.field}: ${d.paper || 'nothing'} on paper, ${d.wire || 'nothing'} on the wire`).join('; ') || r.seen || '' },
  { key: 'last', name: 'Last seen', width: '10.2rem', text: (r) => when(r.last_seen) },
];
