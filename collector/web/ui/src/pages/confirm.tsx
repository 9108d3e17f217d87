import { Act } from '../parts/may';
import { useState } from 'react';
import { post, useDocuments, useProposals } from '../api';
import { Links, Tag } from '../parts/chip';
import { Dialog } from '../parts/dialog';
import { Diff } from '../parts/diff';
import { Block, Empty, Fault, Loading, Pairs, Sheet } from '../parts/page';
import { cut, day, plural, T, visible, when } from '../text';
import type { PolicyDocument, Proposal, ProposedDocument } from '../types';

/** Confirm is what waits for an official: what would improve a verdict, and acts on authorizations. */
export function Confirm(_: { id: string }) {
  const proposals = useProposals();
  const documents = useDocuments();
  if (proposals.isPending) return <Loading />;
  const all = proposals.data ?? [];
  return (
    <Sheet title="To confirm" lead="What only worsens verdicts acts at once. What improves any waits here until an official over every boundary concerned confirms it; nobody confirms their own.">
      <Fault of={proposals} />
      {all.length === 0 && <Empty>Nothing waits to be confirmed.</Empty>}
      {all.map((p) => <One key={p.id} p={p} now={documents.data?.documents ?? []} />)}
    </Sheet>
  );
}

function One({ p, now }: { p: Proposal; now: PolicyDocument[] }) {
  const [asking, setAsking] = useState<'confirm' | 'paper' | 'reject'>();
  const close = () => setAsking(undefined);
  return (
    <Block title={p.words ? <T v={p.words} /> : p.documents?.length === 1 ? p.documents[0].document : plural(p.documents?.length ?? 0, 'document')} note={<>{p.id}, proposed by {p.author}, {when(p.proposed)}</>}>
      {p.stale && <p className="fault"><T v={p.stale} /></p>}
      <Pairs of={[
        ['Concerns', <Links page="boundaries" of={(p.boundaries ?? [])} />], ['Needs', p.needs], ['Still missing', (p.missing ?? []).join(', ')],
        ['Confirmed by', (p.confirmations ?? []).length > 0 && p.confirmations!.map((c) => <div key={c.by}>{c.by}, {when(c.at)}</div>)],
        ['Signed paper', p.paper?.sha256 && `signed by ${p.paper.signer} ${day(p.paper.signed)}, recorded by ${p.paper.recorded_by}, SHA-256 ${p.paper.sha256}`],
      ]} />
      {(p.documents ?? []).map((d) => <Change key={d.document} d={d} was={now.find((x) => `${x.kind}/${x.name}` === d.document)?.text ?? ''} />)}
      <div className="acts">
        <Act call="ProposalService/ConfirmProposal" size="sm" isDisabled={!!p.stale} onClick={() => setAsking('confirm')}>Confirm</Act>
        <Act call="ProposalService/ConfirmProposal" size="sm" variant="secondary" isDisabled={!!p.stale} onClick={() => setAsking('paper')}>Record a signed paper</Act>
        <Act call="ProposalService/RejectProposal" size="sm" variant="danger" onClick={() => setAsking('reject')}>Reject</Act>
      </div>
      {asking === 'confirm' && <Dialog draft={`confirm-${p.id}`} title={`Confirm ${p.id}`} lead="It is in force from then on, and stands in the audit log under your name." fields={[]} verb="Confirm" close={close} act={(v) => confirm(p, v)} />}
      {asking === 'paper' && (
        <Dialog
          draft={`paper-${p.id}`} title={`Signed paper for ${p.id}`} lead="A decision that was made outside. Another person then confirms it." verb="Record" close={close} act={(v) => confirm(p, v)}
          fields={[{ key: 'signer', name: 'Who signed it', needed: true }, { key: 'signed', name: 'On which day', kind: 'date', needed: true }, { key: 'sha256', name: 'SHA-256 of the file', needed: true, hint: 'Hexadecimal' }]}
        />
      )}
      {asking === 'reject' && <Dialog draft={`reject-${p.id}`} title={`Reject ${p.id}`} fields={[{ key: 'reason', name: 'Reason', kind: 'area', needed: true }]} verb="Reject" danger close={close} act={async (v) => { await post(`proposals/${encodeURIComponent(p.id)}/reject`, v); return undefined; }} />}
    </Block>
  );
}

async function confirm(p: Proposal, v: Record<string, string>) {
  const paper = v.sha256 ? { paper: { sha256: v.sha256, signer: v.signer, signed: `${v.signed}T00:00:00Z` } } : {};
  const r = await post<{ words?: string }>(`proposals/${encodeURIComponent(p.id)}/confirm`, paper);
  return <p role="status">{cut(r.words, 400)}</p>;
}

function Change({ d, was }: { d: ProposedDocument; was: string }) {
  const is = d.content ? new TextDecoder().decode(Uint8Array.from(atob(d.content), (c) => c.charCodeAt(0))) : '';
  return (
    <div>
      <h3><Tag>{d.change}</Tag> {d.document} <span className="dim"><T v={d.why} /></span></h3>
      <Diff was={was.split('\n').map(visible).join('\n')} is={is.split('\n').map(visible).join('\n')} />
    </div>
  );
}
