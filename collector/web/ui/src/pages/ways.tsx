import { useAll, useOne } from '../api';
import { Place, Tag, VerdictChip } from '../parts/chip';
import { Block, Empty, Fault, Sheet } from '../parts/page';
import { type Column, Table } from '../parts/table';
import { Link, to } from '../route';
import { cut, minute, plural, T, when } from '../text';
import type { Chain, RegulatedFlow, RemoteAccess, SecondPath } from '../types';

const remote: Column<RemoteAccess>[] = [
  { key: 'verdict', name: 'Verdict', width: '8.6rem', text: (r) => r.verdict ?? '', cell: (r) => (r.verdict ? <VerdictChip v={r.verdict} /> : <Tag>{r.way}</Tag>) },
  { key: 'device', name: 'What is reached', width: '18%', text: (r) => `${r.device} ${r.boundary}`, cell: (r) => <>{r.device_asset ? <Link href={to('assets', r.device_asset)}>{cut(r.device, 60)}</Link> : cut(r.device, 60)} <span className="dim">{r.boundary}</span></> },
  { key: 'tool', name: 'By', width: '7rem', text: (r) => r.tool ?? '' },
  { key: 'way', name: 'Way', width: '6rem', text: (r) => r.way ?? '' },
  { key: 'peers', name: 'From, or to', width: '20%', text: (r) => `${(r.peers ?? []).join(' ')} ${r.peer_name ?? ''} ${r.peer_boundary ?? ''}`, cell: (r) => <><span className="mono">{cut((r.peers ?? []).slice(0, 2).join(' ') || r.peer_name, 60)}</span> <span className="dim">{r.peer_boundary}{(r.peer_count ?? 0) > 2 && `, ${r.peer_count} addresses`}</span></> },
  { key: 'via', name: 'Through', text: (r) => [r.via, ...(r.behind ?? [])].filter(Boolean).join(' ← ') },
  { key: 'last', name: 'Last seen, UTC', width: '8rem', text: (r) => when(r.last_seen), cell: (r) => minute(r.last_seen) },
];

const second: Column<SecondPath>[] = [
  { key: 'kind', name: 'Kind', width: '7rem', text: (p) => p.kind ?? '', cell: (p) => <Tag>{p.kind}</Tag> },
  { key: 'device', name: 'Device', width: '13%', text: (p) => [...(p.names ?? []), ...(p.addresses ?? [])].join(' '), cell: (p) => (p.asset ? <Link href={to('assets', p.asset)}>{cut(p.names?.[0] ?? p.addresses?.[0] ?? p.asset, 60)}</Link> : cut(p.names?.[0] ?? p.id, 60)) },
  { key: 'boundaries', name: 'Joins', width: '12%', text: (p) => (p.boundaries ?? []).join(', ') },
  { key: 'named', name: 'Named as', width: '20%', text: (p) => p.named || 'nothing', cell: (p) => p.named || <span className="chip k-bad">named nowhere</span> },
  { key: 'why', name: 'What shows it', text: (p) => (p.why ?? []).join('; ') },
  { key: 'last', name: 'Last seen, UTC', width: '8rem', text: (p) => when(p.last_seen), cell: (p) => minute(p.last_seen) },
];

const regulated: Column<RegulatedFlow>[] = [
  { key: 'verdict', name: 'Verdict', width: '8.6rem', text: (f) => f.verdict ?? '', cell: (f) => <VerdictChip v={f.verdict} /> },
  { key: 'records', name: 'Records', width: '7.5rem', text: (f) => (f.records ?? []).join(', ') },
  { key: 'from', name: 'Out of', width: '8rem', text: (f) => f.boundary ?? '', cell: (f) => <Place name={f.boundary} /> },
  { key: 'to', name: 'To', text: (f) => [f.to, ...(f.destinations ?? [])].join(' '), cell: (f) => <><Place name={f.to} /> <span className="mono dim">{cut((f.destinations ?? []).slice(0, 3).join(' '), 60)}</span></> },
  { key: 'service', name: 'Service', width: '8.6rem', text: (f) => f.service ?? '' },
  { key: 'leaves', name: 'Leaves', width: '6.5rem', text: (f) => f.leaves ?? '' },
  { key: 'document', name: 'Agreed as', width: '10rem', text: (f) => `${f.document ?? ''} ${(f.carries ?? []).join(', ')}`, cell: (f) => (f.document ? <Link href={to('policy', '', { document: f.document })}>{f.document.split('/')[1]}</Link> : <span className="dim">nothing</span>) },
  { key: 'last', name: 'Last seen, UTC', width: '8rem', text: (f) => when(f.last_seen), cell: (f) => minute(f.last_seen) },
];

/** Ways is by which ways somebody or something gets from one boundary into another. */
export function Ways(_: { id: string }) {
  const access = useAll<RemoteAccess>('remote-access'), paths = useAll<SecondPath>('second-paths');
  const records = useOne<{ flows?: RegulatedFlow[]; quiet?: string[] }>('regulated', 'regulated');
  return (
    <Sheet title="Ways in and out" lead="Who can act from afar and by which way; devices that are a way around the access points; chains of flows; and where regulated records leave." wide>
      <Block title="Remote access" note={plural(access.data?.length ?? 0, 'way')}><Fault of={access} /><Table short name="remote access" rows={access.data ?? []} columns={remote} id={(r) => r.id} href={(r) => (r.connections?.[0] ? to('connections', r.connections[0]) : to('assets', r.device_asset))} empty="Nobody was seen to act from afar." /></Block>
      <Block title="Second paths" note="devices with a leg in two boundaries, and those through which others' packets pass"><Fault of={paths} /><Table short name="second paths" rows={paths.data ?? []} columns={second} id={(p) => p.id} empty="No device stands in two boundaries, and none passes on for others." /></Block>
      <Chains />
      <Block title="Regulated records" note="flows that leave boundaries which hold them">
        <Fault of={records} />
        <Table short name="regulated records" rows={records.data?.flows ?? []} columns={regulated} id={(f) => `${f.boundary} ${f.to} ${f.service} ${f.document}`} href={(f) => to('connections', f.connections?.[0])} empty="No boundary says that it holds regulated records, or nothing leaves one." />
        {(records.data?.quiet ?? []).length > 0 && <p className="dim">Nothing was seen to leave {records.data!.quiet!.join(', ')}.</p>}
      </Block>
    </Sheet>
  );
}

/** Chains are flows that move information on from one boundary to the next, beginning in the field. */
function Chains() {
  const boundaries = useAll<{ name: string; domain?: string }>('boundaries').data ?? [];
  return <>{boundaries.filter((b) => b.domain === 'ot').map((b) => <From key={b.name} name={b.name} />)}</>;
}

function From({ name }: { name: string }) {
  const found = useOne<{ paths?: Chain[]; left_off?: boolean }>('paths', 'paths', { from: name });
  const all = found.data?.paths ?? [];
  if (!all.length && !found.isError) return null;
  return (
    <Block title={<>Chains of flows from {name}</>} note={`${plural(all.length, 'chain')}${found.data?.left_off ? ', and more' : ''}; the certain ones first`}>
      <Fault of={found} />
      <ul className="lines">
        {all.slice(0, 12).map((c, i) => (
          <li key={i}>
            {(c.hops ?? []).map((h, j) => <span key={j}>{j === 0 && <b>{h.from_boundary}</b>} <span className="dim">→ {cut(h.service, 40)} →</span> <Link href={to('connections', h.connections?.[0])}><b>{h.to_boundary}</b></Link> </span>)}
            {!c.certain && <Tag>not certain</Tag>}
          </li>
        ))}
      </ul>
      {all.length === 0 && <Empty>None.</Empty>}
      {all.length > 12 && <p className="dim"><T v={`The first 12 of ${all.length}: demarc-collector get paths --from ${name} tells all.`} /></p>}
    </Block>
  );
}
