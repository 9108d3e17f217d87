import { useSyncExternalStore } from 'react';

/** Cell is one value that components follow. */
export class Cell<V> {
  private listeners = new Set<() => void>();
  constructor(private value: V) {}
  get = () => this.value;
  set = (value: V) => {
    if (value === this.value) return;
    this.value = value;
    this.listeners.forEach((f) => f());
  };
  subscribe = (f: () => void) => {
    this.listeners.add(f);
    return () => void this.listeners.delete(f);
  };
}

export const useCell = <V>(c: Cell<V>): V => useSyncExternalStore(c.subscribe, c.get);

/** kept is a cell that this browser remembers. */
export function kept<V extends string>(key: string, otherwise: V): Cell<V> {
  const c = new Cell<V>(otherwise);
  try {
    c.set((localStorage.getItem(key) as V | null) ?? otherwise);
    c.subscribe(() => localStorage.setItem(key, c.get()));
  } catch {
    // a browser that keeps nothing still shows everything
  }
  return c;
}

export type Reader = 'engineer' | 'analyst' | 'official';
export type Theme = 'system' | 'light' | 'dark';
export const reader = kept<Reader>('demarc-reader', 'analyst');
export const theme = kept<Theme>('demarc-theme', 'system');

/** signedOut is true from the first answer that asks for a sign-in. */
export const signedOut = new Cell(false);
/** live is whether changes arrive. */
export const live = new Cell<'connecting' | 'live' | 'lost'>('connecting');
