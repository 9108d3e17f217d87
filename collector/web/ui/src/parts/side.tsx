import { useStatus, useTotal } from '../api';
import { Link } from '../route';

interface Entry { page: string; name: string }

const GROUPS: { title: string; entries: Entry[] }[] = [
  { title: '', entries: [{ page: '', name: 'Overview' }, { page: 'findings', name: 'Findings' }, { page: 'drift', name: 'Drift' }, { page: 'changes', name: 'Changes' }, { page: 'map', name: 'Map' }] },
  { title: 'Authority', entries: [{ page: 'boundaries', name: 'Boundaries' }, { page: 'authorizations', name: 'Authorizations' }, { page: 'agreements', name: 'Agreements' }, { page: 'confirm', name: 'To confirm' }, { page: 'providers', name: 'Providers' }, { page: 'policy', name: 'Policy' }, { page: 'propose', name: 'Drafts' }] },
  { title: 'Network', entries: [{ page: 'assets', name: 'Inventory' }, { page: 'connections', name: 'Connections' }, { page: 'ways', name: 'Ways in and out' }, { page: 'agents', name: 'Agents' }] },
  { title: 'Collector', entries: [{ page: 'users', name: 'Accounts' }, { page: 'audit', name: 'Audit log' }, { page: 'settings', name: 'Settings' }] },
];

export function Side({ page, open }: { page: string; open: boolean }) {
  const waiting = useTotal('findings', { status: 'open' });
  const status = useStatus().data ?? {};
  const failing = (status.deliveries ?? []).filter((d) => d.failing).length;
  const badge: Record<string, [n: number, of: string]> = { findings: [waiting, 'waiting'], confirm: [status.pending ?? 0, 'waiting'], settings: [failing, failing === 1 ? 'delivery fails' : 'deliveries fail'] };
  const shown = page === 'brief' ? 'connections' : page;
  return (
    <nav className="side" id="pages" aria-label="Pages" hidden={!open}>
      {GROUPS.map((g) => (
        <section key={g.title} aria-label={g.title || undefined}>
          {g.title && <h2 aria-hidden="true">{g.title}</h2>}
          <ul>
            {g.entries.map((e) => (
              <li key={e.page}>
                <Link href={`/${e.page}`} aria-current={shown === e.page ? 'page' : undefined}>
                  <span className="grow">{e.name}</span>
                  {(badge[e.page]?.[0] ?? 0) > 0 && <span className="badge" title={badge[e.page].join(' ')}>{badge[e.page][0]}<span className="unseen"> {badge[e.page][1]}</span></span>}
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}
