import { useCalendar } from '../api';
import { Link, to } from '../route';
import { ago, cut, day, lastDay, plural } from '../text';
import type { CalendarEntry } from '../types';
import { dueWords } from '../words';
import { Empty, Fault } from './page';

const place = (document = '') => {
  const [kind, name] = document.split('/');
  if (kind === 'Authorization') return to('authorizations', name);
  if (kind === 'Finding') return to('findings', name);
  return kind === 'Boundary' ? to('boundaries', name) : to('policy', '', { document });
};
/** An end is the first instant after its day; what is due is due on its day. */
const dayOf = (e: CalendarEntry) => (/end/.test(e.kind) ? lastDay(e.due) : day(e.due));

/** Calendar is a year from now, with what ends or is due in it and what falls then, and what is overdue. */
export function Calendar({ now, most = 12 }: { now: number; most?: number }) {
  const list = useCalendar();
  const all = list.data ?? [];
  if (list.isError) return <Fault of={list} />;
  if (!list.isPending && !all.length) return <Empty>Nothing on record has an end or a review date.</Empty>;
  const start = new Date(now);
  const months = Array.from({ length: 13 }, (_, i) => new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + i, 1)));
  const from = months[0].getTime(), to1 = months[12].getTime();
  const x = (t: string) => ((new Date(t).getTime() - from) / (to1 - from)) * 100;
  return (
    <div className="calendar">
      <div className="year" aria-hidden="true">
        {months.slice(0, 12).map((m) => <span key={m.toISOString()}>{m.toLocaleString('en', { month: 'short', timeZone: 'UTC' })}{m.getUTCMonth() === 0 && ` ${m.getUTCFullYear()}`}</span>)}
        <i className="now" style={{ left: `${((now - from) / (to1 - from)) * 100}%` }} />
        {all.filter((e) => x(e.due) >= 0 && x(e.due) <= 100).map((e) => <i key={e.due + e.kind + e.document + e.what} className={`mark ${/end/.test(e.kind) ? 'end' : ''}`} style={{ left: `${x(e.due)}%` }} title={`${e.document}: ${dueWords(e)} ${dayOf(e)}`} />)}
      </div>
      <ul className="lines">
        {all.slice(0, most).map((e) => {
          const days = (new Date(e.due).getTime() - now) / 86_400_000;
          return (
            <li key={e.due + e.kind + e.document + e.what} className={e.overdue ? 'past' : days < 30 ? 'soon' : undefined}>
              <b>{dayOf(e)}</b> <Link href={place(e.document)}>{(e.document ?? '').split('/').at(-1)}</Link> {dueWords(e)} <span className="dim">{ago(e.due, now)}{e.what && `: ${cut(e.what, 120)}`}{e.consequence && `; then ${cut(e.consequence, 160)}`}{(e.connections ?? 0) > 0 && ` (${plural(e.connections!, 'live connection')})`}</span>
            </li>
          );
        })}
      </ul>
      {all.length > most && <p className="dim">{plural(all.length - most, 'more date')}.</p>}
    </div>
  );
}
