import { Badge, Nav, NavGroup, NavItem, NavList, PageSidebar, PageSidebarBody } from '@patternfly/react-core';
import { useStatus, useTotal } from '../api';
import { Link } from '../route';

interface Entry { page: string; name: string }

const GROUPS: { title: string; entries: Entry[] }[] = [
  { title: '', entries: [{ page: '', name: 'Overview' }, { page: 'findings', name: 'Findings' }, { page: 'drift', name: 'Drift' }, { page: 'map', name: 'Map' }] },
  { title: 'Authority', entries: [{ page: 'boundaries', name: 'Boundaries' }, { page: 'authorizations', name: 'Authorizations' }, { page: 'confirm', name: 'To confirm' }, { page: 'providers', name: 'Providers' }, { page: 'policy', name: 'Policy' }] },
  { title: 'Network', entries: [{ page: 'assets', name: 'Inventory' }, { page: 'connections', name: 'Connections' }, { page: 'agents', name: 'Agents' }] },
  { title: 'Collector', entries: [{ page: 'users', name: 'Accounts' }, { page: 'audit', name: 'Audit log' }, { page: 'settings', name: 'Settings' }] },
];

export function Side({ page, open }: { page: string; open: boolean }) {
  const waiting = useTotal('findings', { status: 'open' });
  const pending = useStatus().data?.pending ?? 0;
  const badge: Record<string, number> = { findings: waiting, confirm: pending };
  const shown = page === 'brief' ? 'connections' : page;
  return (
    <PageSidebar isSidebarOpen={open}>
      <PageSidebarBody>
        <Nav aria-label="Pages">
          {GROUPS.map((g) => {
            const items = g.entries.map((e) => (
              <NavItem key={e.page} itemId={e.page} isActive={shown === e.page}>
                <Link href={`/${e.page}`} aria-current={shown === e.page ? 'page' : undefined} className="pf-v6-c-nav__link">
                  <span className="grow">{e.name}</span>
                  {(badge[e.page] ?? 0) > 0 && <Badge screenReaderText="waiting">{badge[e.page]}</Badge>}
                </Link>
              </NavItem>
            ));
            return g.title ? <NavGroup key={g.title} title={g.title}>{items}</NavGroup> : <NavList key="top">{items}</NavList>;
          })}
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}
