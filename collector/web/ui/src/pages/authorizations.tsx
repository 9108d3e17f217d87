import { Button, FormSelect, FormSelectOption, Spinner, TextInput } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { post, useAuthorizations, useConditions, useDocuments, useGate } from '../api';
import { Calendar } from '../parts/calendar';
import { Links, StateChip, Tag, VerdictChip } from '../parts/chip';
import { Download, Export } from '../parts/download';
import { Act } from '../parts/may';
import { TakeSnapshot } from './drift';
import { Conditions } from '../parts/conditions';
import { Block, Empty, Fault, Loading, Pairs, Sheet } from '../parts/page';
import { dayAfter } from '../parts/dialog';
import { useDraft } from '../parts/draft';
import { type Column, Table } from '../parts/table';
import { Link, to } from '../route';
import { cut, day, lastDay, plural, T, when } from '../text';
import type { Authorization, AuthorizationAct, AuthorizationRecord, Condition, Consequences, VerdictChange } from '../types';
import { CONDITION_STATES, CONDITION_WORDS, DECISIONS } from '../words';

const columns = (of: Condition[]): Column<Authorization>[] => [
  { key: 'name', name: 'Authorization', text: (a) => a.name, cell: (a) => <Link href={to('authorizations', a.name)}><b>{a.name}</b></Link> },
  { key: 'decision', name: 'Decision', width: '26%', text: (a) => DECISIONS[a.decision ?? ''] ?? a.decision ?? '' },
  { key: 'state', name: 'State', width: '7.4rem', text: (a) => a.state ?? '', cell: (a) => <StateChip v={a.state} /> },
  { key: 'boundaries', name: 'Boundaries', text: (a) => (a.boundaries ?? []).join(', ') },
  { key: 'conditions', name: 'Conditions', width: '8.5rem', text: (a) => a.conditions ?? 0, cell: (a) => <Held n={a.conditions ?? 0} of={of.filter((c) => c.authorization === a.name)} /> },
  { key: 'until', name: 'Ends', width: '6rem', text: (a) => lastDay(a.until) || 'no end' },
  { key: 'review', name: 'Review due', width: '6rem', text: (a) => day(a.review_due) },
];

/** Held is how many conditions a decision has, and how many of them are violated. */
function Held({ n, of }: { n: number; of: Condition[] }) {
  const violated = of.filter((c) => c.state === 'violated').length;
  if (!n) return <span className="dim">none</span>;
  return <>{n}{violated > 0 && <>, <span className="chip k-bad">{violated} violated</span></>}</>;
}

export function Authorizations({ id }: { id: string }) {
  const authorizations = useAuthorizations();
  const conditions = useConditions();
  if (authorizations.isPending) return <Loading />;
  const all = authorizations.data ?? [];
  if (id) return <OneAuthorization id={id} all={all} />;
  return (
    <Sheet title="Authorizations" lead="What people decided. The software computes how it stands; it never decides.">
      <Fault of={authorizations} />
      <Table short name="authorizations" rows={all} columns={columns(conditions.data ?? [])} id={(a) => a.name} href={(a) => to('authorizations', a.name)} empty="No authorization is on record. Boundaries stand for themselves, and what is shown says so." />
      <Block title="What ends, and when"><Calendar now={Date.now()} /></Block>
      <div className="columns">
        <Block title="Who leans on whom"><Tree all={all} /></Block>
        <Block title="Conditions"><Fault of={conditions} /><Conditions of={conditions.data ?? []} named /></Block>
      </div>
    </Sheet>
  );
}

/** Tree is inheritance: what stands on what; of one authorization, what has to do with it. */
function Tree({ all, at }: { all: Authorization[]; at?: string }) {
  const under = (a: Authorization) => all.filter((x) => x.leverages?.includes(a.name));
  const holds = (a: Authorization, above: string[]): boolean => a.name === at || (!above.includes(a.name) && under(a).some((x) => holds(x, [...above, a.name])));
  const roots = all.filter((a) => !a.leverages?.length && (!at || holds(a, [])));
  if (!roots.length) return <Empty>Nothing is on record.</Empty>;
  const node = (a: Authorization, above: string[]): React.ReactNode => (
    <li key={a.name}>
      <Link href={to('authorizations', a.name)} aria-current={a.name === at ? 'page' : undefined}>{a.name}</Link> <StateChip v={a.state} /> <span className="dim">{(a.boundaries ?? []).join(', ')}</span>
      {!above.includes(a.name) && under(a).length > 0 && <ul>{under(a).map((x) => node(x, [...above, a.name]))}</ul>}
    </li>
  );
  return <ul className="tree">{roots.map((a) => node(a, []))}</ul>;
}

function OneAuthorization({ id, all }: { id: string; all: Authorization[] }) {
  const conditions = useConditions();
  const gate = useGate(id);
  const documents = useDocuments();
  const [taking, setTaking] = useState(false);
  const a = all.find((x) => x.name === id);
  if (!a) return <Sheet title="No such authorization"><Empty>No document has the name {cut(id, 60)}: <Link href="/authorizations">see all authorizations</Link>.</Empty></Sheet>;
  const r = a.record ?? {};
  const text = documents.data?.documents?.find((d) => d.kind === 'Authorization' && d.name === id)?.text;
  const result = gate.data?.result;
  const own = (conditions.data ?? []).filter((c) => c.authorization === id);
  return (
    <Sheet title={a.name} lead={<><StateChip v={a.state} /> {DECISIONS[a.decision ?? ''] ?? a.decision} {a.why && <span className="dim">{a.why}</span>}</>} actions={<><Link className="pf-v6-c-button pf-m-secondary pf-m-small" href={to('drift', '', { authorization: a.name })}>Drift</Link> <Act call="FindingService/TakeSnapshot" size="sm" variant="secondary" onClick={() => setTaking(true)}>Confirm a snapshot</Act> <Export format="pdf" of={{ authorization: a.name }} name={`The report of ${a.name}`}>Report</Export> <Export format="xlsx" of={{ authorization: a.name }} name={`The workbook of ${a.name}`}>Workbook</Export> <Download call="ExportService/ExportEvidence" path="evidence" of={{ authorization: a.name }} name={`The inspection package of ${a.name}`}>Inspection package</Download></>}>
      {taking && <TakeSnapshot authorization={a.name} close={() => setTaking(false)} />}
      <p className={`gate g-${result}`}>
        <b>Gate: {{ holds: 'every condition holds', fails: 'fails', 'cannot-tell': 'cannot be told' }[result ?? ''] ?? (gate.isError ? gate.error.message : 'judging')}</b>
        <span>{CONDITION_STATES.map((k) => [k, own.filter((c) => c.state === k).length] as const).filter(([, n]) => n > 0).map(([k, n]) => `${n} ${CONDITION_WORDS[k]}`).join(', ')}</span>
        {(gate.data?.reasons ?? []).map((r) => <span key={r}><T v={r} /></span>)}
      </p>
      <Block title="Conditions"><Fault of={conditions} /><Conditions of={own} /></Block>
      <div className="columns">
        <Block title="On record">
          <Pairs of={[
            ['Decided by', (r.officials ?? []).map((o) => [o.name, o.organization].filter(Boolean).join(', ')).join('; ')], ['Organization', a.organization], ['Because', r.reason && <T v={r.reason} />],
            ['Kind', [r.framework === 'iso-27001' && 'management approval (ISO 27001)', r.maintained, r.scope, ...(r.environments ?? [])].filter(Boolean).join(', ')], ['RMF step', r.rmf_step],
            ['Boundaries', <Links page="boundaries" of={(a.boundaries ?? [])} />],
            ['Consolidates', (r.consolidates ?? []).length > 0 && <Links page="boundaries" of={r.consolidates!} />], ['Supersedes', r.supersedes],
            ['Granted', day(a.granted)], ['Ends', lastDay(a.until) || 'no end'], ['Review due', day(a.review_due)],
            ['Review is due because', (a.triggers ?? []).length > 0 && (a.triggers ?? []).join('; ')],
            ['May begin early', r.early_start && `allowed by ${r.early_start.allowed_by} ${day(r.early_start.on)}; it covers nothing`],
            ['Package', r.package && [r.package.id, r.package.state].filter(Boolean).join(', ')],
            ['Signed papers', (r.documents ?? []).length > 0 && r.documents!.map((d) => <div key={d.title}><T v={d.title} cap={120} /> <span className="dim">signed by {d.signer || 'nobody named'} {day(d.signed)}</span> {d.sha256 && <span className="mono dim">{d.sha256.slice(0, 16)}…</span>}</div>)],
            ['May connect to', (r.connect ?? []).length > 0 && r.connect!.map((c) => <div key={`${c.to} ${c.decision}`}>{c.to} <Tag>{c.decision}</Tag> <span className="dim">from {day(c.granted)}{c.until && ` to ${lastDay(c.until)}`}</span></div>)],
            ['Takes over', (r.inherits ?? []).length > 0 && r.inherits!.map((i) => <div key={i.authorization}>{[...(i.full ?? []), ...(i.partial ?? []).map((x) => `${x} in part`), ...(i.services ?? [])].join(', ')} <span className="dim">from {i.authorization}: {i.standing}</span></div>)],
            ['Leans on', (a.leverages ?? []).length > 0 && <Links page="authorizations" of={a.leverages!} />], ['Leaned on by', (a.leaned_on_by ?? []).length > 0 && <Links page="authorizations" of={a.leaned_on_by!} />],
          ]} />
        </Block>
        <Block title="Who leans on whom"><Tree all={all} at={id} /></Block>
      </div>
      {(r.residual_risks ?? []).length > 0 && <Block title="Residual risks" note="what somebody accepted, and to when"><Table short name="risks" rows={r.residual_risks!} columns={riskColumns} id={(x) => x.id ?? ''} empty="" /></Block>}
      <WhatIf a={a} />
      <Block title="What was decided since">
        <Table short name="acts" rows={(a.acts ?? []).toReversed()} columns={actColumns} id={(x) => `${x.recorded} ${x.kind}`} empty="Nothing since the document was written." />
      </Block>
      <Formats of={a.name} />
      {text && <Block title="The document"><pre className="yaml" tabIndex={0}>{text}</pre></Block>}
    </Sheet>
  );
}

/** Documents for the tools of others: the format, its list, what it is called and what it holds. */
const FORMATS: [string, string, string, string][] = [
  ['oscal-ar', '', 'Assessment results', 'OSCAL: each condition, what was seen, and risks'],
  ['oscal-poam', '', 'Plan of action', 'OSCAL: open findings with milestones and dates'],
  ['oscal-ssp', '', 'Security plan', 'OSCAL: devices, interconnections, leveraged authorizations'],
  ['hdf', '', 'Results for Heimdall', 'each condition passed, failed or skipped'],
  ['csv', 'hardware', 'Hardware list', 'devices, as CSV with the fields of eMASS'],
  ['csv', 'software', 'Software list', 'programs and firmware, as CSV with the fields of eMASS'],
  ['csv', 'services', 'Services list', 'ports, protocols and services, as CSV'],
  ['scn', '', 'Change notification', 'FedRAMP: a draft out of what differs from the snapshot'],
];

/** Formats are the ways to those documents. */
const Formats = ({ of }: { of: string }) => (
  <Block title="For the tools of others" note="what only a person knows is left empty, and listed when the file is made">
    <Pairs of={FORMATS.map(([format, list, name, holds]) => [name, <Download link call="ExportService/Export" path={`exports/${format}`} of={{ authorization: of, list }} name={`${name} of ${of}`}>{holds}</Download>])} />
  </Block>
);

type Risk = NonNullable<AuthorizationRecord['residual_risks']>[number];
const riskColumns: Column<Risk>[] = [
  { key: 'id', name: 'Risk', width: '4rem', text: (x) => x.id ?? '' },
  { key: 'statement', name: 'What it is', text: (x) => x.statement ?? '' },
  { key: 'level', name: 'Level', width: '6rem', text: (x) => x.level ?? '' },
  { key: 'by', name: 'Accepted by', width: '9rem', text: (x) => x.accepted_by ?? '' },
  { key: 'until', name: 'Until', width: '7rem', text: (x) => lastDay(x.until) },
  { key: 'mitigated', name: 'Compensated by', width: '9rem', text: (x) => (x.mitigated_by ?? []).join(', ') },
  { key: 'findings', name: 'Open on those', width: '9rem', text: (x) => (x.findings ?? []).join(', '), cell: (x) => <Links page="findings" of={(x.findings ?? []).slice(0, 3)} /> },
];

const actColumns: Column<AuthorizationAct>[] = [
  { key: 'recorded', name: 'Recorded', width: '10.5rem', text: (x) => when(x.recorded) },
  { key: 'kind', name: 'Act', width: '7rem', text: (x) => x.kind, cell: (x) => <Tag>{x.kind}</Tag> },
  { key: 'reason', name: 'Reason', text: (x) => x.reason ?? '' },
  { key: 'official', name: 'Decided by', text: (x) => x.official ?? '' },
  { key: 'actor', name: 'Recorded by', text: (x) => x.actor ?? '' },
  { key: 'effective', name: 'Effective', width: '10.5rem', text: (x) => when(x.effective) },
];

/** WhatIf shows the consequences of an act before anybody takes it. */
function WhatIf({ a }: { a: Authorization }) {
  const [kind, setKind] = useDraft(`decide-kind-${a.name}`, 'rescind');
  const [reason, setReason, sent] = useDraft(`decide-${a.name}`);
  const [until, setUntil, sentUntil] = useDraft(`decide-until-${a.name}`);
  const act = { kind, authorization: a.name, reason: reason || 'what if', ...(until && kind !== 'rescind' ? { until: dayAfter(until) } : {}) };
  const dry = useMutation({ mutationFn: () => post<{ consequences?: Consequences }>('authorizations/decide', { act, dry_run: true }) });
  const real = useMutation({ mutationFn: () => post<{ consequences?: Consequences }>('authorizations/decide', { act: { ...act, reason }, dry_run: false }), onSuccess: () => { sent(); sentUntil(); dry.reset(); } });
  const change = (f: () => void) => { f(); dry.reset(); real.reset(); };
  return (
    <Block title="Before it is decided" note="what would change, computed on what is seen now; nothing is recorded by looking">
      <form className="whatif" onSubmit={(e) => { e.preventDefault(); dry.mutate(); }}>
        <label>Act
          <FormSelect value={kind} aria-label="Act" onChange={(_, v) => change(() => setKind(v))}>
            <FormSelectOption value="suspend" label="Suspend" /><FormSelectOption value="rescind" label="Rescind" /><FormSelectOption value="extend" label="Extend" />
          </FormSelect>
        </label>
        {kind !== 'rescind' && <label>Last day<TextInput type="date" aria-label="Last day" value={until} onChange={(_, v) => change(() => setUntil(v))} /></label>}
        <label className="long">Reason<TextInput aria-label="Reason" value={reason} onChange={(_, v) => setReason(v)} placeholder="Needed to record it, not to look" /></label>
        <Button type="submit" variant="secondary" isDisabled={dry.isPending}>Show the consequences</Button>
        {dry.isPending && <Spinner size="md" aria-label="computing" />}
      </form>
      {dry.isError && <p className="fault" role="alert">{dry.error.message}</p>}
      {real.isError && <p className="fault" role="alert">{real.error.message}</p>}
      {real.isSuccess && <p className="hint" role="status">Recorded: {kind} {a.name}.</p>}
      {dry.data && (
        <div role="status">
          <Effects of={dry.data.consequences ?? {}} />
          <Act call="CollectorService/DecideAuthorization" variant="danger" isDisabled={!reason.trim() || real.isPending} onClick={() => real.mutate()}>Record: {kind} {a.name}</Act>
          {!reason.trim() && <span className="dim"> Write the reason first.</span>}
        </div>
      )}
    </Block>
  );
}

/** Effects are the consequences of an act. */
export function Effects({ of }: { of: Consequences }) {
  const verdicts = of.verdicts ?? [], boundaries = of.boundaries ?? [], leaning = of.authorizations ?? [];
  if (!verdicts.length && !boundaries.length && !leaning.length) return <Empty>Nothing that is seen now would change.</Empty>;
  return (
    <div className="effects">
      {boundaries.length > 0 && <ul className="lines">{boundaries.map((b) => <li key={b.boundary}><Link href={to('boundaries', b.boundary)}><b>{b.boundary}</b></Link> {b.before} → <b>{b.after}</b></li>)}</ul>}
      {leaning.length > 0 && <p>Leaning on it: <Links page="authorizations" of={leaning} /></p>}
      <p><b>{plural(verdicts.length, 'live connection')}</b> would be judged anew.</p>
      <Table short name="consequences" rows={verdicts.slice(0, 200)} columns={changeColumns} id={(v) => v.connection} href={(v) => to('connections', v.connection)} empty="" />
    </div>
  );
}

const changeColumns: Column<VerdictChange>[] = [
  { key: 'connection', name: 'Connection', width: '9rem', text: (v) => v.connection, cell: (v) => <Link className="mono" href={to('connections', v.connection)}>{v.connection}</Link> },
  { key: 'before', name: 'Before', width: '9.5rem', text: (v) => v.before ?? '', cell: (v) => <VerdictChip v={v.before} /> },
  { key: 'after', name: 'After', width: '9.5rem', text: (v) => v.after ?? '', cell: (v) => <VerdictChip v={v.after} /> },
  { key: 'reason', name: 'Why', text: (v) => v.reason ?? '' },
];
