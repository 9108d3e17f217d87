import { useAssets, useBoundaries, useConnections, useExplain, useFindings } from '../api';
import { Grade, Links, Place, VerdictChip } from '../parts/chip';
import { connectionColumns, findingColumns, nameOf, operations, service, side, verdictOf } from '../parts/columns';
import { Frames } from '../parts/frames';
import { Block, Empty, Fault, Loading, Pairs, Sheet } from '../parts/page';
import { ServerTable, Table } from '../parts/table';
import { Link, to, useRoute } from '../route';
import { bytes, count, cut, T, when } from '../text';
import type { Connection, Term } from '../types';
import { BASES, VERDICT_WORDS, VERDICTS } from '../words';

const OUTCOMES = ['exchanged', 'refused', 'unanswered', 'one-sided'];
const OPERATIONS = ['read', 'write', 'control', 'program', 'firmware', 'configure', 'subscribe', 'alarm', 'diagnose', 'authenticate', 'transfer'];

export function Connections({ id }: { id: string }) {
  const { query } = useRoute();
  const boundaries = useBoundaries();
  if (id) return <OneConnection id={id} />;
  const value = (key: string) => query.get(key) ?? '';
  const places = [...(boundaries.data ?? []).map((b) => b.name), 'internet'];
  return (
    <Sheet title="Connections" lead="Client, server, transport and port, summed over time; each with one verdict. The worst stand first." wide>
      <ServerTable
        list="connections" name="connections" columns={connectionColumns} id={(c: Connection) => c.id} href={(c) => to('connections', c.id)}
        query={{ search: value('q'), verdict: value('verdict'), client_boundary: value('from'), server_boundary: value('to'), operation: value('did'), outcome: value('outcome') }}
        facets={[
          { key: 'verdict', name: 'Verdict', values: [...VERDICTS] }, { key: 'from', name: 'From', values: places }, { key: 'to', name: 'To', values: places },
          { key: 'did', name: 'Did', values: OPERATIONS }, { key: 'outcome', name: 'Outcome', values: OUTCOMES },
        ]}
        empty="Nothing has been reported yet."
      />
    </Sheet>
  );
}

function OneConnection({ id }: { id: string }) {
  const found = useConnections({ ids: [id] });
  const c = found.data?.find((x) => x.id === id);
  const pair = useConnections({ asset: c?.connection.client_asset }, !!c?.connection.client_asset);
  const explained = useExplain(id);
  const findings = useFindings({ connection: id }, !!c);
  const ends = [c?.connection.client_asset, c?.connection.server_asset].filter((x) => x !== undefined && x !== '');
  const assets = useAssets({ ids: ends as string[] }, ends.length > 0);
  if (found.isPending) return <Loading />;
  if (!c) return <Sheet title="No such connection"><Empty>Nothing has the id {cut(id, 60)}: <Link href="/connections">see all connections</Link>.</Empty></Sheet>;
  const x = c.connection, v = c.verdict ?? {};
  const name = (asset: string | undefined, address: string) => {
    const a = assets.data?.find((y) => y.id === asset);
    return <>{asset ? <Link href={to('assets', asset)}>{cut(a ? nameOf(a) : address, 80)}</Link> : <T v={address} />} <span className="mono dim">{address}</span></>;
  };
  const children = (pair.data ?? []).filter((y) => y.connection.related_to === id);
  return (
    <Sheet
      title={`${cut(x.client, 60)} → ${cut(x.server, 60)}`}
      lead={<><VerdictChip v={verdictOf(c)} /> {VERDICT_WORDS[verdictOf(c)]}, since {when(v.since)}</>}
      actions={<Link className="pf-v6-c-button pf-m-secondary pf-m-small" href={to('brief', id)}>Connection brief</Link>}
    >
      <p className="reason"><T v={v.reason} cap={600} /></p>
      <div className="columns">
        <Block title="Who">
          <Pairs of={[
            ['Client', name(x.client_asset, x.client)], ['Client stands in', <Place name={c.client_boundary} own={side(c.client_boundary, c) === 'own link'} />],
            ['Server', name(x.server_asset, x.server)], ['Server stands in', <Place name={c.server_boundary} own={side(c.server_boundary, c) === 'own link'} />],
            ['Opened by', x.opened_by || 'unknown'], ['Direction known from', BASES[x.direction_basis || 'unknown'] ?? x.direction_basis],
            ['Seen by', <Links page="agents" of={c.agents ?? []} />],
            ['Segment', [x.segment, ...(x.vlans ?? []).map((n) => `VLAN ${n}`)].filter(Boolean).join(', ')],
          ]} />
        </Block>
        <Block title="What">
          <Pairs of={[
            ['Service', <>{service(x)} <Grade v={x.grade} /></>], ['Did', operations(x) || 'no operation was read'], ['Outcome', x.outcome],
            ['Protection', x.security || 'not known'], ['TLS', x.security_facts?.tls], ['OPC UA policy', x.security_facts?.policy],
            ['Certificate', x.security_facts?.subject && <T v={x.security_facts.subject} />], ['Asked for', x.security_facts?.server_name && <T v={x.security_facts.server_name} />],
            ['From the client', `${bytes(x.client_bytes)} in ${count(x.client_packets)} packets`], ['From the server', `${bytes(x.server_bytes)} in ${count(x.server_packets)} packets`],
            ['Sessions', count(x.sessions)], ['First seen', when(x.first_seen)], ['Last seen', when(x.last_seen)],
          ]} />
        </Block>
      </div>
      {(v.terms ?? []).length > 0 && <Block title="Terms"><Table short name="terms" rows={v.terms ?? []} columns={termColumns} id={(t) => t.term} empty="" /></Block>}
      <Block title="How it came to its verdict" note={`policy version ${v.policy_version ?? ''}`}>
        <Fault of={explained} />
        <ol className="lines numbered">{(explained.data?.lines ?? []).map((l, i) => <li key={i}><T v={l} cap={400} /></li>)}</ol>
        {(v.documents ?? []).length > 0 && <p>Stands on {(v.documents ?? []).map((d, i) => <span key={d}>{i > 0 && ', '}<Link href={to('policy', '', { document: d })}>{d}</Link></span>)}</p>}
      </Block>
      <Frames of={{ connection: id }} />
      <Block title="Findings">
        <Table short name="findings" rows={findings.data ?? []} columns={findingColumns} id={(f) => f.id} href={(f) => to('findings', f.id)} empty="It stands in no finding." />
      </Block>
      {children.length > 0 && <Block title="Negotiated by it"><Table short name="children" rows={children} columns={connectionColumns} id={(y) => y.id} href={(y) => to('connections', y.id)} empty="" /></Block>}
    </Sheet>
  );
}

const termColumns = [
  { key: 'term', name: 'Term', width: '10rem', text: (t: Term) => t.term },
  { key: 'state', name: 'State', width: '10rem', text: (t: Term) => t.state, cell: (t: Term) => <span className={`chip k-${t.state === 'met' ? 'good' : t.state === 'broken' ? 'bad' : 'middle'}`}>{t.state}</span> },
  { key: 'why', name: 'Why', text: (t: Term) => t.why ?? '' },
];
