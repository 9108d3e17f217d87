import { useMemo } from 'react';
import { Link, to } from '../route';
import { plural } from '../text';
import type { Boundary, Connection } from '../types';
import { VERDICTS } from '../words';
import { side, verdictOf } from './columns';
import { Empty } from './page';

/** Matrix is who crosses to whom: client boundaries down, server boundaries across. */
export function Matrix({ connections, boundaries, only }: { connections: Connection[]; boundaries: Boundary[]; only?: string }) {
  const { names, cells } = useMemo(() => {
    const seen = new Set<string>();
    const found = new Map<string, { n: number; worst: number }>();
    for (const c of connections) {
      const a = side(c.client_boundary, c), b = side(c.server_boundary, c);
      if (a === b || a === 'own link' || b === 'own link' || (only && a !== only && b !== only)) continue;
      const rank = VERDICTS.indexOf(verdictOf(c) as (typeof VERDICTS)[number]);
      const cell = found.get(`${a}\n${b}`) ?? { n: 0, worst: 9 };
      found.set(`${a}\n${b}`, { n: cell.n + 1, worst: Math.min(cell.worst, rank) });
      seen.add(a).add(b);
    }
    const order = new Map(boundaries.map((b, i) => [b.name, i]));
    const rank = (n: string) => order.get(n) ?? (n === 'internet' ? 1000 : 2000);
    return { names: [...seen].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b)), cells: found };
  }, [connections, boundaries, only]);
  if (!names.length) return <Empty>Nothing has crossed{only ? ' this' : ' a'} boundary.</Empty>;
  return (
    <div className="matrix" role="region" aria-label="Crossings" tabIndex={0}>
      <table>
        <thead><tr><td className="corner">client ↓ server →</td>{names.map((b) => <th key={b} scope="col">{b}</th>)}</tr></thead>
        <tbody>
          {names.map((a) => (
            <tr key={a}>
              <th scope="row">{a}</th>
              {names.map((b) => {
                const c = cells.get(`${a}\n${b}`);
                const v = c && VERDICTS[c.worst];
                return (
                  <td key={b} className={a === b ? 'same' : undefined}>
                    {c && <Link href={to('connections', '', { from: known(a), to: known(b) })} className={`v-${v}`} aria-label={`${a} to ${b}: ${plural(c.n, 'connection')}, worst ${v}`} title={`worst: ${v}`}>{c.n}</Link>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** known is a boundary that the list can be narrowed to. */
const known = (name: string) => (name === 'unplaced' ? '' : name);

/** Strip is how many connections have each verdict, as shares of a line. */
export function Strip({ of }: { of: Record<string, number> }) {
  const by = VERDICTS.map((v) => [v, Number(of[v] ?? 0)] as const).filter(([, n]) => n > 0);
  const total = by.reduce((sum, [, n]) => sum + n, 0);
  if (!total) return <Empty>Nothing has been reported yet.</Empty>;
  return (
    <div className="strip">
      <div className="bar" aria-hidden="true">{by.map(([v, n]) => <i key={v} className={`v-${v}`} style={{ flexGrow: Math.max(n, total / 80) }} />)}</div>
      <ul>{by.map(([v, n]) => <li key={v}><Link href={to('connections', '', { verdict: v })} className={`chip v-${v}`}><b>{n.toLocaleString('en')}</b> {v}</Link></li>)}</ul>
    </div>
  );
}
