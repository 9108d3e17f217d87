import { QueryClient, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useAt } from './route';
import { signedOut } from './store';
import { parse, visible } from './text';
import type * as t from './types';

export class Refused extends Error {
  constructor(readonly code: number, message: string) { super(message); }
}

async function ask<T>(path: string, init: RequestInit = {}, raw = false): Promise<T> {
  const answer = await fetch(`/api/v1/${path}`, { ...init, headers: { Accept: 'application/json', ...init.headers } });
  const text = await answer.text();
  if (answer.status === 401) signedOut.set(true);
  if (!answer.ok) throw refusal(answer.status, text);
  return raw ? (JSON.parse(text) as T) : parse<T>(text);
}

const refusal = (code: number, text: string) => new Refused(code, complaint(text) || `the collector answers ${code}`);

/** complaint is the message of an error answer, whether JSON or text. */
function complaint(text: string): string {
  try {
    return parse<{ message?: string }>(text).message ?? '';
  } catch {
    return text.trimStart().startsWith('<') ? '' : text.trim();
  }
}

function query(q: Query): string {
  const set = new URLSearchParams();
  for (const [k, v] of Object.entries(q)) {
    if (Array.isArray(v)) for (const x of v) set.append(k, x);
    else if (v !== undefined && v !== '' && v !== false) set.set(k, String(v));
  }
  return set.size ? `?${set}` : '';
}

/** get reads; post acts. */
export const get = <T>(path: string, q: Query = {}) => ask<T>(path + query(q));
export const getRaw = <T>(path: string, q: Query = {}) => ask<T>(path + query(q), {}, true);
export const post = <T>(path: string, body: unknown) =>
  ask<T>(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });

/** getFile reads a file that the collector makes, with what it leaves to a person. */
export async function getFile(path: string, q: Query, signal: AbortSignal): Promise<{ name: string; content: Blob; left: string[] }> {
  const answer = await fetch(`/api/v1/${path}${query(q)}`, { signal });
  if (answer.status === 401) signedOut.set(true);
  if (!answer.ok) throw refusal(answer.status, await answer.text());
  const left = (answer.headers.get('Demarc-Missing') ?? '').split(', ').filter(Boolean);
  return {
    name: /filename="?([^";]+)/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'demarc',
    content: await answer.blob().catch(() => { throw new Error('The collector broke off: try it again.'); }),
    left: left.map((l) => visible(new URLSearchParams(`l=${l}`).get('l')!)),
  };
}

export const patch = <T>(path: string, body: unknown) =>
  ask<T>(path, { method: 'PATCH', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (n, e) => !(e instanceof Refused) && n < 2,
    },
  },
});

/** Query narrows a list: parameters by their proto names. */
export type Query = Record<string, string | number | boolean | string[] | undefined>;

/** Page is a part of a list, and how long the whole is. */
export interface Page<T> { rows: T[]; total: number; next: string; verdicts?: Record<string, number> }

/** Where a list has another name in the answer than in the address. */
const FIELDS: Record<string, string> = { calendar: 'entries', 'remote-access': 'remote_access', 'second-paths': 'second_paths' };

/** page reads a part of the list that has this name under /api/v1/. */
export async function page<T>(name: string, q: Query = {}, token = '', size = 200): Promise<Page<T>> {
  const r = await get<Record<string, unknown>>(name, { ...q, page_size: size, page_token: token });
  const rows = (r[FIELDS[name] ?? name] ?? []) as T[];
  return { rows, total: Number(r.total ?? rows.length), next: String(r.next_page_token ?? ''), verdicts: r.verdicts as Record<string, number> | undefined };
}

/** MOST is how many rows a page that shows all at once asks for. */
export const MOST = 10_000;

/** all reads a list to its end, or to most rows. */
export async function all<T>(name: string, q: Query = {}, most = MOST): Promise<T[]> {
  const rows: T[] = [];
  for (let token = ''; ;) {
    const p = await page<T>(name, q, token, 1000);
    rows.push(...p.rows);
    token = p.next;
    if (!token || rows.length >= most) return rows;
  }
}

/** TIMED are the lists that tell of the past, too. */
const TIMED = new Set(['sites', 'boundaries', 'assets', 'connections', 'findings', 'authorizations', 'documents', 'conditions', 'drift', 'crossings', 'agreements', 'calendar', 'remote-access', 'second-paths', 'paths', 'regulated']);

/** useTimed is a query at the moment that the pages show. */
export function useTimed(name: string, q: Query): Query {
  const at = useAt();
  return at && TIMED.has(name) ? { ...q, as_of: at } : q;
}

/** ofNow tells whether what was asked may change on its own: the past does not, nor what somebody works on. */
export const ofNow = ({ queryKey, meta }: { queryKey: readonly unknown[]; meta?: Record<string, unknown> }) => !meta?.still && !JSON.stringify(queryKey).includes('"as_of":');

/** List is what a page asks for: its rows, and whether they are there yet. */
export type List<T> = UseQueryResult<T[]>;

export function useAll<T>(name: string, q: Query = {}, enabled = true): List<T> {
  const timed = useTimed(name, q);
  return useQuery({ queryKey: [name, 'all', timed], queryFn: () => all<T>(name, timed), enabled });
}

const first = <T>(name: string, q: Query, size: number) => ({ queryKey: [name, 'first', size, q], queryFn: () => page<T>(name, q, '', size) });
/** useFirst is the first rows of a list, and its totals. */
export const useFirst = <T>(name: string, q: Query, size: number, enabled = true) => useQuery({ ...first<T>(name, useTimed(name, q), size), enabled });
/** total asks for how many rows a list has. */
export const total = (name: string, q: Query = {}) => first(name, q, 1);
/** useTotal is how many rows a list has; -1 until that is known. */
export const useTotal = (name: string, q: Query = {}): number => useQuery(total(name, useTimed(name, q))).data?.total ?? -1;

export const useStatus = (again?: number) => useQuery({ queryKey: ['status'], queryFn: () => get<t.Status>('status'), refetchInterval: again });
export const useSites = () => useAll<t.Site>('sites');
export const useBoundaries = () => useAll<t.Boundary>('boundaries');
export const useAssets = (q: Query = {}, enabled = true) => useAll<t.Asset>('assets', q, enabled);
export const useConnections = (q: Query = {}, enabled = true) => useAll<t.Connection>('connections', q, enabled);
export const useFindings = (q: Query = {}, enabled = true) => useAll<t.Finding>('findings', q, enabled);
export const useSlices = (q: Query = {}, enabled = true) => useAll<t.RecordedSlice>('slices', q, enabled);
export const useAgents = () => useAll<t.Agent>('agents');
export const useAuthorizations = () => useAll<t.Authorization>('authorizations');
export const useConditions = () => useAll<t.Condition>('conditions');
export const useAgreements = (q: Query = {}) => useAll<t.Agreement>('agreements', q);
/** useWindows is the documents of windows. */
export const useWindows = () => useAll<t.PolicyDocument>('documents', { kind: 'Window' });
export const useCrossings = (q: Query = {}) => useAll<t.Crossing>('crossings', q);
export const useCalendar = () => useAll<t.CalendarEntry>('calendar');
export const useMe = () => useQuery({ queryKey: ['me'], queryFn: () => get<t.Me>('me') });
export const useProposals = () => useAll<t.Proposal>('proposals');
/** useOne asks for one answer at the moment that the pages show. */
export function useOne<T>(key: string, path: string, q: Query = {}, enabled = true) {
  const at = useAt();
  const timed = at ? { ...q, as_of: at } : q;
  return useQuery({ queryKey: [key, path, timed], queryFn: () => get<T>(path, timed), enabled });
}
export const useExplain = (id: string) => useOne<t.Explanation>('explain', 'explain', { id }, id !== '');
export const useGate = (authorization: string) => useOne<t.Gate>('gate', `authorizations/${encodeURIComponent(authorization)}/gate`, {}, authorization !== '');
/** useDocuments is the whole policy, a version of it, or the one at the moment that the pages show. */
export function useDocuments(version = '') {
  const q = useTimed('documents', { policy_version: version });
  return useQuery({ queryKey: ['documents', 'whole', q], queryFn: () => documents(q) });
}

async function documents(q: Query): Promise<t.Documents> {
  const whole: t.Documents = { documents: [] };
  for (let token = ''; ;) {
    const r = await getRaw<t.Documents & { next_page_token?: string }>('documents', { ...q, page_size: 1000, page_token: token });
    Object.assign(whole, { policy_version: r.policy_version, applied: r.applied });
    whole.documents!.push(...(r.documents ?? []));
    token = r.next_page_token ?? '';
    if (!token) return whole;
  }
}
