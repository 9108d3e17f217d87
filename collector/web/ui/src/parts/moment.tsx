import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { get } from '../api';
import { setQuery, useAt, useRoute } from '../route';
import { Cell, useCell } from '../store';
import { plural, when } from '../text';
import type { AsOf } from '../types';

/** asking is whether the reader chooses a moment. */
export const asking = new Cell(false);

const AGO: [words: string, ms: number][] = [['an hour ago', 3_600_000], ['yesterday', 86_400_000], ['a week ago', 7 * 86_400_000]];
/** instant is a time as the collector takes it; the field's is of UTC and may have no seconds. */
export const instant = (field: string) => (Number.isNaN(Date.parse(`${field}Z`)) ? '' : new Date(`${field}Z`).toISOString());
/** field is a time as a field takes it. */
export const field = (t: string) => (t ? t.replace(/(\.\d+)?Z$/, '') : '');

/** Moment says which moment of the past the pages show, and lets one be chosen. */
export function Moment() {
  const at = useAt();
  const open = useCell(asking);
  const { page } = useRoute();
  const [text, setText] = useState(field(at));
  useEffect(() => setText(field(at)), [at]);
  const then = useQuery({ queryKey: ['moment', { as_of: at }], queryFn: () => get<{ as_of?: AsOf }>('sites', { as_of: at, page_size: 1 }), enabled: at !== '', retry: false });
  if (!at && !open) return null;
  const show = (t: string) => setQuery({ at: t });
  return (
    <form className={at ? 'standing moment past' : 'standing moment'} onSubmit={(e) => { e.preventDefault(); if (instant(text)) show(instant(text)); }}>
      <label>As it was recorded at <input className="field" type="datetime-local" step="1" aria-label="Moment, UTC" value={text} onChange={(e) => setText(e.target.value)} /> UTC</label>
      <Button type="submit" size="sm" variant="secondary" isDisabled={!instant(text)}>Show</Button>
      {AGO.map(([words, ms]) => <Button key={words} size="sm" variant="link" isInline onClick={() => show(new Date(Date.now() - ms).toISOString())}>{words}</Button>)}
      <span className="grow" />
      {then.isFetching && <span role="status">The collector rebuilds what it had come to then</span>}
      {then.isError && <span className="fault" role="alert">{then.error.message} <Earliest error={then.error} show={show} /></span>}
      {then.data?.as_of && <span role="status">{Number(then.data.as_of.policy_version ?? 0) ? `Policy version ${then.data.as_of.policy_version}` : 'No document was in force'}, {plural(Number(then.data.as_of.position ?? 0), 'record')}{then.data.as_of.recorded && `, the last of ${when(then.data.as_of.recorded)}`}</span>}
      {at && NOW.has(page) && <span>This page shows now.</span>}
      <Button size="sm" variant={at ? 'primary' : 'link'} isInline={!at} onClick={() => { asking.set(false); setQuery({ at: '' }); }}>{at ? 'Back to now' : 'Never mind'}</Button>
    </form>
  );
}

/** Earliest offers the first moment that can be told, where an earlier one was asked for. */
export function Earliest({ error, show }: { error: Error; show: (t: string) => void }) {
  const [, day, time] = /begins at (\S+) ([\d:]+)/.exec(error.message) ?? [];
  if (!time) return null;
  const first = new Date(Date.parse(`${day}T${time}Z`) + 1000).toISOString(); // it is told without its fraction
  return <Button size="sm" variant="link" isInline onClick={() => show(first)}>from there</Button>;
}

/** NOW are the pages that know of no past. */
const NOW = new Set(['agents', 'users', 'audit', 'settings', 'confirm', 'propose', 'changes']);
