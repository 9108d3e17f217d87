import { type AnchorHTMLAttributes, useSyncExternalStore } from 'react';

// Addresses of pages: /assets/a-1?q=plc. The browser's history is the only state.

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((f) => f());
window.addEventListener('popstate', tell);

function subscribe(f: () => void) {
  listeners.add(f);
  return () => void listeners.delete(f);
}

/** kept is an address at the moment that is looked at: links within the past stay there. */
function kept(href: string): string {
  const at = new URLSearchParams(location.search).get('at');
  if (!at || /[?&]at=/.test(href)) return href;
  return `${href}${href.includes('?') ? '&' : '?'}at=${encodeURIComponent(at)}`;
}

/** go opens another page; replace leaves no step to come back to. */
export function go(to: string, replace = false) {
  to = kept(to);
  move(to, replace);
}

function move(to: string, replace: boolean) {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  tell();
}

export interface Route { page: string; id: string; query: URLSearchParams }

export function useRoute(): Route {
  const at = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  const url = new URL(at, location.origin);
  const [page = '', ...rest] = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  return { page, id: rest.join('/'), query: url.searchParams };
}

/** useAt is the moment of the past that the pages show, "" for now. */
export const useAt = (): string => useRoute().query.get('at') ?? '';

/** to makes an address: to('assets', id, {q}). */
export function to(page: string, id = '', query: Record<string, string> = {}): string {
  const path = [page, ...id.split('/')].filter(Boolean).map(encodeURIComponent).join('/');
  const q = new URLSearchParams(Object.entries(query).filter(([, v]) => v)).toString();
  return `/${path}${q ? `?${q}` : ''}`;
}

/** setQuery changes the query of this page in place. */
export function setQuery(change: Record<string, string>) {
  const url = new URL(location.href);
  for (const [k, v] of Object.entries(change)) {
    if (v) url.searchParams.set(k, v);
    else url.searchParams.delete(k);
  }
  move(url.pathname + url.search, true);
}

export function Link({ href: plain = '/', onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement>) {
  useAt(); // an address says the moment, too
  const href = kept(plain);
  return (
    <a
      href={href}
      {...rest}
      onClick={(e) => {
        onClick?.(e);
        if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
        e.preventDefault();
        e.stopPropagation();
        go(href);
        window.scrollTo(0, 0);
      }}
    />
  );
}
