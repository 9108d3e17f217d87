import { Link, to } from '../route';
import { ago, day } from '../text';
import type { Authorization, Notice } from '../types';
import { NOTICES } from '../words';
import { Empty } from './page';

interface Date1 { at: string; what: string; document: string; href: string }

/** dates are what ends or comes due, the next first. */
export function dates(authorizations: Authorization[], notices: Notice[]): Date1[] {
  const all: Date1[] = [];
  for (const a of authorizations) {
    const href = to('authorizations', a.name);
    if (a.until) all.push({ at: a.until, what: 'ends', document: a.name, href });
    if (a.review_due) all.push({ at: a.review_due, what: 'review due', document: a.name, href });
  }
  for (const n of notices) {
    if (!n.due || all.some((d) => d.document === n.document?.split('/')[1] && d.at === n.due)) continue;
    const [kind, name] = (n.document ?? '').split('/');
    all.push({ at: n.due, what: NOTICES[n.kind] ?? n.kind, document: name ?? n.document ?? '', href: kind === 'Authorization' ? to('authorizations', name) : to('policy', '', { document: n.document ?? '' }) });
  }
  return all.sort((a, b) => a.at.localeCompare(b.at));
}

/** Calendar is a year from now, with what ends in it, and what ended before. */
export function Calendar({ authorizations, notices, now }: { authorizations: Authorization[]; notices: Notice[]; now: number }) {
  const all = dates(authorizations, notices);
  if (!all.length) return <Empty>Nothing on record has an end or a review date.</Empty>;
  const start = new Date(now);
  const months = Array.from({ length: 13 }, (_, i) => new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + i, 1)));
  const from = months[0].getTime(), to1 = months[12].getTime();
  const x = (t: string) => ((new Date(t).getTime() - from) / (to1 - from)) * 100;
  return (
    <div className="calendar">
      <div className="year" aria-hidden="true">
        {months.slice(0, 12).map((m) => <span key={m.toISOString()}>{m.toLocaleString('en', { month: 'short', timeZone: 'UTC' })}{m.getUTCMonth() === 0 && ` ${m.getUTCFullYear()}`}</span>)}
        <i className="now" style={{ left: `${((now - from) / (to1 - from)) * 100}%` }} />
        {all.filter((d) => x(d.at) >= 0 && x(d.at) <= 100).map((d) => <i key={d.at + d.document + d.what} className={`mark ${d.what === 'ends' ? 'end' : ''}`} style={{ left: `${x(d.at)}%` }} title={`${d.document}: ${d.what} ${day(d.at)}`} />)}
      </div>
      <ul className="lines">
        {all.slice(0, 12).map((d) => {
          const days = (new Date(d.at).getTime() - now) / 86_400_000;
          return <li key={d.at + d.document + d.what} className={days < 0 ? 'past' : days < 30 ? 'soon' : undefined}><b>{day(d.at)}</b> <Link href={d.href}>{d.document}</Link> {d.what} <span className="dim">{ago(d.at, now)}</span></li>;
        })}
      </ul>
    </div>
  );
}
