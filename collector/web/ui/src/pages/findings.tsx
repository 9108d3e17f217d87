import { Button, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { get, useAssets, useConnections, useFindings } from '../api';
import { Severity, Status, Tag } from '../parts/chip';
import { addresses, fewColumns, nameOf, note } from '../parts/columns';
import { Frames } from '../parts/frames';
import { typing } from '../parts/head';
import { Block, Empty, Fault, Loading, Pairs, Sheet } from '../parts/page';
import { Table } from '../parts/table';
import { Act as May, useMay } from '../parts/may';
import { type Act, ACTS, Triage } from '../parts/triage';
import { go, Link, setQuery, to, useAt, useRoute } from '../route';
import { reader, useCell } from '../store';
import { ago, count, cut, day, lastDay, plural, T, when } from '../text';
import type { Asset, Finding, FindingEvent } from '../types';
import { actionFor, ports, switchPort, unplug } from '../words';

const SHOW = [['open', 'To decide'], ['accepted', 'Accepted'], ['closed', 'Closed'], ['all', 'All']] as const;

/** group is the list that a finding stands in: what waits, what somebody lives with, what is over. */
const group = (f: Finding) => (f.status === 'closed' ? 'closed' : f.status === 'deviation-approved' ? 'accepted' : 'open');

export function Findings({ id }: { id: string }) {
  const findings = useFindings();
  const refused = useMay('FindingService/ActOnFindings'), at0 = useAt();
  const { query } = useRoute();
  const show = query.get('show') ?? 'open';
  const kind = query.get('kind') ?? '';
  const list = useMemo(
    () => (findings.data ?? []).filter((f) => (show === 'all' || group(f) === show) && (!kind || f.kind === kind)),
    [findings.data, show, kind],
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [act, setAct] = useState<Act>();
  const kinds = [...new Set((findings.data ?? []).map((f) => f.kind))].sort();
  if (findings.isPending) return <Loading />;
  const at = (findings.data ?? []).find((f) => f.id === id) ?? list[0];
  const marked = list.filter((f) => chosen.has(f.id));
  const of = marked.length ? marked : at ? [at] : [];
  const mark = (f: Finding) => { const next = new Set(chosen); if (!next.delete(f.id)) next.add(f.id); setChosen(next); };
  const acts = ACTS.filter((a) => of.length > 0 && of.every(a.fits));
  return (
    <Sheet title="Findings" lead="One finding is one decision for a person to make. The most severe stand first." wide>
      <Fault of={findings} />
      <div className="tools">
        <ToggleGroup aria-label="Show" isCompact>
          {SHOW.map(([v, name]) => <ToggleGroupItem key={v} text={name} buttonId={`show-${v}`} isSelected={show === v} onChange={() => setQuery({ show: v === 'open' ? '' : v })} />)}
        </ToggleGroup>
        <label className="choice">Kind
          <select value={kind} onChange={(e) => setQuery({ kind: e.target.value })}><option value="">all</option>{kinds.map((k) => <option key={k}>{k}</option>)}</select>
        </label>
        <span className="grow" />
        <span className="dim keys"><kbd>j</kbd> <kbd>k</kbd> next, previous · <kbd>x</kbd> mark</span>
        <span className="dim" role="status">{plural(list.length, 'finding')}</span>
      </div>
      {list.length === 0 ? <Empty>{findings.data?.length ? 'Nothing here waits for a decision.' : 'No finding. What was seen so far stays inside its boundary or is covered by an agreement.'}</Empty> : (
        <div className="split">
          <Queue list={list} at={at?.id ?? ''} chosen={chosen} mark={mark} acts={refused || at0 ? [] : acts} take={setAct} />
          <div>
            <div className="acts" role="toolbar" aria-label="Decide">
              {marked.length > 0 && <b>{plural(marked.length, 'finding')} marked</b>}
              {acts.map((a, i) => <May call="FindingService/ActOnFindings" key={a.kind} size="sm" variant={i === 0 ? 'primary' : 'secondary'} onClick={() => setAct(a)}>{a.name} <kbd aria-hidden="true">{a.key}</kbd></May>)}
              {marked.length > 0 && <Button size="sm" variant="link" onClick={() => setChosen(new Set())}>Unmark</Button>}
            </div>
            {at && <Detail key={at.id} f={at} />}
          </div>
        </div>
      )}
      {act && of.length > 0 && <Triage act={act} of={of} close={() => setAct(undefined)} done={() => { setChosen(new Set()); if (act.leaves) next(list, of); }} />}
    </Sheet>
  );
}

/** next goes on to what follows those that were decided on. */
function next(list: Finding[], decided: Finding[]) {
  const last = list.findIndex((f) => f.id === decided.at(-1)?.id);
  const rest = [...list.slice(last + 1), ...list.slice(0, last)].find((f) => !decided.includes(f));
  if (rest) go(to('findings', rest.id) + location.search, true);
}

interface QueueProps { list: Finding[]; at: string; chosen: ReadonlySet<string>; mark: (f: Finding) => void; acts: Act[]; take: (a: Act) => void }

function Queue({ list, at, chosen, mark, acts, take }: QueueProps) {
  const box = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (typing(e.target) || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('[role=dialog]')) return;
      const here = list.find((f) => f.id === at);
      const act = acts.find((a) => a.key === e.key);
      if (act || (e.key === 'x' && here)) {
        e.preventDefault();
        if (act) take(act);
        else mark(here!);
        return;
      }
      const step = e.key === 'j' || e.key === 'ArrowDown' ? 1 : e.key === 'k' || e.key === 'ArrowUp' ? -1 : 0;
      if (!step) return;
      const next = list[Math.min(list.length - 1, Math.max(0, list.findIndex((f) => f.id === at) + step))];
      if (next) go(to('findings', next.id) + location.search, true);
      e.preventDefault();
    };
    window.addEventListener('keydown', key);
    return () => window.removeEventListener('keydown', key);
  }); // every drawing has its own list and marks
  useEffect(() => { void box.current?.querySelector('[aria-current=true]')?.scrollIntoView({ block: 'nearest' }); }, [at]);
  return (
    <ul className="queue" ref={box} aria-label="Findings">
      {list.map((f) => (
        <li key={f.id} className={chosen.has(f.id) ? 'marked' : undefined}>
          <input type="checkbox" aria-label={`Mark: ${cut(f.title, 80)}`} checked={chosen.has(f.id)} onChange={() => mark(f)} />
          <Link href={to('findings', f.id) + location.search} aria-current={f.id === at ? 'true' : undefined}>
            <Severity n={f.severity} />
            <span className="title">{cut(f.title, 180)}</span>
            <span className="why">{cut(f.why, 180)}</span>
            <span className="meta"><Tag>{f.kind}</Tag> <Status v={f.status} /> <span className="dim">{ago(f.last_seen, Date.now())}</span></span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function Detail({ f }: { f: Finding }) {
  const now = useCell(reader);
  const connections = useConnections({ ids: (f.connections ?? []).slice(0, 500) }, !!f.connections?.length);
  const members = useMemo(() => (connections.data ?? []).filter((c) => f.connections?.includes(c.id)), [connections.data, f.connections]);
  const ids = useMemo(() => [...new Set([...(f.assets ?? []), ...members.flatMap((c) => [c.connection.client_asset ?? '', c.connection.server_asset ?? ''])])].filter(Boolean).slice(0, 100), [f.assets, members]);
  const assets = useAssets({ ids }, ids.length > 0);
  const involved = (assets.data ?? []).filter((a) => ids.includes(a.id));
  return (
    <article className="detail" aria-labelledby="finding-title" data-id={f.id}>
      <header>
        <h2 id="finding-title"><Severity n={f.severity} /> <T v={f.title} cap={300} /></h2>
        <p className="why"><T v={f.why} /></p>
        <p className="action"><b>{{ engineer: 'On the floor', analyst: 'To do', official: 'For you' }[now]}</b> {actionFor(f, now)}</p>
      </header>
      {now === 'engineer' && <><Devices assets={involved} /><Switches near={involved} /></>}
      <Pairs of={[
        ['Status', <><Status v={f.status} />{f.acceptance && <> {lastDay(f.acceptance.until)}, {f.acceptance.owner} answers for it: <T v={f.acceptance.reason} /></>}{f.closure && <> {f.closure.reason} by {f.closure.by}</>}</>], ['Ceased', f.ceased && <>{day(f.ceased_since)}: <T v={f.ceased} /></>], ['Assigned to', f.assignee], ['Explained by', (f.explained_by ?? []).join(', ')], ['Condition', f.condition], ['Severity', (f.severity_terms ?? []).join(', ') || String(f.severity ?? 0)],
        ['From', f.from_boundary], ['To', f.to_boundary], ['Service', f.service && <T v={f.service} />], ['Opened by', f.opener], ['Broken term', f.term],
        ['ATT&CK for ICS', f.technique], ['First seen', when(f.first_seen)], ['Last seen', when(f.last_seen)], ['Site', f.site],
        ['Survey', f.survey && 'in the worklist of a survey: nobody is alarmed yet'], ['Id', <span className="mono">{f.id}</span>],
      ]} />
      {members.length > 0 && <Block title="Connections" note={plural(members.length + (f.left_off ?? 0), 'connection')}><Table short name="connections" rows={members.slice(0, 100)} columns={fewColumns} id={(c) => c.id} href={(c) => to('connections', c.id)} empty="" /></Block>}
      {now !== 'engineer' && involved.length > 0 && <Devices assets={involved} />}
      {(f.poam ?? []).length > 0 && <Block title="Plan of action"><ul className="lines">{f.poam!.map((p) => <li key={p.id}><Tag>{p.status}</Tag> <b>{p.id}</b> <T v={p.title} /> by {p.responsible}, due {lastDay(p.due)}</li>)}</ul></Block>}
      <Frames of={{ finding: f.id }} />
      <History id={f.id} revision={f.revision} />
      {(f.past ?? []).length > 0 && <p className="dim">{plural(f.past!.length, 'member')} that it grouped before {f.past!.length === 1 ? 'is' : 'are'} covered now.</p>}
      {(f.left_off ?? 0) > 0 && <p className="dim">{count(f.left_off)} more are counted and not listed.</p>}
    </article>
  );
}

/** History is what was done to a finding, the latest first. */
function History({ id, revision }: { id: string; revision?: string }) {
  const of = useQuery({ queryKey: ['finding', id, revision], queryFn: () => get<{ events?: FindingEvent[] }>(`findings/${encodeURIComponent(id)}`) });
  const events = (of.data?.events ?? []).toReversed();
  if (!events.length) return <Fault of={of} />;
  return <Block title="History"><ul className="lines">{events.map((e, i) => <li key={i}><span className="dim">{when(e.at)}</span> <b>{e.actor}</b> <T v={e.words} cap={400} /></li>)}</ul></Block>;
}

/** Devices is who is behind a finding: where they stand, and what not to unplug. */
function Devices({ assets }: { assets: Asset[] }) {
  if (!assets.length) return null;
  return (
    <Block title="Devices">
      <ul className="devices">
        {assets.slice(0, 20).map((a) => (
          <li key={a.id}>
            <Link href={to('assets', a.id)}><b>{cut(nameOf(a), 60)}</b></Link> <span className="mono">{addresses(a).slice(0, 2).join(' ')}</span>
            {(a.roles ?? []).slice(0, 3).map((r) => <Tag key={r.role}>{r.role}</Tag>)}
            <div className="dim"><T v={whereIs(a)} cap={200} /></div>
            {unplug(a) && <div className="hint">{cut(unplug(a), 200)}</div>}
          </li>
        ))}
      </ul>
    </Block>
  );
}

/** Switches are those that the agents hear where these devices stand: a switch names its port to the wire behind it. */
function Switches({ near }: { near: Asset[] }) {
  const wire = (a: Asset) => `${a.site} ${a.segment}`;
  const wires = new Set(near.filter((a) => a.segment).map(wire));
  const heard = (useAssets({ role: 'network-device' }, wires.size > 0).data ?? []).filter((a) => wires.has(wire(a)) && ports(a).length > 0);
  if (!heard.length) return null;
  return (
    <Block title="Switches heard there">
      <ul className="lines">{heard.slice(0, 10).map((a) => <li key={a.id}><Link href={to('assets', a.id)}><b>{cut(nameOf(a), 60)}</b></Link> <span className="mono">{addresses(a)[0]}</span> <T v={whereIs(a)} cap={200} /></li>)}</ul>
    </Block>
  );
}

/** whereIs is how to find a device: what people wrote, its switch port, its network. */
export function whereIs(a: Asset): string {
  const parts = [
    note(a, 'place'), switchPort(a), [a.vendor, a.product, a.model].filter(Boolean).join(' '),
    a.segment && `segment ${a.segment}`, (a.vlans ?? []).length > 0 && `VLAN ${(a.vlans ?? []).join(', ')}`, (a.macs ?? []).length > 0 && `MAC ${(a.macs ?? []).slice(0, 2).join(' ')}`,
  ];
  return parts.filter(Boolean).join(' · ');
}
