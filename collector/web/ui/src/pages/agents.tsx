import { useState } from 'react';
import { post, useAgents } from '../api';
import { Drop } from '../parts/drop';
import { Act } from '../parts/may';
import { AddAgent } from '../parts/addagent';
import { StateChip } from '../parts/chip';
import { Span, spanWord } from '../parts/span';
import { Dialog } from '../parts/dialog';
import { Block, Empty, Fault, Loading, Pairs, Sheet } from '../parts/page';
import { type Column, Table } from '../parts/table';
import { Link, to } from '../route';
import { ago, bytes, count, cut, T, when } from '../text';
import type { Agent, SpanCheck } from '../types';

const now = () => Date.now();

const columns: Column<Agent>[] = [
  { key: 'name', name: 'Agent', text: (a) => a.name, cell: (a) => <Link href={to('agents', a.name)}>{cut(a.name, 60)}</Link> },
  { key: 'state', name: 'State', width: '7.4rem', text: (a) => a.state ?? '', cell: (a) => <StateChip v={a.state} /> },
  { key: 'span', name: 'SPAN port', width: '14%', text: spanWord, cell: (a) => <Span a={a} /> },
  { key: 'segments', name: 'Segments', text: (a) => (a.segments ?? []).join(', ') },
  { key: 'heard', name: 'Heard', width: '7.6rem', text: (a) => a.last_heard ?? '', cell: (a) => <span title={when(a.last_heard)}>{ago(a.last_heard, now())}</span> },
  { key: 'frames', name: 'Frames', width: '4.6rem', num: true, text: (a) => Number(a.frames ?? 0), cell: (a) => count(a.frames) },
  { key: 'drops', name: 'Dropped', width: '4.8rem', num: true, text: (a) => Number(a.drops ?? 0), cell: (a) => count(a.drops) },
  { key: 'lost', name: 'Lost batches', width: '6.2rem', num: true, text: (a) => Number(a.lost_batches ?? 0), cell: (a) => count(a.lost_batches) },
  { key: 'disk', name: 'Disk free', width: '5.4rem', num: true, text: (a) => Number(a.disk_free_bytes ?? 0), cell: (a) => <Disk a={a} /> },
  { key: 'clock', name: 'Clock', width: '4.2rem', num: true, text: (a) => Number(a.clock_offset_ms ?? 0), cell: (a) => `${count(a.clock_offset_ms)} ms` },
  { key: 'version', name: 'Version', width: '6.3rem', text: (a) => a.version ?? '' },
];

export function Agents({ id }: { id: string }) {
  const agents = useAgents();
  const [adding, setAdding] = useState(false), [dropping, setDropping] = useState(false);
  if (agents.isPending) return <Loading />;
  if (id) return <OneAgent id={id} all={agents.data ?? []} />;
  return (
    <Sheet title="Agents" lead="They listen on SPAN ports and TAPs, and have no way to send on them." wide actions={<><Act call="UploadService/BeginUpload" size="sm" variant="secondary" onClick={() => setDropping(!dropping)}>Read a capture</Act> <Act call="CollectorService/CreateToken" size="sm" onClick={() => setAdding(true)}>Add an agent</Act></>}>
      <Fault of={agents} />
      {dropping && <Drop />}
      <Table name="agents" rows={agents.data ?? []} columns={columns} id={(a) => a.name} href={(a) => to('agents', a.name)} empty="No agent is enrolled yet. Add one: it takes one line on the machine at the SPAN port." />
      {adding && <AddAgent close={() => setAdding(false)} />}
    </Sheet>
  );
}

function OneAgent({ id, all }: { id: string; all: Agent[] }) {
  const [revoking, setRevoking] = useState(false);
  const a = all.find((x) => x.name === id);
  if (!a) return <Sheet title="No such agent"><Empty>No agent has the name {cut(id, 60)}: <Link href="/agents">see all agents</Link>.</Empty></Sheet>;
  const checks = a.span?.checks ?? [];
  return (
    <Sheet title={cut(a.name, 80)} lead={<><StateChip v={a.state} /> SPAN port <Span a={a} /></>} actions={a.state !== 'revoked' && <Act call="CollectorService/RevokeAgent" size="sm" variant="danger" onClick={() => setRevoking(true)}>Revoke</Act>}>
      {revoking && (
        <Dialog
          draft={`revoke-${a.name}`} title={`Revoke ${cut(a.name, 60)}`} verb="Revoke" danger close={() => setRevoking(false)} fields={[{ key: 'reason', name: 'Reason', needed: true }]}
          lead="Its certificates are taken back and its stream ends. What it reported stays. To listen again it has to be enrolled anew."
          act={async (v) => { await post(`agents/${encodeURIComponent(a.name)}/revoke`, { reason: v.reason }); return undefined; }}
        />
      )}
      <div className="columns">
        <Block title="Health">
          <Pairs of={[
            ['Last heard', `${when(a.last_heard)}, ${ago(a.last_heard, now())}`], ['Last frame', a.last_frame && `${when(a.last_frame)}, ${ago(a.last_frame, now())}`],
            ['Frames', count(a.frames)], ['Dropped by the kernel', count(a.drops)], ['Batches taken over', count(a.through)], ['Batches lost', count(a.lost_batches)],
            ['Clock against ours', a.state !== BY_BUNDLE && `${count(a.clock_offset_ms)} ms`], ['Disk of its data', Number(a.disk_bytes ?? 0) > 0 && <><Disk a={a} /> free of {bytes(a.disk_bytes)}</>],
          ]} />
          {a.state === BY_BUNDLE && <p className="hint">It has no link: this is how it was when it wrote the last bundle that was taken, by its own clock.</p>}
        </Block>
        <Block title="Machine">
          <Pairs of={[
            ['Site', a.site], ['Host', <T v={a.hostname} />], ['Version', a.version], ['Segments', (a.segments ?? []).join(', ')],
            ['Enrolled', when(a.enrolled)], ['Certificate ends', `${when(a.certificate_expires)}, ${ago(a.certificate_expires, now())}`],
          ]} />
        </Block>
      </div>
      <Block title="Is the SPAN port right?" note={a.span?.at && `as of ${when(a.span.at)}`}>
        {checks.length === 0 ? <Empty>The agent has not told yet. It checks once it listens on an interface; one that read a capture file has none.</Empty> : (
          <ul className="checks">{checks.toSorted(byVerdict).map((c) => <Check key={`${c.interface} ${c.id}`} c={c} />)}</ul>
        )}
      </Block>
    </Sheet>
  );
}

const BY_BUNDLE = 'by bundle';

/** Disk is what the disk of an agent's data has left, marked below a tenth. */
function Disk({ a }: { a: Agent }) {
  const size = Number(a.disk_bytes ?? 0), full = Number(a.disk_free_bytes ?? 0) < size / 10;
  if (!size) return null; // it did not tell
  return full ? <span className="chip k-bad" title="less than a tenth is left"><i aria-hidden="true">✕</i>{bytes(a.disk_free_bytes)}</span> : <>{bytes(a.disk_free_bytes)}</>;
}

const ORDER = ['bad', 'warning', 'cannot tell', 'good'];
const byVerdict = (a: SpanCheck, b: SpanCheck) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict);

function Check({ c }: { c: SpanCheck }) {
  const kind = c.verdict === 'good' ? 'good' : c.verdict === 'bad' ? 'bad' : 'middle';
  return (
    <li>
      <span className={`chip k-${kind}`}>{c.verdict}</span> <b>{c.id}</b> <span className="dim mono">{c.interface}</span>
      <div><T v={c.evidence} /></div>
      {c.cure && <div className="hint"><T v={c.cure} /></div>}
    </li>
  );
}
