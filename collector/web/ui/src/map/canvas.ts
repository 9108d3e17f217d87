import cytoscape from 'cytoscape';
import type { Drawing } from './layout';

// cytoscape would add an inline style, which the pages' policy refuses; app.css
// has that rule, and this element tells it so.
const STYLED = '__________cytoscape_stylesheet';

export interface Colours { ink: string; dim: string; line: string; card: string; verdicts: string[]; accent: string; font: string }

/** colours reads the theme that is on. */
export function colours(verdicts: readonly string[]): Colours {
  const probe = document.createElement('i');
  document.body.append(probe);
  const of = (name: string) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const names: Record<string, string> = { unauthorized: '--red', 'out-of-terms': '--orange', lapsed: '--violet', undecided: '--amber', authorized: '--green', internal: '--slate' };
  const c = { ink: of('--pf-t--global--text--color--regular'), dim: of('--pf-t--global--text--color--subtle'), line: of('--line'), card: of('--card'), accent: of('--pf-t--global--color--brand--default'), verdicts: verdicts.map((v) => of(names[v])), font: getComputedStyle(document.body).fontFamily };
  probe.remove();
  return c;
}

/** open makes an empty map in a box. */
export function open(box: HTMLElement): cytoscape.Core {
  if (!document.getElementById(STYLED)) {
    const mark = document.createElement('meta');
    mark.id = STYLED;
    document.head.append(mark);
  }
  return cytoscape({ container: box, layout: { name: 'preset' }, minZoom: 0.02, maxZoom: 4, boxSelectionEnabled: false, hideEdgesOnViewport: true, textureOnViewport: true, pixelRatio: Math.min(2, devicePixelRatio) });
}

/** fit shows all of a drawing. Its size is known; cytoscape would measure every label. */
export function fit(cy: cytoscape.Core, d: Drawing) {
  const left = 310, edge = 24, w = d.width + left + 2 * edge, h = d.height + 2 * edge;
  const zoom = Math.min(cy.width() / w, cy.height() / h, 1.6);
  cy.viewport({ zoom, pan: { x: (cy.width() - (d.width + left) * zoom) / 2 + left * zoom, y: (cy.height() - d.height * zoom) / 2 } });
}

/** show puts a drawing on the map. */
export function show(cy: cytoscape.Core, d: Drawing, c: Colours) {
  cy.startBatch();
  cy.elements().remove();
  cy.style(style(c)); // before there is anything to style twice
  cy.add([
    ...d.nodes.map((n) => ({ group: 'nodes' as const, data: { id: n.id, label: n.label, w: n.w, h: n.h, area: n.area }, classes: n.kind, position: { x: n.x, y: n.y }, grabbable: false, selectable: n.kind !== 'band' })),
    ...d.edges.map((e) => ({ group: 'edges' as const, data: { id: e.id, source: e.a, target: e.b, n: e.n, width: 1 + Math.log2(e.n), ties: e.ties, bend: e.bend }, classes: `v${e.verdict}${e.n > 1 && e.a.startsWith('area') ? ' many' : ''}${e.bend ? ' around' : ''}` })),
  ]);
  cy.endBatch();
}

function style(c: Colours): cytoscape.StylesheetJson {
  return [
    { selector: 'node', style: { shape: 'round-rectangle', 'background-color': c.card, 'border-color': c.dim, 'border-width': 1, label: 'data(label)', color: c.ink, 'font-family': c.font, 'font-size': 20, 'text-wrap': 'wrap', 'text-max-width': '246px', 'min-zoomed-font-size': 6, width: 'data(w)', height: 'data(h)', 'z-index-compare': 'manual' } },
    { selector: '.area', style: { 'text-valign': 'center', 'text-halign': 'center', 'border-width': 1.5, 'border-color': c.dim, 'z-index': 5 } },
    { selector: '.box', style: { 'text-valign': 'top', 'text-halign': 'center', 'text-margin-y': 26, 'font-weight': 'bold', 'z-index': 0 } },
    { selector: '.asset', style: { shape: 'ellipse', 'border-color': c.accent, 'border-width': 2, 'font-size': 17, 'text-valign': 'bottom', 'text-margin-y': 3, 'text-max-width': '134px', 'text-wrap': 'ellipsis', 'min-zoomed-font-size': 6, 'z-index': 6 } },
    { selector: '.band', style: { 'background-opacity': 0, 'border-width': 0, color: c.dim, 'font-size': 19, 'text-halign': 'right', 'text-max-width': '400px', events: 'no' } },
    { selector: 'edge', style: { 'curve-style': 'bezier', 'line-color': c.dim, 'target-arrow-color': c.dim, 'target-arrow-shape': 'triangle', 'arrow-scale': 0.8, width: 'data(width)', opacity: 0.85, 'z-index': 3, 'z-index-compare': 'manual' } },
    { selector: '.around', style: { 'curve-style': 'unbundled-bezier', 'control-point-distances': 'data(bend)', 'control-point-weights': 0.5 } },
    { selector: '.many', style: { label: 'data(n)', color: c.ink, 'font-family': c.font, 'font-size': 16, 'text-background-color': c.card, 'text-background-opacity': 0.9, 'text-background-padding': '2px', 'min-zoomed-font-size': 6 } },
    ...c.verdicts.map((colour, i) => ({ selector: `.v${i}`, style: { 'line-color': colour, 'target-arrow-color': colour } })),
    { selector: '.faint', style: { opacity: 0.12 } },
    { selector: ':selected', style: { 'border-color': c.accent, 'border-width': 3, 'overlay-opacity': 0 } },
  ] as cytoscape.StylesheetJson;
}
