import { Button } from '@patternfly/react-core';
import { useAssets, useAuthorizations, useBoundaries, useConditions, useConnections, useDocuments, useFindings } from '../api';
import { ConditionChip, VerdictChip } from '../parts/chip';
import { nameOf, operations, service, verdictOf } from '../parts/columns';
import { Empty, Loading, Sheet } from '../parts/page';
import { Link, to } from '../route';
import { ago, bytes, count, cut, day, plural, T, when } from '../text';
import type { Asset, Boundary, Connection } from '../types';
import { DECISIONS, VERDICT_WORDS } from '../words';
import { blocksOf, scalar } from '../parts/yaml';

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
  const findings = useFindings().data ?? [];
  const documents = useDocuments().data?.documents ?? [];
  const x = c.connection, v = c.verdict ?? {};
  const ends = [c.client_boundary, c.server_boundary];
  const over = authorizations.filter((a) => a.boundaries?.some((b) => ends.includes(b)));
  const papers = (v.documents ?? []).map((d) => documents.find((p) => `${p.kind}/${p.name}` === d)).filter((p) => p !== undefined);
  const agreements = papers.filter((p) => p.kind === 'Interconnection' || p.kind === 'SharedService');
  const texts = over.map((a) => ({ a, text: documents.find((d) => d.kind === 'Authorization' && d.name === a.name)?.text ?? '' }));
  const set = conditions.filter((k) => over.some((a) => a.name === k.authorization));
  const concerned = set.filter((k) => k.connections?.includes(c.id));
  const attested = set.filter((k) => k.state === 'attested' || k.state === 'attestation-due');
  const own = findings.filter((f) => c.findings?.includes(f.id));
  const risks = texts.flatMap(({ a, text }) => blocksOf(text, 'residualRisks').map((r) => ({ a, r })));
  const broken = (v.terms ?? []).filter((t) => t.state === 'broken');
  const leaning = over.flatMap((a) => (a.leverages ?? []).map((n) => authorizations.find((y) => y.name === n)).filter((y) => y !== undefined));
  return (
    <Sheet
      title="Connection brief"
      lead={<><VerdictChip v={verdictOf(c)} /> <b>{cut(x.client, 60)} → {cut(x.server, 60)}</b>, {service(x)}: {VERDICT_WORDS[verdictOf(c)]}, since {when(v.since)}</>}
      actions={<><Button variant="primary" size="sm" onClick={() => window.print()}>Print</Button> <Link className="pf-v6-c-button pf-m-secondary pf-m-small" href={to('connections', c.id)}>The connection</Link></>}
    >
      <div className="brief">
        <Row name="Subject">
          <Side end="Client" address={x.client} asset={assets.find((a) => a.id === x.client_asset)} boundary={boundaries.find((b) => b.name === c.client_boundary)} name={c.client_boundary} documents={documents} />
          <Side end="Server" address={x.server} asset={assets.find((a) => a.id === x.server_asset)} boundary={boundaries.find((b) => b.name === c.server_boundary)} name={c.server_boundary} documents={documents} />
        </Row>
        <Row name="Authority">
          <Or>{over.map((a) => <p key={a.name}><Link href={to('authorizations', a.name)}><b>{a.name}</b></Link> {DECISIONS[a.decision ?? ''] ?? a.decision}, {a.state}{a.why && ` (${a.why})`}; granted {day(a.granted) || 'not recorded'}, {a.until ? `ends ${day(a.until)}` : 'no end'}, review due {day(a.review_due) || 'not recorded'}; by <Or>{a.organization}</Or></p>)}</Or>
        </Row>
        <Row name="Authorization to connect"><Or>{texts.flatMap(({ a, text }) => blocksOf(text, 'connect').map((t) => <p key={a.name + t}><b>{a.name}</b> <T v={t} /></p>))}</Or></Row>
        <Row name="Agreement">
          <Or>{agreements.map((p) => <div key={p.name}><p><Link href={to('policy', '', { document: `${p.kind}/${p.name}` })}><b>{p.kind}/{p.name}</b></Link> <T v={scalar(p.text, 'purpose')} /></p><p>{blocksOf(p.text, 'agreement').length ? <T v={blocksOf(p.text, 'agreement').join('; ')} /> : <>agreement <Nothing /></>}</p></div>)}</Or>
        </Row>
        <Row name="Conditions">
          <Or>{(concerned.length ? concerned : set).map((k) => <div key={k.id} className="condition"><p><ConditionChip v={k.state} /> <b>{k.id}</b> <T v={k.statement} /></p><p className="dim">judged by {k.check}; <T v={k.words} /></p></div>)}</Or>
          {set.length > 0 && concerned.length === 0 && <p className="dim">None of them names this connection.</p>}
        </Row>
        <Row name="Verdict"><p><VerdictChip v={verdictOf(c)} /> since {when(v.since)}, judged {when(v.judged_at)} by policy version {v.policy_version}</p><p><T v={v.reason} cap={800} /></p></Row>
        <Row name="Observed">
          <p>{service(x)} ({x.grade || 'no grade'}), opened by {x.opened_by || 'unknown'} (known from {x.direction_basis || 'nothing'}), {x.outcome}; {operations(x) || 'no operation was read'}</p>
          <p>{bytes(x.client_bytes)} from the client, {bytes(x.server_bytes)} back, {plural(Number(x.sessions ?? 0), 'session')}; first seen {when(x.first_seen)}, last {when(x.last_seen)}</p>
          <p>Protection: {x.security || 'not known'}{x.security_facts?.tls && `, TLS ${x.security_facts.tls}`}{x.security_facts?.policy && `, ${x.security_facts.policy}`}{x.security_facts?.subject && <>, certificate <T v={x.security_facts.subject} cap={120} /></>}</p>
        </Row>
        <Row name="Deviations">
          {broken.map((t) => <p key={t.term}><b>{t.term}</b> <T v={t.why} /></p>)}
          {own.map((f) => <p key={f.id}><Link href={to('findings', f.id)}>{cut(f.title, 160)}</Link> severity {f.severity}, {f.status}</p>)}
          {broken.length + own.length === 0 && <p>None.</p>}
        </Row>
        <Row name="Not observable, attested">
          {(v.not_observable ?? []).map((n) => <p key={n}><T v={n} /></p>)}
          {attested.map((k) => <p key={k.id}><b>{k.id}</b> <T v={k.statement} />: <T v={k.words} /></p>)}
          {(v.not_observable ?? []).length + attested.length === 0 && <Nothing />}
        </Row>
        <Row name="Visibility">
          <p>Seen by {(c.agents ?? []).join(', ') || 'no agent'}.</p>
          {ends.map((b) => boundaries.find((y) => y.name === b)?.sight).map((s) => s && <p key={s.boundary}><b>{s.boundary}</b> <T v={s.words} cap={400} />{(s.segments ?? []).map((g) => <span key={g.segment} className="dim"> last frame {when(g.last)}, {count(g.lost)} of {count(g.packets)} packets lost.</span>)}</p>)}
        </Row>
        <Row name="Residual risk"><Or>{risks.map(({ a, r }) => <p key={a.name + r}><b>{a.name}</b> <T v={r} cap={500} /></p>)}</Or></Row>
        <Row name="Open POA&M"><Or>{own.filter((f) => f.status === 'remediating').map((f) => <p key={f.id}>{f.id}: {cut(f.title, 160)}</p>)}</Or></Row>
        <Row name="Depends on"><Or>{leaning.map((a) => <p key={a.name}><Link href={to('authorizations', a.name)}>{a.name}</Link>, {a.state}, {a.until ? `ends ${day(a.until)}, ${ago(a.until, Date.now())}` : 'no end'}</p>)}</Or></Row>
        <Row name="Changes that explain"><Or>{documents.filter((d) => d.kind === 'Window' && agreements.some((p) => d.text.includes(p.name))).map((d) => <p key={d.name}>{d.name}: <T v={scalar(d.text, 'ticket') || 'no ticket'} /></p>)}</Or></Row>
        <Row name="Options">
          <p>Accept to a date, require a fix, or restrict: in <Or>{own.map((f) => <Link key={f.id} href={to('findings', f.id)}>its finding </Link>)}</Or></p>
          <p>Suspend or rescind, with the consequences shown first: {over.map((a) => <Link key={a.name} href={to('authorizations', a.name)}>{a.name} </Link>)}{over.length === 0 && <Nothing />}</p>
        </Row>
      </div>
      <p className="dim printed">Connection {c.id}. The collector computes verdicts; people decide. Printed {when(new Date().toISOString())}.</p>
    </Sheet>
  );
}

const Row = ({ name, children }: { name: string; children: React.ReactNode }) => <section><h2>{name}</h2><div>{children}</div></section>;

function Side({ end, address, asset, boundary, name, documents }: { end: string; address: string; asset?: Asset; boundary?: Boundary; name?: string; documents: { kind: string; name: string; text: string }[] }) {
  const text = documents.find((d) => d.kind === 'Boundary' && d.name === name)?.text ?? '';
  return (
    <p>
      <b>{end}</b> {asset ? <Link href={to('assets', asset.id)}>{cut(nameOf(asset), 60)}</Link> : cut(address, 60)} <span className="mono">{cut(address, 60)}</span>{' '}
      {(asset?.roles ?? []).slice(0, 2).map((r) => r.role).join(', ')} in {boundary ? <Link href={to('boundaries', boundary.name)}>{cut(boundary.title || boundary.name, 80)}</Link> : name || 'no boundary'};
      categorization <Or>{blocksOf(text, 'categorization').map((b) => <T key={b} v={b} />)}</Or>; parties <Or>{blocksOf(text, 'parties').map((b) => <T key={b} v={b} />)}</Or>
    </p>
  );
}
