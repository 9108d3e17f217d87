import type { Drawing, Node } from './layout';

const escape = (s: string) => s.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

/** border is where the line from a leaves its box towards b. */
function border(a: Node, b: Node): [number, number] {
  const dx = b.x - a.x, dy = b.y - a.y, far = Math.hypot(dx, dy) || 1;
  const t = a.kind === 'asset' ? 9 / far : Math.min(a.w / 2 / Math.abs(dx || 1e-9), a.h / 2 / Math.abs(dy || 1e-9));
  return [a.x + dx * t, a.y + dy * t];
}

/** svg is a drawing as a file of its own. */
export function svg(d: Drawing, colours: string[], ink: string, line: string, card: string): string {
  const at = new Map(d.nodes.map((n) => [n.id, n])), ids = new Set(d.edges.map((e) => e.id));
  const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="-290 -20 ${Math.ceil(d.width + 330)} ${Math.ceil(d.height + 40)}" font-family="sans-serif" font-size="17">`];
  out.push(`<defs>${colours.map((c, i) => `<marker id="v${i}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="${c}"/></marker>`).join('')}</defs>`);
  const text = (x: number, y: number, s: string, more = '') => out.push(`<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${ink}" ${more}>${escape(s)}</text>`);
  for (const n of d.nodes) {
    if (n.kind === 'box' || n.kind === 'area') out.push(`<rect x="${(n.x - n.w / 2).toFixed(1)}" y="${(n.y - n.h / 2).toFixed(1)}" width="${n.w}" height="${n.h}" rx="6" fill="${card}" stroke="${line}"/>`);
  }
  for (const e of d.edges) {
    const a = at.get(e.a)!, b = at.get(e.b)!;
    const far = Math.hypot(b.x - a.x, b.y - a.y) || 1, ux = (b.x - a.x) / far, uy = (b.y - a.y) / far;
    const aside = e.bend || (ids.has(`${e.b} > ${e.a}`) ? 24 : 0); // beside what goes back
    const mid = { ...a, x: (a.x + b.x) / 2 - uy * aside, y: (a.y + b.y) / 2 + ux * aside };
    const [x1, y1] = border(a, mid), [x2, y2] = border(b, mid);
    out.push(`<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}Q${mid.x.toFixed(1)} ${mid.y.toFixed(1)} ${x2.toFixed(1)} ${y2.toFixed(1)}" fill="none" stroke="${colours[e.verdict]}" stroke-width="${(1 + Math.log2(e.n)).toFixed(1)}" stroke-opacity=".85" marker-end="url(#v${e.verdict})"/>`);
    if (e.n > 1 && e.a.startsWith('area')) text((x1 + 2 * mid.x + x2) / 4, (y1 + 2 * mid.y + y2) / 4 + 4, String(e.n), `text-anchor="middle" font-size="14" stroke="${card}" stroke-width="4" paint-order="stroke"`);
  }
  for (const n of d.nodes) {
    if (n.kind === 'band') text(n.x, n.y, n.label, 'font-weight="bold"');
    else if (n.kind === 'box') text(n.x - n.w / 2 + 10, n.y - n.h / 2 + 22, n.label, 'font-weight="bold"');
    else if (n.kind === 'area') lines(n.label, 26).forEach((l, i, all) => text(n.x, n.y + 5 + (i - (all.length - 1) / 2) * 20, l, 'text-anchor="middle"'));
    else {
      out.push(`<circle cx="${n.x.toFixed(1)}" cy="${n.y.toFixed(1)}" r="7" fill="${card}" stroke="${ink}"/>`);
      text(n.x, n.y + 24, n.label.length > 16 ? `${n.label.slice(0, 15)}…` : n.label, 'text-anchor="middle" font-size="14"');
    }
  }
  out.push('</svg>\n');
  return out.join('\n');
}

/** lines breaks a label between words. */
function lines(label: string, most: number): string[] {
  return label.split('\n').flatMap((l) => l.split(' ').reduce<string[]>((all, w) => {
    if (all.length && `${all.at(-1)} ${w}`.length <= most) all[all.length - 1] += ` ${w}`;
    else all.push(w);
    return all;
  }, []));
}
