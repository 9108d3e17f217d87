import { Button } from '@patternfly/react-core';
import { useAgreements, useAssets, useAuthorizations, useBoundaries, useConditions, useConnections, useFindings, useWindows } from '../api';
import { ConditionChip, Links, VerdictChip } from '../parts/chip';
import { nameOf, operations, service, verdictOf } from '../parts/columns';
import { Export } from '../parts/download';
import { Empty, Loading, Sheet } from '../parts/page';
import { Link, to } from '../route';
import { ago, bytes, count, cut, day, lastDay, plural, T, when } from '../text';
import type { Agreement, Asset, Boundary, Connection } from '../types';
import { BASES, CONDITION_WORDS, DECISIONS, VERDICT_WORDS, impact } from '../words';

/** Brief is all that an official needs to judge one connection, on one page. */
export function Brief({ id }: { id: string }) {
  const connections = useConnections({ ids: [id] });
  if (connections.isPending) return <Loading />;
  const c = connections.data?.find((x) => x.id === id);
  if (!c) return <Sheet title="No such connection"><Empty>Nothing has the id {cut(id, 60)}: <Link href="/connections">see all connections</Link>.</Empty></Sheet>;
  return <One c={c} />;
}

const Nothing = () => <span className="absent">not recorded</span>;
const Or = ({ children }: { children?: React.ReactNode }) => (children === undefined || children === null || children === '' || children === false || (Array.isArray(children) && children.length === 0) ? <Nothing /> : <>{children}</>);

function One({ c }: { c: Connection }) {
  const boundaries = useBoundaries().data ?? [];
  const ids = [c.connection.client_asset ?? '', c.connection.server_asset ?? ''].filter(Boolean);
  const assets = useAssets({ ids }, ids.length > 0).data ?? [];
  const authorizations = useAuthorizations().data ?? [];
  const conditions = useConditions().data ?? [];
  const own = useFindings({ connection: c.id }).data ?? [];
  const agreed = useAgreements().data ?? [];
  const windows = useWindows().data ?? [];
  const x = c.connection, v = c.verdict ?? {};
  const ends = [c.client_boundary, c.server_boundary];
  const over = authorizations.filter((a) => a.boundaries?.some((b) => ends.includes(b)));
  const agreements = agreed.filter((g) => v.documents?.includes(g.document));
  const set = conditions.filter((k) => over.some((a) => a.name === k.authorization));
  const concerned = set.filter((k) => k.connections?.includes(c.id));
  const attested = set.filter((k) => k.state === 'attested' || k.state === 'attestation-due');
  const risks = over.flatMap((a) => (a.record?.residual_risks ?? []).map((r) => ({ a, r })));
  const broken = (v.terms ?? []).filter((t) => t.state === 'broken');
  const leaning = over.flatMap((a) => (a.leverages ?? []).map((n) => authorizations.find((y) => y.name === n)).filter((y) => y !== undefined));
  return (
    <Sheet
      title="Connection brief"
      lead={<><VerdictChip v={verdictOf(c)} /> <b>{cut(x.client, 60)} → {cut(x.server, 60)}</b>{service(x)}: {VERDICT_WORDS[verdictOf(c)]}, since {when(v.since)}</>}
      actions={<><Button variant="primary" size="sm" onClick={() => window.print()}>Print</Button> <Export format="pdf" of={{ connection: c.id }} name="The brief as PDF">PDF</Export> <Link className="pf-v6-c-button pf-m-secondary pf-m-small" href={to('connections', c.id)}>The connection</Link></>}
    >
      <div className="brief">
        <Row name="Subject">
          <Side end="Client" address={x.client} asset={assets.find((a) => a.id === x.client_asset)} boundary={boundaries.find((b) => b.name === c.client_boundary)} name={c.client_boundary} />
          <Side end="Server" address={x.server} asset={assets.find((a) => a.id === x.server_asset)} boundary={boundaries.find((b) => b.name === c.server_boundary)} name={c.server_boundary} />
        </Row>
        <Row name="Authority">
          <Or>{over.map((a) => <p key={a.name}><Link href={to('authorizations', a.name)}><b>{a.name}</b></Link> {DECISIONS[a.decision ?? ''] ?? a.decision}, {a.state}{a.why && ` (${a.why})`}; granted {day(a.granted) || 'not recorded'}, {a.until ? `ends ${lastDay(a.until)}` : 'no end'}, review due {day(a.review_due) || 'not recorded'}; by <Or>{[...(a.record?.officials ?? []).map((o) => o.name), a.organization].filter(Boolean).join(', ')}</Or></p>)}</Or>
        </Row>
        <Row name="Authorization to connect"><Or>{over.flatMap((a) => (a.record?.connect ?? []).map((k) => <p key={`${a.name} ${k.to} ${k.decision}`}><b>{a.name}</b> to {k.to}: {k.decision?.toUpperCase()}, granted {day(k.granted)}, {k.until ? `ends ${lastDay(k.until)}` : 'no end'}</p>))}</Or></Row>
        <Row name="Agreement"><Or>{agreements.map((g) => <Agreed key={`${g.document} ${g.from} ${g.to}`} g={g} />)}</Or></Row>
        <Row name="Conditions">
          {set.length > 0 && concerned.length === 0 && <p>None of them names this connection. Those of the authorizations over its ends:</p>}
          <Or>{(concerned.length ? concerned : set).map((k) => <p key={k.id}><ConditionChip v={k.state} /> <b>{k.id}</b> <T v={k.statement} /> {k.words !== CONDITION_WORDS[k.state] && <span className="dim">(<T v={k.words} />)</span>}</p>)}</Or>
        </Row>
        <Row name="Verdict"><p><VerdictChip v={verdictOf(c)} /> since {when(v.since)}, judged {when(v.judged_at)} by policy version {v.policy_version}</p><p><T v={v.reason} cap={800} /></p></Row>
        <Row name="Observed">
          <p>{service(x)} ({x.grade || 'no grade'}), opened by {x.opened_by || 'unknown'} (known from {BASES[x.direction_basis || 'unknown'] ?? x.direction_basis}), {x.outcome}; {operations(x) || 'no operation was read'}</p>
          <p>{bytes(x.client_bytes)} from the client, {bytes(x.server_bytes)} back, {plural(Number(x.sessions ?? 0), 'session')}; first seen {when(x.first_seen)}, last {when(x.last_seen)}</p>
          <p>Protection: {x.security || 'not known'}{x.security_facts?.tls && `, TLS ${x.security_facts.tls}`}{x.security_facts?.policy && `, OPC UA policy ${x.security_facts.policy}`}{x.security_facts?.subject && <>, certificate <T v={x.security_facts.subject} cap={120} /></>}</p>
        </Row>
        <Row name="Deviations">
          {broken.map((t) => <p key={t.term}><b>{t.term}</b> <T v={t.why} /></p>)}
          {own.map((f) => <p key={f.id}><Link href={to('findings', f.id)}>{cut(f.title, 160)}</Link> severity {f.severity}, {f.status}</p>)}
          {broken.length + own.length === 0 && <p>None.</p>}
        </Row>
        <Row name="Not observable, attested">
          {(v.not_observable ?? []).map((n) => <p key={n}><T v={n} /></p>)}
          {attested.map((k) => <p key={k.id}><b>{k.id}</b> <T v={k.words} />: <T v={k.statement} /></p>)}
          {(v.not_observable ?? []).length + attested.length === 0 && <Nothing />}
        </Row>
        <Row name="Visibility">
          <p>Seen by {(c.agents ?? []).join(', ') || 'no agent'}.</p>
          {ends.map((b) => boundaries.find((y) => y.name === b)?.sight).map((s) => s && <p key={s.boundary}><b>{s.boundary}</b> <T v={s.words} cap={400} />{(s.segments ?? []).map((g) => <span key={g.segment} className="dim"> heard until {when(g.last)}, {count(g.lost)} of {count(g.packets)} packets lost.</span>)}</p>)}
        </Row>
        <Row name="Residual risk"><Or>{risks.map(({ a, r }) => <p key={`${a.name}/${r.id}`}><b>{a.name}/{r.id}</b> <T v={r.statement} cap={300} /> {r.level && `(${r.level})`} accepted by {r.accepted_by} to {lastDay(r.until)}; compensated by <Or>{(r.mitigated_by ?? []).join(', ')}</Or></p>)}</Or></Row>
        <Row name="Open POA&M"><Or>{own.filter((f) => f.status === 'remediating').map((f) => <p key={f.id}>{f.id}: {cut(f.title, 160)}</p>)}</Or></Row>
        <Row name="Depends on"><Or>{leaning.map((a) => <p key={a.name}><Link href={to('authorizations', a.name)}>{a.name}</Link>, {a.state}, {a.until ? `ends ${lastDay(a.until)}, ${ago(a.until, Date.now())}` : 'no end'}</p>)}</Or></Row>
        <Row name="Changes that explain"><Or>{[...new Set([...own.flatMap((f) => f.explained_by ?? []), ...windows.filter((w) => agreements.some((g) => w.text.includes(g.name))).map((w) => `Window/${w.name}`)])].map((w) => <p key={w}>{w}</p>)}</Or></Row>
        <Row name="Options">
          <p>Accept to a date, require a fix, or restrict: {own.length ? <>in <Links page="findings" of={own.map((f) => f.id)} /></> : 'it stands in no finding'}</p>
          <p>Suspend or rescind, with the consequences shown first: <Links page="authorizations" of={over.map((a) => a.name)} />{over.length === 0 && <Nothing />}</p>
        </Row>
      </div>
      <p className="dim printed">Connection {c.id}. The collector computes verdicts; people decide. Printed {when(new Date().toISOString())}.</p>
    </Sheet>
  );
}

const Row = ({ name, children }: { name: string; children: React.ReactNode }) => <section><h2>{name}</h2><div>{children}</div></section>;

function Agreed({ g }: { g: Agreement }) {
  const sides = (g.sides ?? []).map((x) => `${x.boundary} ${x.approval ?? ''}${x.official ? ` by ${x.official}` : ''}${x.granted ? ` ${day(x.granted)}` : ''}${x.until ? ` to ${lastDay(x.until)}` : ''}`);
  return (
    <p>
      <Link href={to('policy', '', { document: g.document })}><b>{g.document}</b></Link> <T v={g.purpose} />, {g.state}{g.why && ` (${g.why})`}; owner <Or>{[g.owner, g.contact].filter(Boolean).join(', ')}</Or>;
      {' '}<Or>{[g.type, g.reference].filter(Boolean).join(' ')}</Or>{g.signed && `, signed ${day(g.signed)}`}, {g.until ? `ends ${lastDay(g.until)}` : 'no end'}; sides <Or>{sides.join('; ')}</Or>
    </p>
  );
}

function Side({ end, address, asset, boundary, name }: { end: string; address: string; asset?: Asset; boundary?: Boundary; name?: string }) {
  const r = boundary?.record;
  return (
    <p>
      <b>{end}</b> {asset ? <Link href={to('assets', asset.id)}>{cut(nameOf(asset), 60)}</Link> : cut(address, 60)} <span className="mono">{cut(address, 60)}</span>{' '}
      {(asset?.roles ?? []).slice(0, 2).map((x) => x.role).join(', ')} in {boundary ? <Link href={to('boundaries', boundary.name)}>{cut(boundary.title || boundary.name, 80)}</Link> : name || 'no boundary'};
      {' '}categorization <Or>{impact(r?.categorization)}</Or>; <Or>{(r?.parties ?? []).map((x) => `${x.role} ${[x.name, x.organization, x.contact].filter(Boolean).join(', ')}`).join('; ')}</Or>; decided by <Or>{(r?.officials ?? []).map((o) => o.name).join(', ')}</Or>
    </p>
  );
}
