import { useAuthorizations, useDocuments } from '../api';
import { StateChip } from '../parts/chip';
import { Block, Empty, Fault, Loading, Sheet } from '../parts/page';
import { Link, to } from '../route';
import type { Authorization, PolicyDocument } from '../types';
import { DECISIONS } from '../words';

/** What a decision lends to those that lean on it, and why some lend nothing. */
const LENDS: Record<string, string> = {
  ato: 'Others in its organization may lean on it for the services that they name. Each still needs its own authorization.',
  'ato-with-conditions': 'Others in its organization may lean on it for the services that they name, under its conditions. Each still needs its own authorization.',
  'common-control': 'Lends its controls to those that name them. Each still needs its own authorization.',
  atu: 'A decision to use what is authorized elsewhere. Others may lean on it for the services that they name.',
  pato: 'Authorizes nobody to operate. It can be leaned on only beneath a decision of one\'s own organization: an ato or an atu.',
  iatt: 'Covers its test environment to its date, and lends nothing.',
  iato: 'Interim: what leans on it falls with its end.',
  dato: 'Denied: lends nothing.',
  'not-yet-authorized': 'Not decided: lends nothing.',
  decommissioned: 'Taken out of use: lends nothing.',
};

export function Providers(_: { id: string }) {
  const authorizations = useAuthorizations();
  const documents = useDocuments();
  if (authorizations.isPending) return <Loading />;
  const all = authorizations.data ?? [];
  const providers = all.filter((a) => a.leaned_on_by?.length || a.decision === 'common-control' || a.decision === 'pato');
  const services = (documents.data?.documents ?? []).filter((d) => d.kind === 'SharedService');
  return (
    <Sheet title="Providers" lead="Whose authorization others lean on, what it lends, and what falls with it.">
      <Fault of={authorizations} />
      {providers.length === 0 && <Empty>No authorization on record is leaned on.</Empty>}
      {providers.map((a) => <Provider key={a.name} a={a} services={services.filter((s) => s.text.includes(`under: ${a.name}`))} />)}
    </Sheet>
  );
}

function Provider({ a, services }: { a: Authorization; services: PolicyDocument[] }) {
  return (
    <Block title={<Link href={to('authorizations', a.name)}>{a.name}</Link>} note={<><StateChip v={a.state} /> {DECISIONS[a.decision ?? ''] ?? a.decision}</>}>
      <p>{LENDS[a.decision ?? ''] ?? ''}</p>
      <div className="columns">
        <div>
          <h3>Who leans on it</h3>
          <ul className="lines">{(a.leaned_on_by ?? []).map((n) => <li key={n}><Link href={to('authorizations', n)}>{n}</Link> <span className="dim">loses what it covers when {a.name} falls</span></li>)}</ul>
          {!a.leaned_on_by?.length && <Empty>Nobody yet.</Empty>}
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
