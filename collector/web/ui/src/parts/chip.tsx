import { Fragment } from 'react';
import { Link, to } from '../route';
import { CONDITION_WORDS, severity, STATUSES, VERDICT_WORDS } from '../words';

// Colour never stands alone: each state has its mark and its word.

const MARKS: Record<string, string> = {
  unauthorized: '✕', 'out-of-terms': '△', lapsed: '◇', undecided: '?', authorized: '✓', internal: '○',
  violated: '✕', 'attestation-due': '!', 'not-observable': '?', stale: '◌', 'not-exercised': '✓', attested: '✎', holds: '✓',
};

export function VerdictChip({ v = 'undecided' }: { v?: string }) {
  return <span className={`chip v-${v}`} title={VERDICT_WORDS[v]}><i aria-hidden="true">{MARKS[v]}</i>{v}</span>;
}

export function ConditionChip({ v }: { v: string }) {
  return <span className={`chip s-${v}`}><i aria-hidden="true">{MARKS[v]}</i>{CONDITION_WORDS[v] ?? v}</span>;
}

export function Severity({ n = 0 }: { n?: number }) {
  return <span className={`severity ${severity(n)}`} title={`severity ${n} of 100`}>{n}</span>;
}

export const Status = ({ v = 'open' }: { v?: string }) => <span className={`tag st-${v}`}>{STATUSES[v] ?? v}</span>;
export const Tag = ({ children }: { children: React.ReactNode }) => <span className="tag">{children}</span>;
export const Grade = ({ v }: { v?: string }) => (v ? <span className={`grade g-${v}`} title={GRADES[v]}>{v}</span> : null);

const GRADES: Record<string, string> = {
  identity: 'the device said so in an identity message',
  content: 'parsed from its protocol',
  behaviour: 'inferred from what it does',
  hint: 'a port or a MAC prefix alone',
  person: 'somebody set it',
};

/** StateChip is how an authorization, an agent or an asset is. */
export function StateChip({ v = '' }: { v?: string }) {
  const kind = GOOD.has(v) ? 'good' : BAD.has(v) ? 'bad' : 'middle';
  return v ? <span className={`chip k-${kind}`}><i aria-hidden="true">{kind === 'good' ? '✓' : kind === 'bad' ? '✕' : '–'}</i>{v}</span> : null;
}
const GOOD = new Set(['in force', 'connected', 'active', 'good']);
const BAD = new Set(['lapsed', 'denies', 'revoked', 'rescinded', 'suspended', 'bad']);

/** Links are several things of one kind, each with its page. */
export function Links({ page, of, mono }: { page: string; of: string[]; mono?: boolean }) {
  return <>{of.map((name, i) => <Fragment key={name}>{i > 0 && ', '}<Link href={to(page, name)} className={mono ? 'mono' : undefined}>{name}</Link></Fragment>)}</>;
}

/** Place links to a boundary; what stands nowhere says so. */
export function Place({ name, own }: { name?: string; own?: boolean }) {
  if (!name) return <span className="dim">{own ? 'own link' : 'unplaced'}</span>;
  if (name === 'internet') return <span>internet</span>;
  return <Link href={to('boundaries', name)}>{name}</Link>;
}
