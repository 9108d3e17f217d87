import { useQuery } from '@tanstack/react-query';
import { get, useAuthorizations, useBoundaries, useDocuments } from '../api';
import { StateChip, Tag } from '../parts/chip';
import { Block, Empty, Fault, Loading, Sheet } from '../parts/page';
import { Editor } from '../parts/trial';
import { Link, setQuery, to, useRoute } from '../route';
import { cut, day, T } from '../text';
import type { Authorization, PolicyDocument, Reuse } from '../types';
import { DECISIONS } from '../words';

/** What a decision lends to those that lean on it, and why some lend nothing. */
const LENDS: Record<string, string> = {
  ato: 'Others in its organization may lean on it for the services that they name. Each still needs its own authorization.',
  'ato-with-conditions': 'Others in its organization may lean on it for the services that they name, under its conditions. Each still needs its own authorization.',
  'common-control': 'Lends its controls to those that name them. Each still needs its own authorization.',
  atu: 'A decision to use what is authorized elsewhere. Others may lean on it for the services that they name.',
  pato: 'Authorizes nobody to operate. It can be leaned on only beneath a decision of one\'s own organization: an ATO or an ATU.',
  iatt: 'Covers its test environment to its date, and lends nothing.',
  iato: 'Interim: what leans on it falls with its end.',
  dato: 'Denied: lends nothing.',
  'not-yet-authorized': 'Not decided: lends nothing.',
  decommissioned: 'Taken out of use: lends nothing.',
};

/** Kinds of boundaries that others use. */
const PROVIDES = new Set(['provider', 'org', 'space', 'service-instance']);

export function Providers({ id }: { id: string }) {
  const authorizations = useAuthorizations();
  const documents = useDocuments();
  const boundaries = useBoundaries();
  if (authorizations.isPending || documents.isPending || boundaries.isPending) return <Loading />;
  const all = authorizations.data ?? [];
  const provided = new Set((boundaries.data ?? []).filter((b) => PROVIDES.has(b.kind ?? '')).map((b) => b.name));
  const providers = all.filter((a) => a.leaned_on_by?.length || a.decision === 'common-control' || a.decision === 'pato' || a.record?.lends_nothing?.includes('consolidated') || a.boundaries?.some((b) => provided.has(b)));
  const services = (documents.data?.documents ?? []).filter((d) => d.kind === 'SharedService');
  const one = all.find((a) => a.name === id);
  if (id) {
    return one ? <Second a={one} />
      : <Sheet title="No such authorization"><Empty>No document has the name {cut(id, 60)}: <Link href="/providers">see all providers</Link>.</Empty></Sheet>;
  }
  return (
    <Sheet title="Providers" lead="Whose authorization others lean on, what it lends, and what falls with it.">
      <Fault of={authorizations} />
      {providers.length === 0 && <Empty>No authorization on record is leaned on.</Empty>}
      {providers.map((a) => <Provider key={a.name} a={a} services={services.filter((s) => new RegExp(`under: ${a.name}\\b`).test(s.text))} />)}
    </Sheet>
  );
}

/** How far the provider's package came: asked for, received, reviewed. */
const STEPS = ['requested', 'received', 'reviewed'] as const;

function Provider({ a, services }: { a: Authorization; services: PolicyDocument[] }) {
  const p = a.record?.package;
  return (
    <Block
      title={<Link href={to('authorizations', a.name)}>{a.name}</Link>} note={<><StateChip v={a.state} /> {DECISIONS[a.decision ?? ''] ?? a.decision}, over {(a.boundaries ?? []).join(', ')}</>}
      more={<Link href={to('providers', a.name)}>Use for a second system</Link>}
    >
      <p>{a.record?.lends_nothing ? <>Lends nothing: <T v={a.record.lends_nothing} />.</> : LENDS[a.decision ?? ''] ?? ''}</p>
      {p && <p>Package <b>{p.id}</b> {STEPS.filter((s) => p[s]).map((s) => <Tag key={s}>{s} {day(p[s])}</Tag>)} {p.state && <Tag>{p.state}</Tag>}</p>}
      <div className="columns">
        <div>
          <h3>Who leans on it, and loses cover when it falls</h3>
          <ul className="lines">{(a.leaned_on_by ?? []).map((n) => <li key={n}><Link href={to('authorizations', n)}>{n}</Link></li>)}</ul>
          {!a.leaned_on_by?.length && <Empty>Nobody.</Empty>}
        </div>
        <div>
          <h3>Services that it gives</h3>
          <ul className="lines">{services.map((s) => <li key={s.name}><Link href={to('policy', '', { document: `SharedService/${s.name}` })}>{s.name}</Link></li>)}</ul>
          {!services.length && <Empty>No shared service stands under it.</Empty>}
        </div>
      </div>
    </Block>
  );
}

/** Second is a provider's decision, used for another system: what that spares, and what it does not. */
function Second({ a }: { a: Authorization }) {
  const boundaries = useBoundaries().data ?? [];
  const system = useRoute().query.get('for') ?? '';
  const reuse = useQuery({ queryKey: ['propose', 'reuse', a.name, system], queryFn: () => get<Reuse>(`propose/reuse/${encodeURIComponent(a.name)}`, { boundary: system }), enabled: system !== '', meta: { still: true } });
  const r = reuse.data;
  return (
    <Sheet title={`Use ${a.name} for a second system`} lead={<><StateChip v={a.state} /> {DECISIONS[a.decision ?? ''] ?? a.decision}. What is written here decides nothing.</>}>
      <div className="tools">
        <label className="choice">The second system
          <select aria-label="The second system" value={system} onChange={(e) => setQuery({ for: e.target.value })}>
            <option value="">choose its boundary</option>
            {boundaries.filter((b) => b.name !== 'internet').map((b) => <option key={b.name} value={b.name}>{cut(b.title || b.name, 60)}</option>)}
          </select>
        </label>
      </div>
      <Fault of={reuse} />
      {!system && <Empty>Choose the boundary of the system that is to take over what was decided here. Is it not drawn yet? <Link href="/policy">Write it first</Link>.</Empty>}
      {r && (r.refusals ?? []).map((x) => <p className="refused" key={x.what}><b>Nothing can be taken over.</b> <T v={x.what} cap={600} />. <span>What would change that: <T v={x.cure} cap={600} />.</span></p>)}
      {r && !r.refusals?.length && (
        <div className="columns">
          <Block title="Not done again"><ul className="lines bullets">{(r.skipped ?? []).map((s) => <li key={s}><T v={s} cap={400} /></li>)}</ul></Block>
          <Block title="Still its own"><ul className="lines bullets">{(r.remains ?? []).map((s) => <li key={s}><T v={s} cap={400} /></li>)}</ul></Block>
        </div>
      )}
      {r?.draft && (
        <Block title={r.refusals?.length ? 'What has to be decided first' : 'The next document'} note={<>{r.draft.kind}/{r.draft.name}: a draft to edit and to try. Nobody decided it.</>}>
          <Editor key={r.draft.name} draft={`reuse-${a.name}-${system}`} path={`${r.draft.name}.yaml`} start={r.draft.text} />
        </Block>
      )}
    </Sheet>
  );
}
