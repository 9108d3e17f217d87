import { ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useEffect, useMemo, useRef } from 'react';
import { useAssets, useConnections, useFindings } from '../api';
import { Severity, Status, Tag } from '../parts/chip';
import { addresses, fewColumns, nameOf, note } from '../parts/columns';
import { typing } from '../parts/head';
import { Block, Empty, Fault, Loading, Pairs, Sheet } from '../parts/page';
import { Table } from '../parts/table';
import { go, Link, setQuery, to, useRoute } from '../route';
import { reader, useCell, type Reader } from '../store';
import { ago, count, cut, plural, T, when } from '../text';
import type { Asset, Finding } from '../types';
import { actionFor, unplug } from '../words';

const SHOW = [['open', 'To decide'], ['all', 'All'], ['closed', 'Closed']] as const;

export function Findings({ id }: { id: string }) {
  const findings = useFindings();
  const { query } = useRoute();
  const show = query.get('show') ?? 'open';
  const kind = query.get('kind') ?? '';
  const list = useMemo(
    () => (findings.data ?? []).filter((f) => (show === 'all' || (show === 'closed') === (f.status === 'closed')) && (!kind || f.kind === kind)),
    [findings.data, show, kind],
  );
  const kinds = [...new Set((findings.data ?? []).map((f) => f.kind))].sort();
  if (findings.isPending) return <Loading />;
  const at = (findings.data ?? []).find((f) => f.id === id) ?? list[0];
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
        <span className="dim keys"><kbd>j</kbd> <kbd>k</kbd> next, previous</span>
        <span className="dim" role="status">{plural(list.length, 'finding')}</span>
      </div>
      {list.length === 0 ? <Empty>{findings.data?.length ? 'Nothing here waits for a decision.' : 'No finding. What was seen so far stays inside its boundary or is covered by an agreement.'}</Empty> : (
        <div className="split">
          <Queue list={list} at={at?.id ?? ''} />
          {at && <Detail key={at.id} f={at} />}
        </div>
      )}
    </Sheet>
  );
}

function Queue({ list, at }: { list: Finding[]; at: string }) {
  const box = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (typing(e.target) || e.ctrlKey || e.metaKey || e.altKey) return;
      const step = e.key === 'j' || e.key === 'ArrowDown' ? 1 : e.key === 'k' || e.key === 'ArrowUp' ? -1 : 0;
      if (!step) return;
      const next = list[Math.min(list.length - 1, Math.max(0, list.findIndex((f) => f.id === at) + step))];
      if (next) go(to('findings', next.id) + location.search, true);
      e.preventDefault();
    };
    window.addEventListener('keydown', key);
    return () => window.removeEventListener('keydown', key);
  }, [list, at]);
  useEffect(() => { void box.current?.querySelector('[aria-current=true]')?.scrollIntoView({ block: 'nearest' }); }, [at]);
  return (
    <ul className="queue" ref={box} aria-label="Findings">
      {list.map((f) => (
        <li key={f.id}>
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
  const connections = useConnections();
  const assets = useAssets();
  const members = (connections.data ?? []).filter((c) => f.connections?.includes(c.id));
  const involved = useMemo(() => {
    const ids = new Set([...(f.assets ?? []), ...members.flatMap((c) => [c.connection.client_asset, c.connection.server_asset])]);
    return (assets.data ?? []).filter((a) => ids.has(a.id));
  }, [f, members, assets.data]);
  return (
    <article className="detail" aria-labelledby="finding-title">
      <header>
        <h2 id="finding-title"><Severity n={f.severity} /> <T v={f.title} cap={300} /></h2>
        <p className="why"><T v={f.why} /></p>
        <p className="action"><b>{{ engineer: 'On the floor', analyst: 'To do', official: 'For you' }[now]}</b> {actionFor(f, now)}</p>
      </header>
      {now === 'engineer' && <Devices assets={involved} />}
      <Pairs of={[
        ['Status', <Status v={f.status} />], ['Severity', (f.severity_terms ?? []).join(', ') || String(f.severity ?? 0)],
        ['From', f.from_boundary], ['To', f.to_boundary], ['Service', f.service && <T v={f.service} />], ['Opened by', f.opener], ['Broken term', f.term],
        ['ATT&CK for ICS', f.technique], ['First seen', when(f.first_seen)], ['Last seen', when(f.last_seen)], ['Site', f.site],
        ['Survey', f.survey && 'in the worklist of a survey: nobody is alarmed yet'], ['Id', <span className="mono">{f.id}</span>],
      ]} />
      {members.length > 0 && <Block title="Connections" note={plural(members.length + (f.left_off ?? 0), 'connection')}><Table short name="connections" rows={members.slice(0, 100)} columns={fewColumns} id={(c) => c.id} href={(c) => to('connections', c.id)} empty="" /></Block>}
      {now !== 'engineer' && involved.length > 0 && <Devices assets={involved} />}
      {(f.past ?? []).length > 0 && <p className="dim">{plural(f.past!.length, 'member')} that it grouped before {f.past!.length === 1 ? 'is' : 'are'} covered now.</p>}
      {(f.left_off ?? 0) > 0 && <p className="dim">{count(f.left_off)} more are counted and not listed.</p>}
    </article>
  );
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

/** whereIs is how to find a device: what people wrote, its switch port, its network. */
export function whereIs(a: Asset): string {
  const fact = (name: string) => a.facts?.find((f) => f.attribute === name)?.value;
  const parts = [
    note(a, 'place'), fact('switch-port') && `switch port ${fact('switch-port')}`, [a.vendor, a.product, a.model].filter(Boolean).join(' '),
    a.segment && `segment ${a.segment}`, (a.vlans ?? []).length > 0 && `VLAN ${(a.vlans ?? []).join(', ')}`, (a.macs ?? []).length > 0 && `MAC ${(a.macs ?? []).slice(0, 2).join(' ')}`,
  ];
  return parts.filter(Boolean).join(' · ');
}

export type { Reader };
