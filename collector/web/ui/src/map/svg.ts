import type { Drawing } from './layout';

const escape = (s: string) => s.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

/** svg is a drawing as a file of its own. */
export function svg(d: Drawing, colour: (verdict: number) => string, ink: string, line: string, card: string): string {
  const at = new Map(d.nodes.map((n) => [n.id, n]));
  const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="-240 -20 ${Math.ceil(d.width + 280)} ${Math.ceil(d.height + 40)}" font-family="sans-serif" font-size="12">`];
  const text = (x: number, y: number, s: string, more = '') => out.push(`<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${ink}" ${more}>${escape(s)}</text>`);
  for (const n of d.nodes) {
    if (n.kind === 'box' || n.kind === 'area') out.push(`<rect x="${(n.x - n.w / 2).toFixed(1)}" y="${(n.y - n.h / 2).toFixed(1)}" width="${n.w}" height="${n.h}" rx="6" fill="${card}" stroke="${line}"/>`);
  }
  for (const e of d.edges) {
    const a = at.get(e.a)!, b = at.get(e.b)!;
    out.push(`<line x1="${a.x.toFixed(1)}" y1="${a.y.toFixed(1)}" x2="${b.x.toFixed(1)}" y2="${b.y.toFixed(1)}" stroke="${colour(e.verdict)}" stroke-width="${(1 + Math.log2(e.n)).toFixed(1)}" stroke-opacity=".8"/>`);
  }
  for (const n of d.nodes) {
    if (n.kind === 'band') text(n.x, n.y, n.label, 'font-weight="bold"');
    else if (n.kind === 'box') text(n.x - n.w / 2 + 10, n.y - n.h / 2 + 18, n.label, 'font-weight="bold"');
    else if (n.kind === 'area') n.label.split('\n').forEach((l, i) => text(n.x, n.y + i * 16, l, 'text-anchor="middle"'));
    else {
      out.push(`<circle cx="${n.x.toFixed(1)}" cy="${n.y.toFixed(1)}" r="7" fill="${card}" stroke="${ink}"/>`);
      text(n.x, n.y + 20, n.label, 'text-anchor="middle" font-size="9"');
    }
  }
  out.push('</svg>\n');
  return out.join('\n');
}
