import { useState } from 'react';
import { post } from '../api';
import { plural } from '../text';
import type { Finding } from '../types';
import { dayAfter, Dialog, type Field, type Values } from './dialog';

export interface Act { key: string; kind: string; name: string; title: string; lead: string; fields: Field[]; body: (v: Values) => object; fits: (f: Finding) => boolean; /** It leaves the list. */ leaves?: boolean }

const COMMENT: Field = { key: 'comment', name: 'Reason', kind: 'area', needed: true };
const open = (f: Finding) => f.status !== 'closed';

/** ACTS are what people do with findings, each with its key. */
export const ACTS: Act[] = [
  {
    key: 'a', kind: 'accept', leaves: true, name: 'Accept', title: 'Accept for a time', fits: (f) => open(f) && f.status !== 'deviation-approved',
    lead: 'Somebody lives with it until an end. It changes no verdict, and comes back by itself.',
    fields: [{ key: 'owner', name: 'Who answers for it', needed: true }, COMMENT, { key: 'until', name: 'Last day', kind: 'date', needed: true }, { key: 'mitigations', name: 'What makes it bearable', kind: 'area', hint: 'A line each' }],
    body: (v) => ({ acceptance: { owner: v.owner, reason: v.comment, until: dayAfter(v.until), mitigations: v.mitigations.split('\n').map((l) => l.trim()).filter(Boolean) } }),
  },
  {
    key: 'c', kind: 'close', leaves: true, name: 'Close', title: 'Close with a reason', fits: open, lead: 'If it is seen again it opens again, by itself.',
    fields: [
      { key: 'reason', name: 'Reason', kind: 'choice', choices: [['fixed', 'Fixed'], ['false-positive', 'False positive'], ['duplicate', 'Duplicate'], ['ceased', 'Ceased'], ['explained', 'Explained']] },
      { key: 'duplicate', name: 'Duplicate of', hint: 'Of a duplicate alone: the id of the finding that stands' },
      { key: 'comment', name: 'What shows it', kind: 'area', needed: true },
    ],
    body: (v) => ({ closure: { reason: v.reason, duplicate_of: v.reason === 'duplicate' ? v.duplicate : '' }, comment: v.comment }),
  },
  { key: 's', kind: 'assign', name: 'Assign', title: 'Assign', lead: 'Empty takes it back.', fits: open, fields: [{ key: 'assignee', name: 'To whom' }], body: (v) => ({ assignee: v.assignee }) },
  {
    key: 'i', kind: 'status', name: 'Status', title: 'How it goes', lead: '', fits: open,
    fields: [{ key: 'status', name: 'Status', kind: 'choice', choices: [['investigating', 'Investigating'], ['remediating', 'Remediating'], ['deviation-requested', 'Acceptance asked for'], ['open', 'Open']] }, { key: 'comment', name: 'Remark', kind: 'area' }],
    body: (v) => ({ status: v.status, comment: v.comment }),
  },
  { key: 'm', kind: 'comment', name: 'Remark', title: 'Remark', lead: 'It stays in the history.', fits: () => true, fields: [{ ...COMMENT, name: 'Remark' }], body: (v) => ({ comment: v.comment }) },
  { key: 'o', kind: 'reopen', name: 'Reopen', title: 'Reopen', lead: '', fits: (f) => !open(f) || f.status === 'deviation-approved', fields: [COMMENT], body: (v) => ({ comment: v.comment }) },
  {
    key: 'p', kind: 'poam', name: 'Plan', title: 'Add to the plan of action and milestones', lead: '', fits: open,
    fields: [{ key: 'title', name: 'What is to be done', needed: true }, { key: 'responsible', name: 'Who does it', needed: true }, { key: 'resources', name: 'Resources' }, { key: 'due', name: 'Due', kind: 'date', needed: true }],
    body: (v) => ({ poam: { title: v.title, responsible: v.responsible, resources: v.resources, due: dayAfter(v.due) } }),
  },
];

/** Triage does one act to all findings chosen, or to none. Who saw an older one than there is now is told so. */
export function Triage({ act, of: now, close, done }: { act: Act; of: Finding[]; close: () => void; done: () => void }) {
  const [of] = useState(now); // as they were seen, whatever comes meanwhile
  return (
    <Dialog
      draft={`${act.kind}-${of.map((f) => f.id).join(',').slice(0, 200)}`}
      title={of.length === 1 ? act.title : `${act.title}: ${plural(of.length, 'finding')}`}
      lead={<>{of.length === 1 && <b>{of[0].title}. </b>}{act.lead}</>}
      fields={act.fields}
      verb={act.name}
      act={async (v) => {
        await post('findings/act', { kind: act.kind, act: { targets: of.map((f) => ({ id: f.id, revision: f.revision ?? '0' })), ...act.body(v) } });
        return undefined;
      }}
      close={close}
      done={done}
    />
  );
}
