// The collector's page: it reads the lists, draws them, and reads them again
// whenever the collector says that something changed. Text from the network is
// only ever set as text.
'use strict';

const VERDICTS = ['unauthorized', 'out-of-terms', 'lapsed', 'undecided', 'authorized', 'internal'];
const MOST = 300; // rows drawn of one table
const state = { status: {}, findings: [], connections: [], assets: [], boundaries: [], agents: [], verdict: '', pair: null };

const $ = (id) => document.getElementById(id);

// el makes an element: class and other attributes, then children or text.
function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) {
    if (v === undefined || v === false) continue;
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else e.setAttribute(k, v === true ? '' : v);
  }
  for (const c of children.flat()) if (c !== null && c !== undefined && c !== '') e.append(c);
  return e;
}

const count = (n) => Number(n || 0).toLocaleString('en');
const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many || one + 's'}`;

function when(t) {
  if (!t) return '';
  const d = new Date(t);
  return isNaN(d) ? '' : d.toISOString().slice(0, 16).replace('T', ' ') + ' UTC';
}

function bytes(n) {
  n = Number(n || 0);
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (n < 1000) return `${n < 10 && unit !== 'B' ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1000;
  }
  return `${n.toFixed(1)} TB`;
}

const place = (b) => b || 'unplaced';
// Traffic on its own link, to a group say, needs no boundary: it is internal.
const placeIn = (b, c) => b || (verdictOf(c) === 'internal' ? 'own link' : 'unplaced');
const verdictOf = (c) => (c.verdict && c.verdict.verdict) || 'undecided';
const service = (x) => `${x.grade === 'hint' ? x.protocol + '?' : x.protocol || 'unknown'}${x.port ? ' ' + x.transport + '/' + (x.transport === 'ethernet' ? '0x' + x.port.toString(16).padStart(4, '0') : x.port) : ' ' + x.transport}`;

function operations(x) {
  return Object.entries(x.operations || {}).filter(([, n]) => Number(n) > 0)
    .sort((a, b) => b[1] - a[1]).map(([k, n]) => `${k} ${count(n)}`).join(', ');
}

function drawTiles() {
  const by = Object.fromEntries(VERDICTS.map((v) => [v, 0]));
  for (const c of state.connections) by[verdictOf(c)]++;
  const open = state.findings.filter((f) => f.status !== 'closed');
  const high = open.filter((f) => f.severity >= 70).length;
  const unplaced = state.assets.filter((a) => (a.places || []).some((p) => !p.boundary)).length;
  const tile = (what, number, note, extra) => el('div', { class: 'tile' + (extra ? ' wide' : '') }, el('div', { class: 'what' }, what), el('div', { class: 'number' }, number), note ? el('div', { class: 'note' }, note) : null, extra || null);
  const strip = el('div', { class: 'strip', role: 'img', 'aria-label': VERDICTS.map((v) => `${v} ${by[v]}`).join(', ') });
  for (const v of VERDICTS) if (by[v]) { const i = el('i', { class: v }); i.style.flexGrow = by[v]; i.style.background = 'var(--c)'; strip.append(i); }
  const legend = el('div', { class: 'legend' }, VERDICTS.filter((v) => by[v]).map((v) => el('span', { class: 'v ' + v }, `${v} ${count(by[v])}`)));
  $('tiles').replaceChildren(
    tile('Findings to decide', count(open.length), high ? `${count(high)} of severity 70 or more` : 'none of severity 70 or more'),
    tile('Connections by verdict', count(state.connections.length), '', el('div', {}, strip, legend)),
    tile('Assets', count(state.assets.length), unplaced ? `${plural(unplaced, 'asset')} outside every boundary` : 'all stand in a boundary'),
    tile('Agents', count(state.agents.length), agentsNote()),
  );
}

function agentsNote() {
  const on = state.agents.filter((a) => a.state === 'connected').length;
  return `${count(on)} connected now`;
}

function drawFindings() {
  const open = new Set([...document.querySelectorAll('#finding-list details[open]')].map((d) => d.dataset.id));
  $('n-findings').textContent = state.findings.length ? plural(state.findings.length, 'finding') : '';
  if (!state.findings.length) {
    $('finding-list').replaceChildren(el('p', { class: 'empty' }, state.connections.length ? 'No finding. Every connection seen so far is internal to a boundary or covered by an interconnection.' : 'Nothing has been reported yet. Enrol an agent, or have one read a capture file.'));
    return;
  }
  const connections = new Map(state.connections.map((c) => [c.id, c]));
  $('finding-list').replaceChildren(...state.findings.map((f) => finding(f, open.has(f.id), connections)));
}

function finding(f, open, connections) {
  const level = f.severity >= 70 ? 'high' : f.severity >= 40 ? 'middle' : 'low';
  const row = (k, v) => v ? [el('dt', {}, k), el('dd', {}, v)] : [];
  const members = (f.connections || []).map((id) => connections.get(id)).filter(Boolean);
  return el('details', { class: 'finding ' + level, 'data-id': f.id, open },
    el('summary', {}, el('span', { class: 'severity', title: 'severity, 0 to 100' }, String(f.severity)), el('span', { class: 'title' }, f.title), el('span', { class: 'chip' }, f.kind), el('span', { class: 'why' }, f.why)),
    el('div', { class: 'body' },
      el('dl', {}, row('Severity', `${f.severity} = ${(f.severity_terms || []).join(', ')}`), row('From', f.from_boundary), row('To', f.to_boundary), row('Service', f.service), row('Opened by', f.opener), row('Broken term', f.term), row('ATT&CK for ICS', f.technique), row('First seen', when(f.first_seen)), row('Last seen', when(f.last_seen)), row('Status', f.status), row('Id', el('span', { class: 'mono' }, f.id))),
      members.length ? el('div', { class: 'scroll' }, connectionTable(members.slice(0, 50))) : null));
}

function connectionTable(list) {
  const head = el('thead', {}, el('tr', {}, ['Verdict', 'Client', 'Server', 'Service', 'Did', 'Protection', 'Outcome', 'Sent', 'Reason'].map((h) => el('th', { scope: 'col' }, h))));
  return el('table', {}, head, el('tbody', {}, list.map(connectionRow)));
}

function end(address, boundary) {
  return [el('span', { class: 'mono' }, address), el('br'), el('span', { class: 'dim' }, boundary)];
}

function connectionRow(c) {
  const x = c.connection || {}, v = verdictOf(c);
  return el('tr', {},
    el('td', { class: 'nowrap' }, el('span', { class: 'v ' + v }, v)),
    el('td', { class: 'nowrap' }, end(x.client, placeIn(c.client_boundary, c))),
    el('td', { class: 'nowrap' }, end(x.server, placeIn(c.server_boundary, c))),
    el('td', { class: 'nowrap' }, service(x)),
    el('td', {}, operations(x)),
    el('td', {}, x.security === 'none' ? 'none' : x.security || ''),
    el('td', {}, x.outcome),
    el('td', { class: 'num' }, `${bytes(x.client_bytes)} out`, el('br'), `${bytes(x.server_bytes)} back`),
    el('td', { class: 'reason' }, (c.verdict || {}).reason, (c.verdict && c.verdict.documents && c.verdict.documents.length) ? el('div', { class: 'dim mono' }, c.verdict.documents.join(', ')) : null));
}

function drawMatrix() {
  const worst = new Map(), n = new Map(), names = new Set();
  for (const c of state.connections) {
    const a = placeIn(c.client_boundary, c), b = placeIn(c.server_boundary, c);
    if (a === b || a === 'own link' || b === 'own link') continue;
    const k = a + '\n' + b, rank = VERDICTS.indexOf(verdictOf(c));
    names.add(a).add(b);
    n.set(k, (n.get(k) || 0) + 1);
    worst.set(k, Math.min(worst.has(k) ? worst.get(k) : 9, rank));
  }
  if (!names.size) { $('matrix').replaceChildren(el('p', { class: 'empty' }, 'Nothing has crossed a boundary.')); return; }
  const order = state.boundaries.map((b) => b.name);
  const sorted = [...names].sort((a, b) => (order.indexOf(a) + 1 || 99) - (order.indexOf(b) + 1 || 99) || a.localeCompare(b));
  const cell = (a, b) => {
    const k = a + '\n' + b;
    if (!n.has(k)) return el('td', {});
    const v = VERDICTS[worst.get(k)];
    return el('td', {}, el('button', { class: v, 'aria-label': `${a} to ${b}: ${plural(n.get(k), 'connection')}, worst ${v}`, title: `worst: ${v}`, onclick: () => { state.pair = [a, b]; state.verdict = ''; drawConnections(); $('connections').scrollIntoView(); } }, count(n.get(k))));
  };
  $('matrix').replaceChildren(el('table', {},
    el('thead', {}, el('tr', {}, el('td', {}), sorted.map((b) => el('th', { scope: 'col' }, b)))),
    el('tbody', {}, sorted.map((a) => el('tr', {}, el('th', { scope: 'row' }, a), sorted.map((b) => cell(a, b)))))));
}

function drawConnections() {
  const text = $('connection-filter').value.trim().toLowerCase();
  const inPair = (c) => !state.pair || (placeIn(c.client_boundary, c) === state.pair[0] && placeIn(c.server_boundary, c) === state.pair[1]);
  const hit = (c) => !text || [c.connection.client, c.connection.server, c.connection.protocol, c.client_boundary, c.server_boundary, c.connection.outcome, String(c.connection.port), (c.verdict || {}).reason].join(' ').toLowerCase().includes(text);
  const inScope = state.connections.filter((c) => inPair(c) && hit(c));
  const by = (v) => inScope.filter((c) => !v || verdictOf(c) === v).length;
  const tab = (v, label) => el('button', { class: v, 'aria-pressed': String(state.verdict === v), onclick: () => { state.verdict = v; drawConnections(); } }, `${label} ${count(by(v))}`);
  $('verdicts').replaceChildren(tab('', 'all'), ...VERDICTS.map((v) => tab(v, v)),
    ...(state.pair ? [el('button', { 'aria-pressed': 'true', onclick: () => { state.pair = null; drawConnections(); } }, `${state.pair[0]} to ${state.pair[1]} ✕`)] : []));
  const list = inScope.filter((c) => !state.verdict || verdictOf(c) === state.verdict);
  $('n-connections').textContent = state.connections.length ? count(state.connections.length) : '';
  $('connection-table').replaceChildren(...connectionTable(list.slice(0, MOST)).children);
  $('more-connections').textContent = list.length > MOST ? `${count(MOST)} of ${count(list.length)} shown; filter to see others.` : '';
}

function drawAssets() {
  const text = $('asset-filter').value.trim().toLowerCase();
  const words = (a) => [a.ips, a.macs, a.names, a.vendor, a.product, a.model, a.segment, (a.roles || []).map((r) => r.role), (a.places || []).map((p) => place(p.boundary))].flat().join(' ').toLowerCase();
  const list = state.assets.filter((a) => !text || words(a).includes(text));
  $('n-assets').textContent = state.assets.length ? count(state.assets.length) : '';
  const lines = (all) => (all || []).map((x, i) => [i ? el('br') : '', x]).flat();
  const row = (a) => el('tr', {},
    el('td', { class: 'nowrap mono' }, lines((a.ips || []).length ? a.ips : a.macs)),
    el('td', {}, lines((a.names || []).slice(0, 3))),
    el('td', {}, [...new Set((a.places || []).map((p) => place(p.boundary)))].join(', ')),
    el('td', {}, lines((a.roles || []).map((r) => el('span', { title: `${r.grade}: ${r.why}` }, r.role)))),
    el('td', {}, a.vendor),
    el('td', {}, [a.product, a.model].filter(Boolean).join(' · ')),
    el('td', {}, a.firmware),
    el('td', {}, [...new Set((a.protocols || []).map((p) => `${p.name} (${p.as})`))].slice(0, 8).join(', ')),
    el('td', { class: 'nowrap dim' }, when(a.last_seen)));
  $('asset-table').replaceChildren(
    el('thead', {}, el('tr', {}, ['Address', 'Names', 'Boundary', 'Role', 'Vendor', 'Product · model', 'Firmware', 'Protocols', 'Last seen'].map((h) => el('th', { scope: 'col' }, h)))),
    el('tbody', {}, list.slice(0, MOST).map(row)));
  $('more-assets').textContent = list.length > MOST ? `${count(MOST)} of ${count(list.length)} shown; filter to see others.` : '';
}

// spanCell is the SPAN check in a word; opened, what is wrong and what to do.
function spanCell(s, open) {
  const wrong = ((s && s.checks) || []).filter((c) => c.verdict !== 'good');
  if (!wrong.length) return el('td', {}, (s && s.word) || '');
  return el('td', {}, el('details', { open }, el('summary', {}, s.word),
    el('ul', {}, wrong.map((c) => el('li', {}, `${c.interface} ${c.id}: ${c.verdict}. ${c.evidence}.`, c.cure ? el('div', { class: 'dim' }, c.cure) : '')))));
}

function drawAgents() {
  $('n-agents').textContent = state.agents.length ? count(state.agents.length) : '';
  const open = new Set([...document.querySelectorAll('#agent-table tr:has(details[open])')].map((r) => r.dataset.name));
  const row = (a) => el('tr', { 'data-name': a.name }, el('td', {}, a.name), el('td', {}, a.site), el('td', {}, a.state), el('td', {}, (a.segments || []).join(', ')), spanCell(a.span, open.has(a.name)), el('td', {}, a.version), el('td', { class: 'num' }, count(a.frames)), el('td', { class: 'num' }, count(a.drops)), el('td', { class: 'num' }, count(a.lost_batches)), el('td', { class: 'nowrap dim' }, when(a.last_heard)));
  $('agent-table').replaceChildren(
    el('thead', {}, el('tr', {}, ['Agent', 'Site', 'State', 'Segments', 'SPAN check', 'Version', 'Frames', 'Dropped', 'Batches lost', 'Last heard'].map((h) => el('th', { scope: 'col' }, h)))),
    el('tbody', {}, state.agents.map(row)));
}

function drawStatus() {
  const s = state.status;
  $('survey').hidden = !(s.surveys || []).length;
  $('survey').textContent = 'survey: ' + (s.surveys || []).join(', ') + '. Findings there form a worklist; verdicts are as ever, and nothing is accepted.';
  $('authority').hidden = s.authority !== 'none';
  $('authority').textContent = 'authority: none. Documents act at once here, without an official’s confirmation: for a demonstration or a laboratory.';
  $('foot').textContent = `Demarc collector ${s.version || ''} · policy version ${s.policy_version || 0} · ${count(s.applied)} of ${count(s.journal)} journal records judged · verdicts are computed; people decide.`;
}

async function get(name) {
  const r = await fetch('/api/v1/' + name, { headers: { Accept: 'application/json' } });
  if (r.status === 401) { location.reload(); throw new Error('signed out'); }
  if (!r.ok) throw new Error(`${name}: ${r.status}`);
  return r.json();
}

let reading = false, again = false;

// refresh reads all lists; changes that come meanwhile make one more round.
async function refresh() {
  if (reading) { again = true; return; }
  reading = true;
  try {
    const [s, f, c, a, b, g] = await Promise.all(['status', 'findings', 'connections', 'assets', 'boundaries', 'agents'].map(get));
    Object.assign(state, { status: s, findings: f.findings || [], connections: c.connections || [], assets: a.assets || [], boundaries: b.boundaries || [], agents: g.agents || [] });
    drawStatus(); drawTiles(); drawFindings(); drawMatrix(); drawConnections(); drawAssets(); drawAgents();
    live(true);
  } catch (e) {
    live(false);
  }
  reading = false;
  if (again) { again = false; setTimeout(refresh, 100); }
}

function live(on) {
  $('live').textContent = on ? 'live' : 'collector not reached, trying again';
  $('live').classList.toggle('on', on);
}

function follow() {
  const events = new EventSource('/events');
  events.onmessage = refresh;
  events.onerror = () => live(false);
}

$('connection-filter').addEventListener('input', drawConnections);
$('asset-filter').addEventListener('input', drawAssets);
refresh().then(follow);
