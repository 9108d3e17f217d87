import { Button } from '@patternfly/react-core';
import { useState } from 'react';

// Text from the network is hostile: what is invisible or turns the reading
// order is shown by its number, and what is long is cut until asked for.

const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\u{e0000}-\u{e007f}]/gu;
// The same in JSON, where most of it stands escaped.
const UNSEEN_JSON = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb]|\\u(?:00[0-9a-f]{2}|061c|180e|20[0-6]|feff|fff)|\\[bf]|\udb40/i;

/** visible shows control, bidi and zero-width characters by number. */
export function visible(s: string): string {
  return s.replace(UNSEEN, (c) => `⟨U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** parse reads JSON, making every string in it visible. */
export function parse<T>(raw: string): T {
  if (!UNSEEN_JSON.test(raw)) return JSON.parse(raw) as T;
  return JSON.parse(raw, (_, v) => (typeof v === 'string' ? visible(v) : v)) as T;
}

/** cut keeps the first n characters. */
export function cut(s: string | undefined, n = 160): string {
  return !s ? '' : s.length <= n ? s : `${s.slice(0, n)}…`;
}

/** T is text that somebody else wrote, whole on demand. */
export function T({ v, cap = 240 }: { v?: string; cap?: number }) {
  const [whole, setWhole] = useState(false);
  if (!v) return null;
  if (v.length <= cap) return <bdi>{v}</bdi>;
  return (
    <bdi className="wire">
      {whole ? v : `${v.slice(0, cap)}… `}
      <Button variant="link" isInline onClick={() => setWhole(!whole)}>
        {whole ? ' show less' : `show all ${v.length.toLocaleString('en')} characters`}
      </Button>
    </bdi>
  );
}

export const count = (n: number | string | undefined) => Number(n ?? 0).toLocaleString('en');
export const plural = (n: number, one: string, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** when is a time to the minute, UTC. */
export function when(t: string | undefined): string {
  if (!t) return '';
  const d = new Date(t);
  return Number.isNaN(d.getTime()) ? '' : `${d.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
/** second is a time to the second, where something else says that it is UTC. */
export const second = (t: string | undefined) => (t ? new Date(t).toISOString().slice(0, 19).replace('T', ' ') : '');
/** minute is the same where a heading says that it is UTC. */
export const minute = (t: string | undefined) => when(t).replace(' UTC', '');
export const day = (t: string | undefined) => when(t).slice(0, 10);
/** lastDay is the day before an end, which is the first instant after it. */
export const lastDay = (t: string | undefined) => (t ? day(new Date(Date.parse(t) - 1).toISOString()) : '');

const STEPS: [number, string][] = [[86400 * 365, 'year'], [86400 * 30, 'month'], [86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']];

/** ago is how far t is from now, in words. */
export function ago(t: string | undefined, now: number): string {
  if (!t) return 'never';
  const s = (now - new Date(t).getTime()) / 1000;
  for (const [size, name] of STEPS) {
    if (Math.abs(s) >= size) {
      const words = plural(Math.floor(Math.abs(s) / size), name);
      return s < 0 ? `in ${words}` : `${words} ago`;
    }
  }
  return 'now';
}

export function bytes(n: number | string | undefined): string {
  let v = Number(n ?? 0);
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (v < 1000) return `${v < 10 && unit !== 'B' ? v.toFixed(1) : Math.round(v)} ${unit}`;
    v /= 1000;
  }
  return `${v.toFixed(1)} TB`;
}
