import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAgents, useAuthorizations, useBoundaries, useConditions, useCrossings, useFirst, total, useStatus, useTotal } from '../api';
import { Calendar } from '../parts/calendar';
import { Severity, StateChip, Tag } from '../parts/chip';
import { Conditions } from '../parts/conditions';
import { Matrix, Strip } from '../parts/matrix';
import { Block, Empty, Fault, Loading, Sheet } from '../parts/page';
import { AddAgent } from '../parts/addagent';
import { Span } from '../parts/span';
import { Link, to } from '../route';
import { reader, useCell, type Reader } from '../store';
import { ago, count, cut, plural } from '../text';
import type { Asset, Condition, Connection, Finding } from '../types';
import { READERS } from '../words';
import { First } from './first';

// The same data for all three; each reader finds their own question first.
const ORDER: Record<Reader, (keyof typeof BLOCKS)[]> = {
  engineer: ['agents', 'findings', 'sight', 'inventory', 'verdicts', 'crossings'],
  analyst: ['findings', 'verdicts', 'crossings', 'sight', 'conditions', 'agents'],
  official: ['conditions', 'calendar', 'boundaries', 'findings', 'sight', 'verdicts'],
};

export function Home(_: { id: string }) {
  const now = useCell(reader);
  const agents = useQuery(total('agents'));
  const assets = useQuery(total('assets'));
  const [adding, setAdding] = useState(false);
  if (agents.isPending || assets.isPending) return <Loading />;
  return (
    <>
      {agents.data?.total === 0 && assets.data?.total === 0 ? <First add={() => setAdding(true)} /> : <Landing now={now} />}
      {adding && <AddAgent close={() => setAdding(false)} />}
    </>
  );
}

function Landing({ now }: { now: Reader }) {
  const status = useStatus();
  return (
    <Sheet title={READERS[now].home} lead={READERS[now].asks}>
      <Fault of={status} />
      <Answer reader={now} />
      <Undrawn />
      <div className="home">
        {ORDER[now].map((name) => { const B = BLOCKS[name]; return <B key={name} />; })}
      </div>
    </Sheet>
  );
}

/** Undrawn leads on from what was heard to what stands where. */
function Undrawn() {
  const unplaced = useTotal('assets', { unplaced: true });
  const drawn = useTotal('boundaries');
  if (unplaced <= 0 || drawn < 0) return null;
  return <p className="hint">{drawn === 0 ? 'No boundary is drawn yet, so nothing that was heard can be judged.' : `${plural(unplaced, 'asset')} ${unplaced === 1 ? 'stands' : 'stand'} in no boundary.`} <Link href="/propose">Drafts</Link> proposes documents out of what was seen, for you to edit.</p>;
}

/** Answer says the reader's question's answer in one line of figures. */
function Answer({ reader: now }: { reader: Reader }) {
  const findings = Math.max(0, useTotal('findings', { open: true }));
  const high = Math.max(0, useTotal('findings', { open: true, severity: 70 }));
  const assets = Math.max(0, useTotal('assets'));
  const unplaced = Math.max(0, useTotal('assets', { unplaced: true }));
  const conditions = useConditions().data ?? [];
  const agents = useAgents().data ?? [];
  const boundaries = useBoundaries().data ?? [];
  const authorizations = useAuthorizations().data ?? [];
  const connected = agents.filter((a) => a.state === 'connected').length;
  const badSpan = agents.filter((a) => a.span?.word?.startsWith('bad')).length;
  const gaps = boundaries.filter((b) => b.sight?.gaps?.length).length;
  const state = (s: string) => conditions.filter((c) => c.state === s).length;
  const holding = state('holds') + state('not-exercised') + state('attested');
  const none = boundaries.filter((b) => b.authorization?.startsWith('no authorization')).length;
  const figures: Record<Reader, Fig[]> = {
    engineer: [
      [connected, `of ${plural(agents.length, 'agent')} connected`, '/agents', connected < agents.length && 'alarm'],
      [badSpan, badSpan === 1 ? 'SPAN port is not right' : 'SPAN ports are not right', '/agents', badSpan > 0 && 'alarm'],
      [assets, 'assets seen', '/assets', false],
      [unplaced, unplaced === 1 ? 'stands in no boundary' : 'stand in no boundary', to('assets', '', { boundary: 'unplaced' }), unplaced > 0 && 'attend'],
      [findings, findings === 1 ? 'finding to decide' : 'findings to decide', '/findings', high > 0 ? 'alarm' : findings > 0 && 'attend'],
    ],
    analyst: [
      [findings, findings === 1 ? 'finding to decide' : 'findings to decide', '/findings', findings > 0 && 'attend'],
      [high, 'of severity 70 or more', '/findings', high > 0 && 'alarm'],
      [unplaced, unplaced === 1 ? 'asset in no boundary' : 'assets in no boundary', to('assets', '', { boundary: 'unplaced' }), unplaced > 0 && 'attend'],
      [gaps, `of ${plural(boundaries.length, 'boundary', 'boundaries')} not in full sight`, '/boundaries', gaps > 0 && 'attend'],
      [state('violated'), `of ${plural(conditions.length, 'condition')} violated`, '/authorizations', state('violated') > 0 && 'alarm'],
    ],
    official: [
      [holding, `of ${plural(conditions.length, 'condition')} hold`, '/authorizations', false],
      [state('violated'), 'violated', '/authorizations', state('violated') > 0 && 'alarm'],
      [state('not-observable') + state('stale') + state('attestation-due'), 'cannot be shown to hold', '/authorizations', conditions.length > holding + state('violated') && 'attend'],
      [authorizations.filter((a) => a.state === 'in force').length, `of ${plural(authorizations.length, 'authorization')} in force`, '/authorizations', authorizations.some((a) => a.state === 'lapsed') && 'alarm'],
      [none, none === 1 ? 'boundary has no authorization on record' : 'boundaries have no authorization on record', '/boundaries', none > 0 && 'attend'],
    ],
  };
  return <ul className="answer">{figures[now].map(([n, words, href, alarm]) => <li key={words} className={alarm || undefined}><Link href={href}><b>{count(n)}</b><span>{words}</span></Link></li>)}</ul>;
}
type Fig = [n: number, words: string, href: string, asks: 'alarm' | 'attend' | false];

const BLOCKS = { findings: Top, verdicts: Verdicts, crossings: Crossings, conditions: Held, calendar: Dates, agents: Listening, sight: Sight, inventory: Devices, boundaries: Standing };

function Top() {
  const findings = useFirst<Finding>('findings', { open: true }, 6);
  return (
    <Block title="Decisions to make" more={<Link href="/findings">all {count(findings.data?.total)}</Link>}>
      <Fault of={findings} />
      {findings.data?.total === 0 ? <Empty>Nothing waits for a decision.</Empty> : <ul className="top">{(findings.data?.rows ?? []).map((f) => <Row key={f.id} f={f} />)}</ul>}
    </Block>
  );
}

const Row = ({ f }: { f: Finding }) => (
  <li><Link href={to('findings', f.id)}><Severity n={f.severity} /><span className="title">{cut(f.title, 160)}</span><span className="why">{cut(f.why, 200)}</span></Link></li>
);

function Verdicts() {
  const p = useFirst<Connection>('connections', {}, 1).data;
  return <Block title="Connections by verdict" more={<Link href="/connections">all {count(p?.total)}</Link>}>{p && <Strip of={p.verdicts ?? {}} />}</Block>;
}

function Crossings() {
  const crossings = useCrossings(), boundaries = useBoundaries();
  return <Block title="Crossings" note="coloured by the worst verdict" more={<Link href="/map">map</Link>}><Matrix of={crossings.data ?? []} boundaries={boundaries.data ?? []} /></Block>;
}

function Held() {
  const conditions = useConditions();
  return <Block title="Conditions" note="how each stands now" more={<Link href="/authorizations">authorizations</Link>}><Fault of={conditions} />{conditions.isPending ? <p className="dim">judging</p> : <Conditions of={(conditions.data ?? []) as Condition[]} named />}</Block>;
}

function Dates() {
  return <Block title="What ends, and when"><Calendar now={Date.now()} most={6} /></Block>;
}

function Listening() {
  const agents = useAgents().data ?? [];
  return (
    <Block title="Agents" more={<Link href="/agents">all {count(agents.length)}</Link>}>
      <ul className="lines">{agents.slice(0, 8).map((a) => <li key={a.name} className="agent"><Link href={to('agents', a.name)}><b>{cut(a.name, 40)}</b></Link> <StateChip v={a.state} /> <Span a={a} /> <span className="dim">{ago(a.last_heard, Date.now())}</span></li>)}</ul>
      {agents.length === 0 && <Empty>No agent is enrolled.</Empty>}
    </Block>
  );
}

function Sight() {
  const boundaries = useBoundaries().data ?? [];
  const heard = boundaries.filter((b) => b.sight?.segments?.length), unheard = boundaries.filter((b) => !b.sight?.segments?.length);
  return (
    <Block title="What could be seen" note="over the last day">
      <ul className="lines">{heard.map((b) => <li key={b.name} className={b.sight?.gaps?.length ? 'soon' : undefined}><Link href={to('boundaries', b.name)}><b>{b.name}</b></Link> {cut(b.sight?.words || 'nothing heard', 240)}</li>)}</ul>
      {boundaries.length === 0 && <Empty>No boundary is drawn yet.</Empty>}
      {unheard.length > 0 && <><h3>No agent listens in</h3><p className="tags">{unheard.map((b) => <Link key={b.name} className="tag" href={to('boundaries', b.name)}>{b.name}</Link>)}</p></>}
    </Block>
  );
}

function Standing() {
  const boundaries = useBoundaries().data ?? [];
  return <Block title="Boundaries" more={<Link href="/boundaries">all {count(boundaries.length)}</Link>}><ul className="lines">{boundaries.map((b) => <li key={b.name}><Link href={to('boundaries', b.name)}><b>{cut(b.title || b.name, 80)}</b></Link> <span className="dim">{b.authorization}</span> {(b.findings ?? 0) > 0 && <Tag>{plural(b.findings!, 'finding')}</Tag>}</li>)}</ul></Block>;
}

function Devices() {
  const boundaries = useBoundaries().data ?? [];
  const fresh = useFirst<Asset>('assets', { order_by: 'first_seen desc' }, 5).data;
  return (
    <Block title="Inventory" more={<Link href="/assets">all {count(fresh?.total)}</Link>}>
      <p className="tags">{boundaries.filter((b) => b.assets).map((b) => <Link key={b.name} className="tag" href={to('assets', '', { boundary: b.name })}>{b.name} {count(b.assets)}</Link>)}</p>
      <h3>Newest</h3>
      <ul className="lines">{(fresh?.rows ?? []).map((a) => <li key={a.id}><Link href={to('assets', a.id)} className="mono">{cut(a.ips?.[0] ?? a.macs?.[0] ?? a.id, 40)}</Link> {cut(a.names?.[0], 40)} {(a.roles ?? []).slice(0, 2).map((r) => <Tag key={r.role}>{r.role}</Tag>)} <span className="dim">{cut([a.vendor, a.model].filter(Boolean).join(' '), 60)}</span></li>)}</ul>
    </Block>
  );
}
