import { Act } from '../parts/may';
import { useState } from 'react';
import { post, useAssets, useBoundaries, useConnections } from '../api';
import { Grade, Place, StateChip, Tag } from '../parts/chip';
import { addresses, assetColumns, connectionColumns, nameOf, note, worst } from '../parts/columns';
import { Dialog } from '../parts/dialog';
import { Block, Empty, Loading, Pairs, Sheet } from '../parts/page';
import { ServerTable, Table } from '../parts/table';
import { Link, to, useRoute } from '../route';
import { cut, plural, T, when } from '../text';
import type { Asset, Fact } from '../types';
import { unplug } from '../words';

const PRESENCES = ['active', 'quiet', 'gone'];
const ROLES = ['plc', 'rtu', 'ied', 'hmi', 'engineering-workstation', 'scada-server', 'opc-server', 'historian', 'mes', 'erp', 'jump-host', 'domain-controller', 'network-device', 'remote-access', 'workstation', 'server'];

export function Assets({ id }: { id: string }) {
  const { query } = useRoute();
  const boundaries = useBoundaries();
  if (id) return <OneAsset id={id} />;
  const value = (key: string) => query.get(key) ?? '';
  const boundary = value('boundary');
  return (
    <Sheet title="Inventory" lead="What sent a frame, what ARP proves, and parts behind them. Every claim has its source and grade." wide>
      <ServerTable
        list="assets" name="assets" columns={assetColumns} id={(a: Asset) => a.id} href={(a) => to('assets', a.id)}
        query={{ search: value('q'), boundary: boundary === 'unplaced' ? '' : boundary, unplaced: boundary === 'unplaced', role: value('role'), presence: value('presence') }}
        facets={[
          { key: 'boundary', name: 'Boundary', values: [...(boundaries.data ?? []).map((b) => b.name), 'internet', 'unplaced'] },
          { key: 'role', name: 'Role', values: ROLES },
          { key: 'presence', name: 'Presence', values: PRESENCES },
        ]}
        empty="No asset yet. Add an agent, or have one read a capture file."
      />
    </Sheet>
  );
}

function OneAsset({ id }: { id: string }) {
  const found = useAssets({ ids: [id] });
  const connections = useConnections({ asset: id });
  const a = found.data?.find((x) => x.id === id);
  const around = useAssets({ segment: a?.segment, site: a?.site }, !!a && a.kind !== 'part');
  const [telling, setTelling] = useState(false);
  const above = useAssets({ ids: [a?.parent ?? ''] }, !!a?.parent);
  if (found.isPending) return <Loading />;
  if (!a) return <Sheet title="No such asset"><Empty>Nothing has the id {cut(id, 60)}. It may have been joined with another: <Link href="/assets">see the inventory</Link>.</Empty></Sheet>;
  const own = (connections.data ?? []).filter((c) => c.connection.client_asset === id || c.connection.server_asset === id);
  const parts = (around.data ?? []).filter((x) => x.parent === id);
  const chassis = above.data?.find((x) => x.id === a.parent);
  return (
    <Sheet title={cut(nameOf(a), 80)} lead={<>{(a.roles ?? []).map((r) => <Tag key={r.role}>{r.role}</Tag>)} <StateChip v={a.presence} /> <span className="dim">{a.presence_why}</span></>} actions={<Act call="CollectorService/SetAsset" size="sm" variant="secondary" onClick={() => setTelling(true)}>Say what you know</Act>}>
      {telling && (
        <Dialog
          draft={`asset-${id}`} title={`What you know of ${cut(nameOf(a), 60)}`} verb="Keep" close={() => setTelling(false)}
          lead="It is kept beside what was heard, with your name, and changes no evidence. An empty value takes it back."
          fields={[
            { key: 'field', name: 'What', kind: 'choice', choices: [['place', 'Place: cabinet, switch port'], ['name', 'Name'], ['owner', 'Owner'], ['criticality', 'Criticality'], ['role', 'Role'], ['notes', 'Notes'], ['retired', 'Retired: yes']] },
            { key: 'value', name: 'Value' }, { key: 'reason', name: 'How you know' },
          ]}
          act={async (v) => { await post(`assets/${encodeURIComponent(id)}/set`, v); return undefined; }}
        />
      )}
      {unplug(a) && <p className="hint">{unplug(a)}</p>}
      {(a.conflicts ?? []).map((c) => <p className="fault" key={c}><T v={c} /></p>)}
      <div className="columns">
        <Block title="Identity">
          <Pairs absent="not seen" of={[
            ['Vendor', <T v={a.vendor} />], ['Product', <T v={a.product} />], ['Model', <T v={a.model} />], ['Firmware', <T v={a.firmware} />],
            ['Hardware', <T v={a.hardware} />], ['Serial', <T v={a.serial} />], ['Operating system', <T v={a.os} />], ['Purdue level', a.level],
          ].map(([k, v]) => [k as string, blank(v)])} />
        </Block>
        <Block title="Place">
          <Pairs of={[
            ['Site', a.site], ['Segment', a.segment], ['VLANs', (a.vlans ?? []).join(', ')], ['Place', <T v={note(a, 'place')} />], ['Owner', <T v={note(a, 'owner')} />],
            ['Criticality', note(a, 'criticality')], ['MACs', <span className="mono">{(a.macs ?? []).join(' ')}</span>],
            ['Names', (a.names ?? []).length > 0 && (a.names ?? []).map((n) => <div key={n}><T v={n} cap={120} /></div>)],
            ['Behind', chassis && <Link href={to('assets', chassis.id)}>{cut(nameOf(chassis), 60)}</Link>],
            ['First seen', when(a.first_seen)], ['Last seen', when(a.last_seen)], ['Notes', note(a, 'notes') && <T v={note(a, 'notes')} />],
          ].map(([k, v]) => [k as string, blank(v)])} />
          <ul className="lines">{(a.places ?? []).map((p) => <li key={p.address}><span className="mono">{p.address}</span> <Place name={p.boundary} /> <span className="dim"><T v={p.why} /></span></li>)}</ul>
        </Block>
      </div>
      <Block title="Roles" note={plural((a.roles ?? []).length, 'role')}>
        <ul className="lines">{(a.roles ?? []).map((r) => <li key={r.role}><Tag>{r.role}</Tag> <Grade v={r.grade} /> <T v={r.why} /></li>)}</ul>
        {!a.roles?.length && <Empty>What it does is not known yet.</Empty>}
      </Block>
      <Block title="Neighbours" note={plural(own.length, 'connection')} more={<Link href={to('connections', '', { q: addresses(a)[0] ?? '' })}>in the list</Link>}>
        <Table short name="neighbours" rows={worst(own).slice(0, 50)} columns={connectionColumns} id={(c) => c.id} href={(c) => to('connections', c.id)} empty="It spoke to nobody, as far as was heard." />
      </Block>
      <Block title="Facts" note="with the message that said it">
        <Table short name="facts" rows={a.facts ?? []} columns={factColumns} id={(f) => `${f.attribute} ${f.value} ${f.source}`} sort="attribute" empty="No fact was read." />
      </Block>
      {parts.length > 0 && <Block title="Parts" note={plural(parts.length, 'part')}><Table short name="parts" rows={parts} columns={assetColumns} id={(x) => x.id} href={(x) => to('assets', x.id)} empty="" /></Block>}
      <div className="columns">
        <Block title="History">
          <ul className="lines">
            {(a.changes ?? []).toReversed().map((c, i) => <li key={i}>{when(c.at)} <b>{c.attribute}</b> <T v={c.from} cap={60} /> → <T v={c.to} cap={60} /> <span className="dim">{c.source}</span></li>)}
            {(a.annotations ?? []).map((n) => <li key={n.field}>{when(n.at)} <b>{n.field}</b> set to <T v={n.value} cap={60} /> by {n.by}</li>)}
          </ul>
          {!a.changes?.length && !a.annotations?.length && <Empty>Nothing about it changed.</Empty>}
        </Block>
        <Block title="How we know">
          <ul className="lines">
            {(a.heard ?? []).map((h) => <li key={h.agent}>heard by <Link href={to('agents', h.agent)}>{h.agent}</Link> last {when(h.last_seen)}</li>)}
            {(a.joins ?? []).map((j) => <li key={j}><T v={j} /></li>)}
            {(a.protocols ?? []).length > 0 && <li>spoke {[...new Set((a.protocols ?? []).map((x) => `${x.name} (${x.as})`))].join(', ')}</li>}
          </ul>
        </Block>
      </div>
    </Sheet>
  );
}

/** blank tells an empty text from one that is there. */
function blank(v: unknown): React.ReactNode {
  if (v && typeof v === 'object' && 'props' in v) {
    const { v: text, children } = (v as { props: { v?: string; children?: unknown } }).props;
    return (text ?? children ?? '') === '' ? '' : (v as React.ReactNode);
  }
  return v as React.ReactNode;
}

const factColumns = [
  { key: 'attribute', name: 'Attribute', width: '12rem', text: (f: Fact) => f.attribute },
  { key: 'value', name: 'Value', text: (f: Fact) => f.value },
  { key: 'grade', name: 'Grade', width: '7rem', text: (f: Fact) => f.grade ?? '', cell: (f: Fact) => <Grade v={f.grade} /> },
  { key: 'source', name: 'Source', text: (f: Fact) => f.source ?? '' },
  { key: 'first', name: 'First seen', width: '10.5rem', text: (f: Fact) => when(f.first_seen) },
  { key: 'last', name: 'Last seen', width: '10.5rem', text: (f: Fact) => when(f.last_seen) },
];
