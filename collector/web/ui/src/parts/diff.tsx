import { useMemo } from 'react';

type Line = [' ' | '+' | '-', string];
const MOST = 2000; // lines of either side that are compared; more are shown as replaced

/** diff is the longest common subsequence of lines, as edits. */
export function diff(was: string, is: string): Line[] {
  const a = was ? was.split('\n') : [], b = is ? is.split('\n') : [];
  if (a.length > MOST || b.length > MOST) return [...a.map((l): Line => ['-', l]), ...b.map((l): Line => ['+', l])];
  const w = b.length + 1;
  const n = new Uint16Array((a.length + 1) * w);
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) n[i * w + j] = a[i] === b[j] ? n[(i + 1) * w + j + 1] + 1 : Math.max(n[(i + 1) * w + j], n[i * w + j + 1]);
  const out: Line[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) { out.push([' ', a[i]]); i++; j++; }
    else if (i < a.length && (j === b.length || n[(i + 1) * w + j] >= n[i * w + j + 1])) out.push(['-', a[i++]]);
    else out.push(['+', b[j++]]);
  }
  return out;
}

/** Diff is what became of a text, line by line, with three lines around each change. */
export function Diff({ was, is }: { was: string; is: string }) {
  const shown = useMemo(() => {
    const all = diff(was, is);
    return all.map((l, i) => ({ l, near: all.slice(Math.max(0, i - 3), i + 4).some(([m]) => m !== ' ') }));
  }, [was, is]);
  return <pre className="diff" tabIndex={0}>{shown.filter((x) => x.near).map(({ l: [m, text] }, i) => <span key={i} className={m === '+' ? 'plus' : m === '-' ? 'minus' : undefined}>{m} {text}{'\n'}</span>)}</pre>;
}
