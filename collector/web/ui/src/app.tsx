import { lazy, Suspense, useEffect, useState } from 'react';
import { useStatus } from './api';
import { Files } from './parts/download';
import { Boundaryless } from './parts/fault';
import { Head } from './parts/head';
import { later } from './parts/later';
import { Moment } from './parts/moment';
import { Side } from './parts/side';
import { Standing } from './parts/standing';
import { Loading } from './parts/page';
import { Home } from './pages/home';
import { useRoute } from './route';
import { theme, useCell } from './store';

const load = <K extends string>(name: K, from: () => Promise<Record<K, React.ComponentType<{ id: string }>>>) =>
  lazy(() => from().then((m) => ({ default: m[name] })));

const SignInAgain = later<object>(() => import('./parts/signin').then((m) => m.SignInAgain));

const PAGES: Record<string, React.ComponentType<{ id: string }>> = {
  '': Home,
  findings: load('Findings', () => import('./pages/findings')),
  drift: load('DriftPage', () => import('./pages/drift')),
  users: load('Users', () => import('./pages/users')),
  map: load('PlantMap', () => import('./pages/map')),
  boundaries: load('Boundaries', () => import('./pages/boundaries')),
  authorizations: load('Authorizations', () => import('./pages/authorizations')),
  providers: load('Providers', () => import('./pages/providers')),
  assets: load('Assets', () => import('./pages/assets')),
  connections: load('Connections', () => import('./pages/connections')),
  brief: load('Brief', () => import('./pages/brief')),
  agents: load('Agents', () => import('./pages/agents')),
  confirm: load('Confirm', () => import('./pages/confirm')),
  audit: load('Audit', () => import('./pages/audit')),
  propose: load('Propose', () => import('./pages/propose')),
  changes: load('Changes', () => import('./pages/changes')),
  agreements: load('Agreements', () => import('./pages/agreements')),
  ways: load('Ways', () => import('./pages/ways')),
  policy: load('Policy', () => import('./pages/policy')),
  search: load('Search', () => import('./pages/search')),
  settings: load('Settings', () => import('./pages/settings')),
};

/** useTheme puts the chosen colours on the document; paper is light. */
function useTheme() {
  const chosen = useCell(theme);
  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const paper = matchMedia('print');
    const put = () => document.documentElement.classList.toggle('pf-v6-theme-dark', !paper.matches && (chosen === 'dark' || (chosen === 'system' && system.matches)));
    put();
    for (const m of [system, paper]) m.addEventListener('change', put);
    return () => { for (const m of [system, paper]) m.removeEventListener('change', put); };
  }, [chosen]);
}

export function App() {
  useTheme();
  const { page, id } = useRoute();
  const [open, setOpen] = useState(() => window.innerWidth >= WIDE);
  useEffect(() => { if (window.innerWidth < WIDE) setOpen(false); }, [page, id]);
  const status = useStatus();
  const Shown = PAGES[page] ?? Missing;
  return (
    <div className="demarc">
      <a className="skip" href="#main">Skip to content</a>
      <Head onMenu={() => setOpen(!open)} open={open} />
      <Side page={page} open={open} />
      <main id="main" tabIndex={-1}>
        <Standing status={status.data} />
        <Moment />
        <Boundaryless key={page}>
          <Suspense fallback={<Loading />}>
            <Shown id={id} />
          </Suspense>
        </Boundaryless>
      </main>
      <Files />
      <Suspense><SignInAgain /></Suspense>
    </div>
  );
}

// The list of pages lies over the page where it is narrower, in pixels, as app.css has it.
const WIDE = 1000;

function Missing() {
  return (
    <div className="sheet">
      <h1>There is no such page</h1>
      <p>The address may be of another version of these pages. Choose a page on the left.</p>
    </div>
  );
}
