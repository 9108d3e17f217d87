import { Button, Checkbox } from '@patternfly/react-core';
import { useMemo, useState } from 'react';
import { useDocuments, useStatus } from '../api';
import { Tag } from '../parts/chip';
import { Diff } from '../parts/diff';
import { Block, Empty, Fault, Loading, Sheet } from '../parts/page';
import { Editor } from '../parts/trial';
import { Link, setQuery, to, useRoute } from '../route';
import { cut, plural, visible, when } from '../text';
import type { Documents, PolicyDocument } from '../types';

const keyOf = (d: PolicyDocument) => `${d.kind}/${d.name}`;

export function Policy(_: { id: string }) {
  const { query } = useRoute();
  const status = useStatus();
  const newest = Number(status.data?.policy_version ?? 0);
  const version = query.get('version') ?? '';
  const against = query.get('against') ?? '';
  const documents = useDocuments(version);
  const older = useDocuments(against || version);
  if (documents.isPending || status.isPending) return <Loading />;
  const all = (documents.data?.documents ?? []).toSorted((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));
  const shown = all.find((d) => keyOf(d) === query.get('document'));
  const versions = Array.from({ length: newest }, (_x, i) => String(newest - i));
  return (
    <Sheet title="Policy" lead={newest === 0 ? 'No document is in force.' : `Version ${documents.data?.policy_version}, applied ${when(documents.data?.applied)}. Each verdict names the version that it was judged by.`}>
      <Fault of={documents} />
      <div className="tools">
        <Choose name="Version" value={version || String(newest)} of={versions} put={(v) => setQuery({ version: v === String(newest) ? '' : v })} />
        <Choose name="Compared with" value={against} of={['', ...versions]} put={(v) => setQuery({ against: v })} />
        <span className="grow" />
        <span className="dim">{plural(all.length, 'document')}</span>
      </div>
      {against && older.data && documents.data && <Changes before={older.data} after={documents.data} />}
      <div className="split policy">
        <ul className="queue" aria-label="Documents">
          {all.map((d) => <li key={keyOf(d)}><Link href={to('policy', '', { version, against, document: keyOf(d) })} aria-current={shown === d ? 'true' : undefined} className="plain"><span className="title">{d.name}</span><span className="dim">{d.kind}</span></Link></li>)}
          {all.length === 0 && <li><Empty>No document is applied yet.</Empty></li>}
        </ul>
        <div>
          {shown ? <Block title={shown.name} note={<><Tag>{shown.kind}</Tag> {shown.path}</>}><pre className="yaml" tabIndex={0}>{lines(shown.text)}</pre></Block> : all.length > 0 && <Block title="Choose a document"><Empty>Its text stands here as it was written.</Empty></Block>}
          <Change key={shown ? keyOf(shown) : ''} all={all} shown={shown} />
        </div>
      </div>
    </Sheet>
  );
}

/** lines makes text visible line by line. */
const lines = (s: string) => s.split('\n').map(visible).join('\n');

function Choose({ name, value, of, put }: { name: string; value: string; of: string[]; put: (v: string) => void }) {
  return <label className="choice">{name}<select value={value} onChange={(e) => put(e.target.value)}>{of.map((v) => <option key={v} value={v}>{v || 'nothing'}</option>)}</select></label>;
}

/** Changes are the documents that differ between two versions. */
function Changes({ before, after }: { before: Documents; after: Documents }) {
  const changed = useMemo(() => {
    const old = new Map((before.documents ?? []).map((d) => [keyOf(d), d.text]));
    const now = new Map((after.documents ?? []).map((d) => [keyOf(d), d.text]));
    return [...new Set([...old.keys(), ...now.keys()])].filter((k) => old.get(k) !== now.get(k)).map((k) => ({ k, was: old.get(k) ?? '', is: now.get(k) ?? '' }));
  }, [before, after]);
  return (
    <Block title={`From version ${before.policy_version} to ${after.policy_version}`} note={plural(changed.length, 'document differs', 'documents differ')}>
      {changed.length === 0 && <Empty>They hold the same.</Empty>}
      {changed.map((c) => <div key={c.k}><h3>{c.k} {!c.was && 'is new'}{!c.is && 'was removed'}</h3><Diff was={lines(c.was)} is={lines(c.is)} /></div>)}
    </Block>
  );
}

/** Change writes one document anew, or another one. */
function Change({ all, shown }: { all: PolicyDocument[]; shown?: PolicyDocument }) {
  const [open, setOpen] = useState(false);
  const [prune, setPrune] = useState(false);
  if (!open) return <p><Button variant="secondary" size="sm" onClick={() => setOpen(true)}>{shown ? `Try a change to ${cut(shown.name, 40)}` : 'Try a new document'}</Button></p>;
  const path = shown?.path || 'new.yaml';
  return (
    <Block title="What would change?" note="A dry run changes nothing. Documents are kept under version control: what is put forward from here belongs there, too.">
      <Editor
        draft={`policy-${shown ? keyOf(shown) : 'new'}`} path={path} start={shown?.text ?? ''} forget={() => setOpen(false)}
        prune={(text) => (prune ? [...all.filter((d) => d !== shown).map((d) => ({ path: d.path || 'policy.yaml', text: d.text })), { path, text }] : undefined)}
      >
        <Checkbox id="prune" label="Documents that are left out are removed" isChecked={prune} onChange={(_, v) => setPrune(v)} />
      </Editor>
    </Block>
  );
}
