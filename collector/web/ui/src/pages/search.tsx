import { useQuery } from '@tanstack/react-query';
import { get, useAgents, useAuthorizations, useBoundaries, useConditions, useDocuments, useFirst } from '../api';
import { Severity, StateChip, VerdictChip } from '../parts/chip';
import { addresses, nameOf, service, verdictOf } from '../parts/columns';
import { Block, Empty, Sheet } from '../parts/page';
import { Link, to, useRoute } from '../route';
import { count, cut, when } from '../text';
import { useMay } from '../parts/may';
import type { Asset, AuditEntry, Connection, Finding, Proposal, User } from '../types';

const MOST = 12;

/** Search looks through everything that the collector lists. */
export function Search(_: { id: string }) {
  const q = (useRoute().query.get('q') ?? '').trim();
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const hit = (...parts: unknown[]) => { const text = parts.flat(3).join(' ').toLowerCase(); return words.every((w) => text.includes(w)); };
  const f0 = useFirst<Finding>('findings', { search: q }, MOST).data, a0 = useFirst<Asset>('assets', { search: q }, MOST).data, c0 = useFirst<Connection>('connections', { search: q }, MOST).data;
  const findings = f0?.rows ?? [], assets = a0?.rows ?? [], connections = c0?.rows ?? [];
  const boundaries = (useBoundaries().data ?? []).filter((b) => hit(b.name, b.title, b.members, b.authorization));
  const authorizations = (useAuthorizations().data ?? []).filter((a) => hit(a.name, a.decision, a.organization, a.boundaries));
  const conditions = (useConditions().data ?? []).filter((c) => hit(c.id, c.statement, c.controls, c.state));
  const agents = (useAgents().data ?? []).filter((a) => hit(a.name, a.hostname, a.site, a.segments, a.version));
  const documents = (useDocuments().data?.documents ?? []).filter((d) => hit(d.kind, d.name, d.text));
  const users = useFirst<User>('users', { search: q }, MOST, !useMay('AccountService/ListUsers')).data?.rows ?? [];
  const proposals = useFirst<Proposal>('proposals', { search: q }, MOST).data?.rows ?? [];
  const noLog = useMay('AuditService/ListAudit');
  const log = useQuery({ queryKey: ['audit', 'search', q], queryFn: () => get<{ entries?: AuditEntry[] }>('audit', { search: q, limit: MOST + 1 }), enabled: !!q && !noLog }).data?.entries ?? [];
  const totals: Record<string, number | undefined> = { Findings: f0?.total, Assets: a0?.total, Connections: c0?.total };
  const groups: [string, string, { id: string; href: string; what: React.ReactNode }[]][] = [
    ['Findings', '/findings', findings.map((f) => ({ id: f.id, href: to('findings', f.id), what: <><Severity n={f.severity} /> {cut(f.title, 160)}</> }))],
    ['Assets', to('assets', '', { q }), assets.map((a) => ({ id: a.id, href: to('assets', a.id), what: <><b>{cut(nameOf(a), 60)}</b> <span className="mono">{addresses(a).slice(0, 2).join(' ')}</span> <span className="dim">{cut([a.vendor, a.product, a.model].filter(Boolean).join(' '), 80)}</span></> }))],
    ['Connections', to('connections', '', { q }), connections.map((c) => ({ id: c.id, href: to('connections', c.id), what: <><VerdictChip v={verdictOf(c)} /> <span className="mono">{cut(c.connection.client, 60)} → {cut(c.connection.server, 60)}</span> {service(c.connection)}</> }))],
    ['Boundaries', '/boundaries', boundaries.map((b) => ({ id: b.name, href: to('boundaries', b.name), what: <><b>{b.name}</b> {cut(b.title, 80)}</> }))],
    ['Authorizations', '/authorizations', authorizations.map((a) => ({ id: a.name, href: to('authorizations', a.name), what: <><b>{a.name}</b> <StateChip v={a.state} /></> }))],
    ['Conditions', '/authorizations', conditions.map((c) => ({ id: c.id, href: to('authorizations', c.authorization), what: <><b>{c.id}</b> {cut(c.statement, 160)}</> }))],
    ['Agents', '/agents', agents.map((a) => ({ id: a.name, href: to('agents', a.name), what: <><b>{cut(a.name, 60)}</b> <StateChip v={a.state} /></> }))],
    ['To confirm', '/confirm', proposals.map((p) => ({ id: p.id, href: '/confirm', what: <><b>{p.id}</b> {cut(p.words || (p.documents ?? []).map((d) => d.document).join(', '), 160)}</> }))],
    ['Accounts', '/users', users.map((u) => ({ id: u.name, href: to('users', u.name), what: <><b>{u.name}</b> {cut(u.full_name, 80)}</> }))],
    ['Documents', '/policy', documents.map((d) => ({ id: `${d.kind}/${d.name}`, href: to('policy', '', { document: `${d.kind}/${d.name}` }), what: <><span className="dim">{d.kind}</span> <b>{d.name}</b></> }))],
    ['Audit log', to('audit', '', { q }), log.map((e) => ({ id: e.sequence, href: to('audit', '', { q }), what: <><span className="dim">{when(e.time)}</span> <b>{cut(e.who, 60)}</b> {cut(e.what, 60)} {cut(e.on, 80)} <span className="dim">{cut(e.detail, 120)}</span></> }))],
  ];
  const found = groups.filter(([, , rows]) => rows.length);
  return (
    <Sheet title="Search" lead={q ? <>for <b>{cut(q, 80)}</b></> : 'Addresses, names, vendors, serial numbers, protocols, ids, documents, accounts, what was done: type in the box above.'}>
      {q && found.length === 0 && <Empty>Nothing that the collector lists has these words.</Empty>}
      {q && found.map(([name, more, rows]) => (
        <Block key={name} title={name} note={count(totals[name] ?? rows.length)} more={(totals[name] ?? rows.length) > MOST && <Link href={more}>all</Link>}>
          <ul className="lines">{rows.slice(0, MOST).map((r) => <li key={r.id}><Link href={r.href} className="hit">{r.what}</Link></li>)}</ul>
        </Block>
      ))}
    </Sheet>
  );
}
