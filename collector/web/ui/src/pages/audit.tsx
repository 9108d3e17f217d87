import { Button } from '@patternfly/react-core';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api';
import { Empty, Loading, Sheet } from '../parts/page';
import { SearchBox } from '../parts/searchbox';
import { cells, type Column, Saves, Table } from '../parts/table';
import { setQuery, useRoute } from '../route';
import { count, cut, minute, when } from '../text';
import type { AuditEntry } from '../types';

const columns: Column<AuditEntry>[] = [
  { key: 'sequence', name: 'No.', width: '4rem', num: true, text: (e) => Number(e.sequence) },
  { key: 'time', name: 'When, UTC', width: '8rem', text: (e) => when(e.time), cell: (e) => minute(e.time) },
  { key: 'who', name: 'Who', width: '10.5rem', text: (e) => e.who ?? '' },
  { key: 'what', name: 'What', width: '9rem', text: (e) => e.what ?? '' },
  { key: 'on', name: 'On', width: '11rem', text: (e) => e.on ?? '' },
  { key: 'detail', name: 'Detail', text: (e) => e.detail ?? '' },
  { key: 'hash', name: 'Hash', width: '6.4rem', text: (e) => e.hash ?? '', cell: (e) => <span className="mono dim">{(e.hash ?? '').slice(0, 10)}</span> },
];

interface Part { entries?: AuditEntry[] }
const part = (q: string, before: string) => get<Part>('audit', { search: q, before, limit: 500 });
/** before is where the entries before a part begin. */
const before = (p: Part) => { const first = p.entries?.at(-1)?.sequence; return first && Number(first) > 1 ? first : undefined; };

/** whole is every entry with the words, not only those that are on show. */
async function whole(q: string): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let at: string | undefined = ''; at !== undefined;) {
    const p: Part = await part(q, at);
    entries.push(...(p.entries ?? []));
    at = before(p);
  }
  return entries;
}

/** Audit is every act of a person or program, the latest first, chained by hash. */
export function Audit(_: { id: string }) {
  const q = useRoute().query.get('q') ?? '';
  const [words, setWords] = useState(q);
  const found = useInfiniteQuery({
    queryKey: ['audit', q],
    queryFn: ({ pageParam }) => part(q, pageParam),
    initialPageParam: '',
    getNextPageParam: before,
  });
  const check = useMutation({ mutationFn: () => get<{ intact?: boolean; entries?: string; last_hash?: string; fault?: string }>('audit/verify') });
  if (found.isPending) return <Loading />;
  const rows = (found.data?.pages ?? []).flatMap((p) => p.entries ?? []);
  return (
    <Sheet title="Audit log" lead="Every act of a person or a program. Each entry's hash covers it and the hash before it." wide actions={<><Button size="sm" variant="secondary" isDisabled={check.isPending} onClick={() => check.mutate()}>Verify the chain</Button> <Saves name="audit" rows={async () => cells(await whole(q), columns)} /></>}>
      {found.isError && <p className="fault" role="alert">{found.error.message}</p>}
      {check.isError && <p className="fault" role="alert">{check.error.message}</p>}
      {check.data && <p role="status" className={check.data.intact ? 'gate g-holds' : 'gate g-fails'}><b>{check.data.intact ? 'The chain is whole' : 'The chain is broken'}</b><span>{check.data.intact ? `${count(check.data.entries)} entries; the last hash is ${check.data.last_hash}. Kept elsewhere, it shows later that nothing was cut off.` : cut(check.data.fault, 300)}</span></p>}
      <form className="tools" onSubmit={(e) => { e.preventDefault(); setQuery({ q: words.trim() }); }}><SearchBox label="Search the audit log" hint="Search all of it: Enter" value={words} put={setWords} /></form>
      {rows.length === 0 ? <Empty>{q ? 'No entry holds these words.' : 'Nothing was done yet.'}</Empty> : <Table short name="audit" rows={rows} columns={columns} id={(e) => e.sequence} empty="" />}
      {found.hasNextPage && <Button variant="link" isDisabled={found.isFetching} onClick={() => void found.fetchNextPage()}>Earlier entries</Button>}
    </Sheet>
  );
}
