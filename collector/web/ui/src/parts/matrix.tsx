import { useMemo } from 'react';
import { Link, to } from '../route';
import { plural } from '../text';
import type { Boundary, Connection, Crossing } from '../types';
import { VERDICTS } from '../words';
import { verdictOf } from './columns';
import { Empty } from './page';

/** Matrix is who crosses to whom: client boundaries down, server boundaries across. */
export function Matrix({ of, boundaries, only }: { of: Crossing[]; boundaries: Boundary[]; only?: string }) {
  const { names, cells } = useMemo(() => {
    const order = new Map(boundaries.map((b, i) => [b.name, i]));
    const rank = (n: string) => order.get(n) ?? (n === 'internet' ? 1000 : 2000);
    return {
      names: [...new Set(of.flatMap((x) => [x.from, x.to]))].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b)),
      cells: new Map(of.map((x) => [`${x.from}\n${x.to}`, { n: x.connections ?? 0, worst: VERDICTS.find((v) => Number(x.verdicts?.[v] ?? 0) > 0) ?? 'undecided', vain: x.in_vain ?? 0 }])),
    };
  }, [of, boundaries]);
  if (!names.length) return <Empty>Nothing has crossed{only ? ' this' : ' a'} boundary.</Empty>;
  return (
    <div className="matrix" role="region" aria-label="Crossings" tabIndex={0}>
      <table>
        <thead><tr><td className="corner">client ↓ server →</td>{names.map((b) => <th key={b} scope="col">{words(b)}</th>)}</tr></thead>
        <tbody>
          {names.map((a) => (
            <tr key={a}>
              <th scope="row">{words(a)}</th>
              {names.map((b) => {
                const c = cells.get(`${a}\n${b}`);
                const v = c?.worst;
                return (
                  <td key={b} className={a === b ? 'same' : undefined}>
                    {c && <Link href={to('connections', '', { from: known(a), to: known(b) })} className={`v-${v}`} aria-label={`${words(a)} to ${words(b)}: ${plural(c.n, 'connection')}, worst ${v}`} title={`worst: ${v}${c.vain ? `; ${c.vain} came to nothing` : ''}`}>{c.n}</Link>}
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

/** crossingsOf sums connections that are here up by pair of boundaries. */
export function crossingsOf(connections: Connection[]): Crossing[] {
  const found = new Map<string, Crossing>();
  for (const c of connections) {
    const from = c.client_boundary || 'none', to1 = c.server_boundary || 'none', v = verdictOf(c);
    if (from === to1 || v === 'internal') continue;
    const x = found.get(`${from}\n${to1}`) ?? { from, to: to1, connections: 0, verdicts: {} };
    x.connections!++;
    x.verdicts![v] = (x.verdicts![v] ?? 0) + 1;
    found.set(`${from}\n${to1}`, x);
  }
  return [...found.values()];
}

/** known is a boundary that the list can be narrowed to. */
const known = (name: string) => (name === 'none' ? '' : name);
const words = (name: string) => (name === 'none' ? 'in none' : name);

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
