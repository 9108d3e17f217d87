import { Button, TextArea } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { client, post, useStatus } from '../api';
import { Link, to } from '../route';
import { plural, T } from '../text';
import type { ApplyResult, VerdictChange } from '../types';
import { Tag, VerdictChip } from './chip';
import { Dialog } from './dialog';
import { useDraft } from './draft';
import { Act } from './may';
import { Empty } from './page';
import { save, Table } from './table';

/** Written is a file of documents. */
export interface Written { path: string; text: string }

const apply = (files: Written[], more: { dry_run?: boolean; prune?: boolean }) =>
  post<ApplyResult>('documents', { documents: files.map((f) => ({ path: f.path, content: btoa(String.fromCharCode(...new TextEncoder().encode(f.text))) })), ...more });

/**
 * Trial tells what documents would change. What was tried, and nothing else, can
 * then be put forward: that is another act, with its own question.
 */
export function Trial({ files, prune, children, done }: { files: Written[]; prune?: boolean; children?: ReactNode; done?: () => void }) {
  const enforced = useStatus().data?.authority === 'enforced';
  const [asking, setAsking] = useState(false);
  const [taken, setTaken] = useState<ApplyResult>();
  const key = JSON.stringify([files, prune]);
  const dry = useMutation({ mutationFn: (_: string) => apply(files, { dry_run: true, prune }), onMutate: () => setTaken(undefined) });
  const tried = dry.variables === key;
  const changes = tried ? (dry.data?.changes ?? []).filter((c) => c.change !== 'same') : [];
  const nothing = !files.some((f) => f.text.trim());
  return (
    <>
      <div className="tools">
        <Act call="CollectorService/Apply" size="sm" isDisabled={nothing || dry.isPending} onClick={() => dry.mutate(key)}>Dry run</Act>
        <Act call="CollectorService/Apply" size="sm" variant="secondary" isDisabled={!changes.length} onClick={() => setAsking(true)}>{enforced ? 'Propose it' : 'Put it in force'}</Act>
        <Button size="sm" variant="link" isDisabled={nothing} onClick={() => save('documents.yaml', files.map((f) => f.text.trim()).join('\n---\n') + '\n', 'application/yaml')}>Save as a file</Button>
        {children}
      </div>
      {tried && dry.isError && <p className="fault pre" role="alert">{dry.error.message}</p>}
      {tried && dry.data && !taken && <Outcome of={dry.data} />}
      {taken && <p className="hint" role="status">{taken.pending ? <>Waits as <Link href="/confirm">{taken.pending.id}</Link> for {taken.pending.needs}.</> : <>In force as <Link href="/policy">version {taken.policy_version}</Link>. Keep the file under version control, too.</>}</p>}
      {asking && (
        <Dialog
          draft="apply" title={enforced ? 'Propose these documents' : 'Put these documents in force'} verb={enforced ? 'Propose' : 'Put in force'} fields={[]} close={() => setAsking(false)}
          lead={`${plural(changes.length, 'document')} under your name. ${enforced ? 'What only narrows acts at once; the rest waits for an official over every boundary concerned.' : 'No official confirms anything here (authority: none): they act at once.'}`}
          act={async () => { setTaken(await apply(files, { prune })); void client.invalidateQueries(); done?.(); return undefined; }}
        />
      )}
    </>
  );
}

/** Editor is one document that is being written; what is typed stays until it is forgotten. */
export function Editor({ draft, path, start, prune, children, forget }: { draft: string; path: string; start: string; prune?: (text: string) => Written[] | undefined; children?: ReactNode; forget?: () => void }) {
  const [text, setText, sent] = useDraft(draft, start);
  const whole = prune?.(text);
  return (
    <>
      <TextArea aria-label="Document" className="editor" rows={18} resizeOrientation="vertical" spellCheck={false} value={text} onChange={(_, v) => setText(v)} />
      <Trial files={whole ?? [{ path, text }]} prune={!!whole} done={sent}>
        <Button variant="link" size="sm" onClick={() => { sent(); forget?.(); }}>Forget what is written</Button>
        {children}
      </Trial>
    </>
  );
}

function Outcome({ of }: { of: ApplyResult }) {
  const changes = (of.changes ?? []).filter((c) => c.change !== 'same');
  const waits = new Map((of.pending?.documents ?? []).map((d) => [d.document, d.why]));
  return (
    <div role="status" className="outcome">
      <ul className="lines">{changes.map((c) => { const why = waits.get(`${c.kind}/${c.name}`); return <li key={c.kind + c.name}><Tag>{c.change}</Tag> <b>{c.kind}/{c.name}</b> {why !== undefined && <span className="dim">waits for an official: <T v={why} /></span>}</li>; })}</ul>
      {changes.length === 0 && <Empty>No document would change.</Empty>}
      {(of.warnings ?? []).map((w) => <p className="hint" key={w}><T v={w} /></p>)}
      {(of.resolved ?? []).map((w) => <p className="dim" key={w}><T v={w} /></p>)}
      <Verdicts of={of.verdicts ?? []} words={of.pending ? 'at once' : ''} />
      {of.pending && <Verdicts of={of.pending_verdicts ?? []} words="once it is confirmed" />}
    </div>
  );
}

const Verdicts = ({ of, words }: { of: VerdictChange[]; words: string }) => (
  <>
    <p><b>{plural(of.length, 'verdict')}</b> would change{words && ` ${words}`}.</p>
    {of.length > 0 && <Table short name="verdicts" rows={of.slice(0, 200)} columns={verdictColumns} id={(v) => v.connection} href={(v) => to('connections', v.connection)} empty="" />}
  </>
);

const verdictColumns = [
  { key: 'connection', name: 'Connection', width: '9rem', text: (v: VerdictChange) => v.connection },
  { key: 'before', name: 'Before', width: '9.5rem', text: (v: VerdictChange) => v.before ?? '', cell: (v: VerdictChange) => <VerdictChip v={v.before} /> },
  { key: 'after', name: 'After', width: '9.5rem', text: (v: VerdictChange) => v.after ?? '', cell: (v: VerdictChange) => <VerdictChip v={v.after} /> },
  { key: 'reason', name: 'Why', text: (v: VerdictChange) => v.reason ?? '' },
];
