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

const query = (q: Record<string, string | number | boolean | undefined>) => {
  const set = Object.entries(q).filter(([, v]) => v !== undefined && v !== '' && v !== false);
  return set.length ? `?${new URLSearchParams(set.map(([k, v]) => [k, String(v)]))}` : '';
};

/** get reads; post acts. */
export const get = <T>(path: string, q: Record<string, string | number | boolean | undefined> = {}) => ask<T>(path + query(q));
export const getRaw = <T>(path: string, q: Record<string, string | number | boolean | undefined> = {}) => ask<T>(path + query(q), {}, true);
export const post = <T>(path: string, body: unknown) =>
  ask<T>(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (n, e) => !(e instanceof Refused) && n < 2,
    },
  },
});

/** List is what a page asks for: its rows, and whether they are there yet. */
export type List<T> = UseQueryResult<T[]>;

/** whole reads every page of a list. */
async function whole<T>(name: string, path: string, q: Record<string, string>): Promise<T[]> {
  const rows: T[] = [];
  for (let token = ''; ;) {
    const r = await get<Record<string, T[]> & { next_page_token: string }>(path, { ...q, page_size: 1000, page_token: token });
    rows.push(...(r[name] ?? []));
    token = r.next_page_token;
    if (!token) return rows;
  }
}

function useList<T>(name: string, q: Record<string, string> = {}, path = name): List<T> {
  return useQuery({ queryKey: [name, q], queryFn: () => whole<T>(name, path, q) });
}

export const useStatus = () => useQuery({ queryKey: ['status'], queryFn: () => get<t.Status>('status') });
export const useSites = () => useList<t.Site>('sites');
export const useBoundaries = () => useList<t.Boundary>('boundaries');
export const useAssets = () => useList<t.Asset>('assets');
export const useConnections = () => useList<t.Connection>('connections');
export const useFindings = () => useList<t.Finding>('findings');
export const useAgents = () => useList<t.Agent>('agents');
export const useAuthorizations = () => useList<t.Authorization>('authorizations');
export const useConditions = () => useList<t.Condition>('conditions');
export const useNotices = () => useList<t.Notice>('notices');
export const useExplain = (id: string) =>
  useQuery({ queryKey: ['explain', id], queryFn: () => get<t.Explanation>('explain', { id }), enabled: id !== '' });
export const useGate = (authorization: string) =>
  useQuery({ queryKey: ['gate', authorization], queryFn: () => get<t.Gate>(`authorizations/${encodeURIComponent(authorization)}/gate`), enabled: authorization !== '' });
export const useDocuments = (version = '') =>
  useQuery({ queryKey: ['documents', version], queryFn: () => getRaw<t.Documents>('documents', { policy_version: version, page_size: 1000 }) });
