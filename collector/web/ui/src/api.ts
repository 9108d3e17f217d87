import { QueryClient, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { signedOut } from './store';
import { parse } from './text';
import type * as t from './types';

export class Refused extends Error {
  constructor(readonly code: number, message: string) { super(message); }
}

async function ask<T>(path: string, init: RequestInit = {}, raw = false): Promise<T> {
  const answer = await fetch(`/api/v1/${path}`, { ...init, headers: { Accept: 'application/json', ...init.headers } });
  const text = await answer.text();
  if (answer.status === 401) signedOut.set(true);
  if (!answer.ok) throw new Refused(answer.status, complaint(text) || `the collector answers ${answer.status}`);
  return raw ? (JSON.parse(text) as T) : parse<T>(text);
}

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

/** page reads a part of the list that has this name under /api/v1/. */
export async function page<T>(name: string, q: Query = {}, token = '', size = 200): Promise<Page<T>> {
  const r = await get<Record<string, unknown>>(name, { ...q, page_size: size, page_token: token });
  const rows = (r[name] ?? []) as T[];
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

/** List is what a page asks for: its rows, and whether they are there yet. */
export type List<T> = UseQueryResult<T[]>;

export const useAll = <T>(name: string, q: Query = {}, enabled = true): List<T> => useQuery({ queryKey: [name, 'all', q], queryFn: () => all<T>(name, q), enabled });

const first = <T>(name: string, q: Query, size: number) => ({ queryKey: [name, 'first', size, q], queryFn: () => page<T>(name, q, '', size) });
/** useFirst is the first rows of a list, and its totals. */
export const useFirst = <T>(name: string, q: Query, size: number) => useQuery(first<T>(name, q, size));
/** total asks for how many rows a list has. */
export const total = (name: string, q: Query = {}) => first(name, q, 1);
/** useTotal is how many rows a list has; -1 until that is known. */
export const useTotal = (name: string, q: Query = {}): number => useQuery(total(name, q)).data?.total ?? -1;

export const useStatus = () => useQuery({ queryKey: ['status'], queryFn: () => get<t.Status>('status') });
export const useSites = () => useAll<t.Site>('sites');
export const useBoundaries = () => useAll<t.Boundary>('boundaries');
export const useAssets = (q: Query = {}, enabled = true) => useAll<t.Asset>('assets', q, enabled);
export const useConnections = (q: Query = {}, enabled = true) => useAll<t.Connection>('connections', q, enabled);
export const useFindings = (q: Query = {}, enabled = true) => useAll<t.Finding>('findings', q, enabled);
export const useAgents = () => useAll<t.Agent>('agents');
export const useAuthorizations = () => useAll<t.Authorization>('authorizations');
export const useConditions = () => useAll<t.Condition>('conditions');
export const useNotices = () => useAll<t.Notice>('notices');
export const useMe = () => useQuery({ queryKey: ['me'], queryFn: () => get<t.Me>('me') });
export const useProposals = () => useAll<t.Proposal>('proposals');
export const useExplain = (id: string) =>
  useQuery({ queryKey: ['explain', id], queryFn: () => get<t.Explanation>('explain', { id }), enabled: id !== '' });
export const useGate = (authorization: string) =>
  useQuery({ queryKey: ['gate', authorization], queryFn: () => get<t.Gate>(`authorizations/${encodeURIComponent(authorization)}/gate`), enabled: authorization !== '' });
export const useDocuments = (version = '') =>
  useQuery({ queryKey: ['documents', version], queryFn: () => getRaw<t.Documents>('documents', { policy_version: version }) });
