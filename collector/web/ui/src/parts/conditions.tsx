import { useState } from 'react';
import { post } from '../api';
import { Link, to } from '../route';
import { T, when } from '../text';
import type { Condition } from '../types';
import { CONDITION_STATES, CONDITION_WORDS } from '../words';
import { ConditionChip, Links, Tag } from './chip';
import { Act } from './may';
import { Dialog } from './dialog';
import { Empty } from './page';

const rank = (c: Condition) => CONDITION_STATES.indexOf(c.state as (typeof CONDITION_STATES)[number]);

/** Conditions are sentences with how they stand; opened, with what that stands on. */
export function Conditions({ of, named }: { of: Condition[]; named?: boolean }) {
  if (!of.length) return <Empty>No condition is set.</Empty>;
  return <ul className="conditions">{of.toSorted((a, b) => rank(a) - rank(b)).map((c) => <One key={c.id} c={c} named={named} />)}</ul>;
}

/** told is what a condition's state does not say by itself. */
function told(c: Condition): string {
  const more = c.words && c.words !== CONDITION_WORDS[c.state] ? c.words : '';
  return more || (c.reason ?? '');
}

function One({ c, named }: { c: Condition; named?: boolean }) {
  const [open, setOpen] = useState(false);
  const [attesting, setAttesting] = useState(false);
  return (
    <li>
      <button type="button" className="row" aria-expanded={open} onClick={() => setOpen(!open)}>
        <ConditionChip v={c.state} />
        <span className="sentence"><T v={c.statement} /></span>
        <span className="dim">{named ? c.id : c.id.split('/').at(-1)}</span>
      </button>
      {!open && c.state !== 'holds' && told(c) && <p className="dim under"><T v={told(c)} /></p>}
      {open && (
        <div className="under">
          <p><b><T v={c.words} /></b></p>
          {c.reason && <p><T v={c.reason} cap={600} /></p>}
          <p className="dim">judged by {c.check}{(c.controls ?? []).map((x) => <Tag key={x}>{x}</Tag>)} {c.from && <>over {when(c.from)} to {when(c.to)}</>}{c.until && <> · attested until {when(c.until)}</>}</p>
          {(c.evidence ?? []).length > 0 && <><h3>Evidence</h3><ul className="lines">{c.evidence!.map((e, i) => <li key={i}><T v={e} /></li>)}</ul></>}
          {(c.sight ?? []).length > 0 && <><h3>What could be seen</h3><ul className="lines">{c.sight!.map((e, i) => <li key={i}><T v={e} /></li>)}</ul></>}
          {(c.connections ?? []).length > 0 && <p><Links page="connections" of={c.connections!.slice(0, 20)} mono />{c.connections!.length > 20 && ` and ${c.connections!.length - 20} more`}</p>}
          {(c.assets ?? []).length > 0 && <p><Links page="assets" of={c.assets!.slice(0, 20)} mono /></p>}
          {c.check === 'attest' && <p><Act call="CollectorService/Attest" size="sm" variant="secondary" onClick={() => setAttesting(true)}>Attest</Act></p>}
          {attesting && (
            <Dialog
              draft={`attest-${c.id}`} title={`Attest ${c.id}`} lead={<>Your word that it holds: <b>{c.statement}</b></>} verb="Attest" close={() => setAttesting(false)}
              fields={[{ key: 'statement', name: 'What you saw, and when', kind: 'area', needed: true }, { key: 'sha256', name: 'SHA-256 of the paper that shows it', hint: 'Hexadecimal; may be empty' }]}
              act={async (v) => { await post('attestations', { attestation: { authorization: c.authorization, condition: c.id.split('/').at(-1), statement: v.statement, sha256: v.sha256 } }); return undefined; }}
            />
          )}
          {!named && <p><Link href={to('authorizations', c.authorization)}>{c.authorization}</Link></p>}
        </div>
      )}
    </li>
  );
}
