// Takes the pictures of deploy/pages: every page of the app on the example
// plant, light and dark. make screenshots, from the top folder.
// With another folder, they are put there; with names after it, those alone.
// WHOLE=1 takes the whole length of each, to look at.
import { execFile, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { arp, browse, Collector, pcap, SEGMENTS } from './plant.mjs';
import { shrink } from './shrink.mjs';

const [folder = 'deploy/pages', ...names] = process.argv.slice(2);
const PORT = 'span-line4';
const exec = promisify(execFile);
const VIEW = { width: 1280, height: 800 };

process.env.CHROMIUM ??= '/usr/bin/chromium';
const b = await browse();
const page = await b.context.newPage();
await page.setViewportSize(VIEW);
/** siem takes events and keeps none. */
const siem = createServer((s) => s.on('error', () => {}).resume());
let c, agent, pictures = 0, size = 0;

const list = async (what) => JSON.parse(await c.command('get', what, '-o', 'json'))[what];

async function settled() {
  await page.waitForSelector('.sheet:not([aria-busy]), main.message');
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
  await page.waitForTimeout(300); // a drawing, and what follows from the first answers
}

async function signIn() {
  await page.goto(await c.link());
  await page.waitForURL(`${c.origin}/`);
  await settled();
}

/** shot takes one page, light and dark; act brings it to what is to be seen. */
async function shot(name, address, { act, reader = 'analyst' } = {}) {
  if (names.length && !names.includes(name)) return;
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme });
    await page.goto(c.origin + address);
    await page.evaluate(([t, r]) => { sessionStorage.clear(); localStorage.setItem('demarc-theme', t); localStorage.setItem('demarc-reader', r); }, [theme, reader]);
    await page.goto(c.origin + address);
    await settled();
    if (act) { await act(); await settled(); }
    const picture = shrink(await page.screenshot({ fullPage: !!process.env.WHOLE }));
    await writeFile(path.join(folder, `${name}-${theme}.png`), picture);
    pictures++;
    size += picture.length;
  }
  console.log(name);
}

/** filled is a collector with the example plant, where people have done some of their work. */
async function filled() {
  await new Promise((f) => siem.listen(0, '127.0.0.1', f));
  c = await Collector.start(`deliver:\n  - {name: soc, to: "syslog+tcp://127.0.0.1:${siem.address().port}", format: cef}\n  - {name: tickets, to: "https://127.0.0.1:9/hooks/demarc"}\n`);
  await c.record('all');
  await signIn();
  await c.command('apply', '-f', 'deploy/example');
  await change('Process values of line 4 for', 'Process and batch values of line 4 for', 'Put it in force');
  for (const s of SEGMENTS) { await c.enrol(s); await c.plant(s); }
  await c.command('snapshot', 'take', 'lines-ato', '--reason', 'ATO letter of 2026-02-01');
  await c.command('attest', 'lines-ato/C5', '--statement', 'I tried every cabinet of both lines today.');
  await c.command('user', 'add', 'dana', '--full-name', 'Dana Ortiz, authorizing official', '--role', 'official=boundary/line4,boundary/line5');
  await c.command('user', 'add', 'robin', '--full-name', 'Robin Shah, security analyst', '--role', 'analyst=site/houston');
  const found = Object.fromEntries((await list('findings')).map((f) => [f.kind, f.id]));
  await c.command('finding', 'accept', found['dual-homed'], '--owner', 'Dana Ortiz', '--until', day(90), '--reason', 'the second leg is removed in the winter outage', '--mitigation', 'the office port is closed at night');
  await c.command('finding', 'assign', found['internet-exposure'], '--to', 'robin');
  await c.command('finding', 'status', found['internet-exposure'], '--to', 'investigating', '--reason', 'the panel was exchanged in October; its maker is asked');
  await c.command('finding', 'poam', found.unauthorized, '--title', 'Move the report to MES', '--responsible', 'Plant IT', '--due', day(60));
}

/** newcomer is a device of line 4 that nobody decided on. */
async function newcomer() {
  const file = path.join(c.dir, 'newcomer.pcap'), frame = arp([0, 0x80, 0x63, 0x5a, 0x10, 0x77], [10, 20, 4, 77]);
  await writeFile(file, pcap([Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0, 0, 104]), frame.subarray(12)])], Date.now()));
  await c.feed('line4', 'line4', file);
}

/** listening is the agent of line 4 at a port where nothing comes in; root alone can make one. */
async function listening() {
  if (process.getuid() !== 0) return console.log('not root: no agent listens in these pictures');
  await exec('ip', ['link', 'add', PORT, 'type', 'veth', 'peer', 'name', `${PORT}-far`]);
  await exec('sysctl', ['-w', `net.ipv6.conf.${PORT}-far.disable_ipv6=1`]);
  for (const end of [PORT, `${PORT}-far`]) await exec('ip', ['link', 'set', end, 'up']);
  const config = path.join(c.dir, 'agent.yaml');
  await writeFile(config, `collector: ${c.status.uplink}\nstate: ${c.dir}/line4\ninterfaces:\n  - {name: ${PORT}, segment: line4}\n`);
  agent = spawn('bin/demarc-agent', ['run', '--config', config], { stdio: 'ignore' });
  for (let a; !a?.span;) { await new Promise((f) => setTimeout(f, 500)); a = (await list('agents')).find((x) => x.name === 'line4'); }
}

async function silent() {
  if (!agent) return;
  agent.kill('SIGTERM');
  await new Promise((f) => agent.once('exit', f));
  await exec('ip', ['link', 'del', PORT]);
}

const AGREEMENT = 'Interconnection/line4-to-historian';

/** tried is a change to the agreement between line 4 and the historian, in a dry run. */
async function tried(is, becomes) {
  await page.getByRole('button', { name: /^Try a change/ }).click();
  const box = page.getByRole('textbox', { name: 'Document' }), text = await box.inputValue();
  if (!text.includes(is)) throw new Error(`${AGREEMENT} has no ${is}`);
  await box.fill(text.replace(is, becomes));
  await page.getByRole('button', { name: 'Dry run' }).click();
  await page.locator('.outcome').waitFor();
}

/** change puts one forward. */
async function change(is, becomes, verb) {
  await page.goto(`${c.origin}/policy?document=${AGREEMENT}`);
  await settled();
  await tried(is, becomes);
  await page.getByRole('button', { name: verb }).click();
  await page.getByRole('dialog').getByRole('button').filter({ hasText: /^Put in force|^Propose/ }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/** file has one made, and shows where. */
async function file(block, name) {
  const link = page.locator('.block', { hasText: block }).last().getByRole('link', { name }).first();
  await link.click();
  await page.locator('.file.saved').waitFor();
  await page.mouse.move(0, 0);
  await link.evaluate((e) => e.closest('.block').scrollIntoView({ block: 'end' }));
  await page.evaluate(() => scrollBy(0, 120));
}

const day = (ahead) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);

/** enforced has one change waiting for an official. */
async function enforced() {
  await c.command('user', 'add', 'kim', '--full-name', 'Kim Osei, security manager', '--uid', String(process.getuid()), '--role', 'issm', '--role', 'admin');
  c.more = 'authority: enforced\n';
  await c.restart();
  await signIn();
  await change('ports: [4840], operations: [read,', 'ports: [4840], operations: [read, write,', 'Propose it');
}

try {
  await mkdir(folder, { recursive: true });
  c = await Collector.start();
  await shot('sign-in', '/sign-in');
  await signIn();
  await shot('first', '/');
  await shot('add-agent', '/', { act: async () => { await page.getByRole('button', { name: 'Add an agent' }).click(); await page.getByRole('dialog').getByLabel('Site').fill('houston'); await page.getByLabel('Its name').fill('line4'); await page.getByRole('button', { name: 'Make the line' }).click(); await page.getByRole('dialog').getByLabel('Line to run', { exact: true }).waitFor(); } });
  await c.stop();
  await filled();
  const then = new Date().toISOString();
  await newcomer();
  await listening();
  const assets = await list('assets'), connections = await list('connections');
  const plc = assets.find((a) => a.ips?.includes('10.20.4.11')), opcua = connections.find((x) => x.connection.protocol === 'opcua' && x.connection.server === '10.20.4.10');
  const written = (await list('findings')).find((f) => f.kind === 'unauthorized');
  const write = connections.find((x) => x.verdict?.verdict === 'unauthorized' && x.connection.server === '10.20.4.11');
  await shot('overview-engineer', '/', { reader: 'engineer' });
  await shot('overview-analyst', '/');
  await shot('overview-official', '/', { reader: 'official' });
  await shot('findings', '/findings');
  await shot('finding-decision', '/findings', { act: () => page.keyboard.press('a') });
  await shot('finding-frames', `/findings/${written.id}`, { act: () => file('Recorded frames', /^The signed frames/) });
  await shot('drift', '/drift');
  await shot('changes', `/changes?from=${then}`);
  await shot('map', '/map');
  await shot('map-open', '/map?boundary=line4');
  await shot('boundaries', '/boundaries');
  await shot('boundary', '/boundaries/line4');
  await shot('authorizations', '/authorizations', { reader: 'official' });
  await shot('authorization', '/authorizations/lines-ato', { reader: 'official' });
  await shot('exports', '/authorizations/lines-ato', { act: () => file('For the tools of others', /^OSCAL: devices/), reader: 'official' });
  await shot('agreements', '/agreements');
  await shot('providers', '/providers');
  await shot('second-system-refused', '/providers/archive-ato?for=suppliers');
  await shot('second-system', '/providers/cloud-atu?for=machine-builder');
  await shot('policy', '/policy?document=Interconnection/line4-to-historian');
  await shot('policy-difference', '/policy?against=1');
  await shot('policy-dry-run', '/policy?document=Interconnection/line4-to-historian', { act: () => tried('4840', '4843') });
  await shot('drafts', '/propose');
  await shot('inventory', '/assets');
  await shot('asset', `/assets/${plc.id}`, { reader: 'engineer' });
  await shot('connections', '/connections');
  await shot('connection', `/connections/${write.id}`);
  await shot('brief', `/brief/${opcua.id}`, { reader: 'official' });
  await shot('ways', '/ways');
  await shot('agents', '/agents', { reader: 'engineer' });
  await shot('agent', '/agents/line4', { reader: 'engineer' });
  await shot('accounts', '/users');
  await shot('account', '/users/dana');
  await shot('audit', '/audit');
  await shot('settings', '/settings');
  await shot('search', '/search?q=siemens');
  await shot('past', `/assets?at=${then}`);
  await enforced();
  await shot('confirm', '/confirm', { reader: 'official' });
  console.log(`${pictures} pictures, ${Math.round(size / 1000)} kB, in ${folder}`);
} finally {
  await b.browser.close();
  await silent();
  await c?.stop();
  siem.close();
}
