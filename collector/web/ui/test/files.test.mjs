// Files that leave the collector by its pages: recorded frames, documents for the
// tools of others, reports and workbooks. Each is opened and checked. And what
// comes and goes without a browser: agents behind an air gap, events for a SIEM.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { arp, browse, Collector, pcap, SEGMENTS, serious, wide } from './plant.mjs';

const exec = promisify(execFile);
let c, b, page, siem, heard = '', closed;

before(async () => {
  siem = await listen(0, (s) => s.on('data', (d) => { heard += d; }));
  closed = await listen(0);
  const [to, nobody] = [siem.address().port, closed.address().port];
  await new Promise((f) => closed.close(f));
  c = await Collector.start(`deliver:\n  - {name: soc, to: "syslog+tcp://127.0.0.1:${to}", format: cef}\n  - {name: archive, to: "syslog+tcp://127.0.0.1:${nobody}", format: json}\n`);
  closed = nobody;
  await c.command('apply', '-f', 'deploy/example');
  await c.record('all');
  for (const s of SEGMENTS) { await c.enrol(s); await c.plant(s); }
  b = await browse();
  page = await b.context.newPage();
  await page.goto(await c.link());
  await page.waitForURL(`${c.origin}/`);
});
after(async () => {
  await b?.browser.close();
  await c?.stop();
  siem?.close();
});

/** listen is a log server. */
async function listen(port, take = () => {}) {
  const server = net.createServer((s) => { s.on('error', () => {}); s.resume(); take(s); }).listen(port, '127.0.0.1');
  await new Promise((f) => server.once('listening', f));
  return server;
}

const opened = async (p, address) => {
  await p.goto(c.origin + address);
  await p.waitForSelector('.sheet:not([aria-busy])');
  await p.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
};
const open = (address) => opened(page, address);
const block = (title, p = page) => p.locator('.block').filter({ has: p.getByRole('heading', { name: title, exact: true }) });
const list = async (what) => JSON.parse(await c.command('get', what, '-o', 'json'))[what];
const row = (name) => block('For the tools of others').locator('.pairs > div', { hasText: name }).getByRole('link');
const told = (words, p = page) => p.locator('.file', { hasText: words });

/** taken is what a click saves: its name, its content, and what the page says of it. */
async function taken(click, words) {
  const [download] = await Promise.all([page.waitForEvent('download'), click.click()]);
  await told(words).and(page.locator('.saved')).waitFor();
  const name = download.suggestedFilename(), file = path.join(c.dir, name);
  await download.saveAs(file);
  return { name, file, content: await readFile(file), said: await told(words).innerText() };
}

/** unzip reads a zip file by its directory. */
function unzip(z) {
  const files = {};
  const end = z.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  for (let at = z.readUInt32LE(end + 16), n = z.readUInt16LE(end + 10); n > 0; n--) {
    assert.equal(z.toString('latin1', at, at + 4), 'PK\x01\x02');
    const [method, size, name, extra, comment, begin] = [z.readUInt16LE(at + 10), z.readUInt32LE(at + 20), z.readUInt16LE(at + 28), z.readUInt16LE(at + 30), z.readUInt16LE(at + 32), z.readUInt32LE(at + 42)];
    const from = begin + 30 + z.readUInt16LE(begin + 26) + z.readUInt16LE(begin + 28), raw = z.subarray(from, from + size);
    files[z.toString('utf8', at + 46, at + 46 + name)] = method ? inflateRawSync(raw) : raw;
    at += 46 + name + extra + comment;
  }
  return files;
}

/** sheets are those of a workbook: the texts of each, by name. */
function sheets(xlsx) {
  const parts = unzip(xlsx), text = (name) => parts[name]?.toString() ?? '';
  const shared = [...text('xl/sharedStrings.xml').matchAll(/<si>(.*?)<\/si>/gs)].map((m) => m[1].replace(/<[^>]+>/g, ''));
  const names = [...text('xl/workbook.xml').matchAll(/<sheet [^>]*name="([^"]+)"/g)].map((m) => m[1]);
  return Object.fromEntries(names.map((name, i) => {
    const sheet = text(`xl/worksheets/sheet${i + 1}.xml`).replace(/<c ([^>]*)t="s"([^>]*)><v>(\d+)<\/v>/g, (_, a, z, n) => `<c ${a}${z}><t>${shared[n]}</t>`);
    return [name, { text: sheet.replace(/<[^>]+>/g, '\n'), rows: (sheet.match(/<row /g) ?? []).length, formulas: sheet.includes('<f>') }];
  }));
}

/** someone signs in by another browser, as an account with these roles. */
async function someone(name, ...roles) {
  const word = await c.account(name, ...roles), own = 'other words, as many as before';
  const context = await b.browser.newContext({ ignoreHTTPSErrors: true });
  const p = await context.newPage();
  await p.goto(`${c.origin}/sign-in`);
  await p.getByLabel('Name').fill(name);
  await p.getByLabel('Password').fill(word);
  await p.getByRole('button', { name: 'Sign in' }).click();
  await p.getByLabel('Old password').fill(word);
  await p.getByLabel('New password', { exact: true }).fill(own);
  await p.getByLabel('New password again').fill(own);
  await p.getByRole('button', { name: 'Change' }).click();
  await p.waitForURL(`${c.origin}/`);
  return p;
}

test('admin: which events reach whom stands on Settings, and what could not be sent is told and made up for', async (t) => {
  await open('/settings');
  const events = block('Events for others'), state = (name) => events.locator('tbody tr', { hasText: name });
  await state('soc').filter({ hasText: 'delivered' }).waitFor();
  await state('archive').filter({ hasText: 'failing' }).waitFor();
  await events.locator('.fault', { hasText: 'connection refused' }).waitFor();
  assert.ok(Number(await state('archive').locator('td').nth(6).innerText()) > 0, 'events wait');
  await page.getByRole('link', { name: 'Settings 1 delivery fails' }).waitFor();
  assert.match(heard, /CEF:0\|Demarc\|.*finding\.raised/);
  const late = await listen(closed);
  try {
    await state('archive').filter({ hasText: 'delivered' }).waitFor({ timeout: 150_000 }); // it is tried again after two minutes at most
    assert.equal(await state('archive').locator('td').nth(6).innerText(), '0');
    await events.locator('.fault').waitFor({ state: 'detached' });
    t.diagnostic((await state('archive').innerText()).replaceAll('\n', ' '));
  } finally {
    late.close();
  }
  const robin = await someone('robin', 'engineer', 'analyst');
  await opened(robin, '/settings');
  await block('You', robin).filter({ hasText: 'analyst' }).waitFor();
  assert.equal(await block('Events for others', robin).count(), 0, 'where events go is told to others');
  await robin.context().close();
});

test('analyst: the frames of a finding, alone and with what shows who recorded them', async (t) => {
  const finding = (await list('findings')).find((f) => f.kind === 'unauthorized' && f.title.includes('s7comm'));
  await open(`/findings/${finding.id}`);
  const frames = block('Recorded frames'), of = frames.locator('li').filter({ has: page.getByRole('link', { name: 'line4', exact: true }) });
  const sum = await of.locator('.sum .mono').innerText();
  const slice = await taken(of.getByRole('link', { name: /^The frames/ }), 'The frames of');
  assert.equal(slice.content.readUInt32BE(0), 0x0a0d0d0a, 'it is pcapng');
  assert.equal(createHash('sha256').update(slice.content).digest('hex'), sum, 'it is what the page says');
  assert.match(await of.innerText(), /\d+ frames, whole, recorded by line4/);
  const read = (await exec('bin/demarc-agent', ['read', '--format', 'json', slice.file])).stdout;
  assert.match(read, /"s7comm"/, 'the agent reads the write out of it');

  const signed = await taken(of.getByRole('link', { name: /^The signed frames/ }), 'The signed frames');
  const files = unzip(signed.content), [name] = Object.keys(files).filter((f) => f.endsWith('.pcapng'));
  assert.deepEqual(Object.keys(files).sort(), ['', '.crt', '.json', '.sig'].map((e) => name + e));
  assert.ok(files[name].equals(slice.content));
  const folder = path.join(c.dir, 'signed');
  await mkdir(folder);
  for (const [f, content] of Object.entries(files)) await writeFile(path.join(folder, f), content);
  const { stdout } = await exec('bin/demarc-collector', ['verify', path.join(folder, name), '--pin', c.status.fingerprint]);
  assert.match(stdout, /line4/);
  await writeFile(path.join(folder, name), Buffer.concat([slice.content.subarray(0, -8), Buffer.alloc(8)]));
  await assert.rejects(exec('bin/demarc-collector', ['verify', path.join(folder, name)]), 'a changed one passes');
  t.diagnostic(stdout.trim().split('\n')[0]);

  await frames.getByRole('link', { name: finding.connections[0] }).first().click();
  await page.waitForURL(`**/connections/${finding.connections[0]}`);
  await block('Recorded frames').locator('li').first().waitFor();
  assert.match(await c.command('get', 'audit', '--search', 'slice export'), /frames that agent line4 recorded/);
});

test('who may not have the frames is told why, before the click or after', async () => {
  const f = (await list('findings')).find((x) => x.kind === 'unauthorized' && x.title.includes('s7comm'));
  const dana = await someone('dana', 'official=boundary/line4,boundary/line5');
  await opened(dana, `/findings/${f.id}`);
  const button = block('Recorded frames', dana).getByRole('button', { name: 'Frames' }).first();
  assert.equal(await button.getAttribute('aria-disabled'), 'true');
  assert.match(await button.getAttribute('title'), /^Not yours to do: .*engineer, analyst/);
  await dana.context().close();

  const eve = await someone('eve', 'auditor', 'analyst=boundary/dmz');
  await opened(eve, `/findings/${f.id}`);
  await block('Recorded frames', eve).getByRole('link', { name: /^The frames/ }).first().click();
  await told('may not have the frames', eve).and(eve.locator('[role=alert]')).filter({ hasText: /no file. eve .*needs engineer, analyst/ }).waitFor();
  await eve.context().close();

  const max = await someone('max', 'auditor=boundary/line4');
  await opened(max, '/authorizations/lines-ato');
  await max.getByRole('link', { name: 'The report of lines-ato' }).click();
  await told('The report of lines-ato', max).and(max.locator('.refused')).filter({ hasText: 'line5' }).waitFor();
  await max.context().close();
});

test('official: the report to sign, the workbook and the inspection package', async (t) => {
  await open('/authorizations/lines-ato');
  const report = await taken(page.getByRole('link', { name: 'The report of lines-ato' }), 'The report of');
  assert.equal(report.name, 'demarc-lines-ato.pdf');
  const text = report.content.toString('latin1');
  assert.match(text, /^%PDF-1\.\d[\s\S]*%%EOF\s*$/);
  const pages = text.match(/\/Type\s*\/Page\b/g).length;
  assert.ok(pages > 2, `${pages} pages`);

  const book = sheets((await taken(page.getByRole('link', { name: 'The workbook of lines-ato' }), 'The workbook of')).content);
  assert.ok(book.Summary && book.Conditions && book.Assets, Object.keys(book).join(', '));
  assert.match(book.Conditions.text, /Nothing outside the lines writes to them/);
  assert.match(book.Assets.text, /10\.20\.4\.11/);
  assert.ok(Object.values(book).every((s) => !s.formulas), 'no text is a formula');

  const evidence = await taken(page.getByRole('link', { name: 'The inspection package of lines-ato' }), 'The inspection package');
  const { stdout } = await exec('bin/demarc-collector', ['verify', evidence.file, '--pin', c.status.fingerprint]);
  assert.match(stdout, /lines-ato/);
  assert.ok(Object.keys(unzip(evidence.content)).some((f) => f.endsWith('.pcapng')), 'the frames of its findings are in it');

  const write = (await list('findings')).find((f) => f.kind === 'unauthorized').connections[0];
  await open(`/brief/${write}`);
  const brief = await taken(page.getByRole('link', { name: 'The brief as PDF' }), 'The brief');
  assert.equal(brief.content.toString('latin1').match(/\/Type\s*\/Page\b/g).length, 1);
  t.diagnostic(`a report of ${pages} pages, a workbook of ${Object.keys(book).length} sheets`);
});

test('assessor: OSCAL, Heimdall and the lists of eMASS, with what is left for a person', async (t) => {
  await open('/authorizations/lines-ato');
  const conditions = (await list('conditions')).filter((x) => x.authorization === 'lines-ato');
  for (const [name, root] of [['Assessment results', 'assessment-results'], ['Plan of action', 'plan-of-action-and-milestones'], ['Security plan', 'system-security-plan']]) {
    const f = await taken(row(name), name);
    const document = JSON.parse(f.content)[root];
    assert.equal(document.metadata['oscal-version'], '1.1.3');
    assert.match(f.name, /^oscal-\w+-lines-ato\.json$/);
    assert.match(f.said, /Left for a person:\s+\w/);
    if (root === 'assessment-results') assert.ok(document.results[0].observations.length >= conditions.length);
    if (root === 'system-security-plan') assert.ok(JSON.stringify(document['system-implementation']).includes('10.20.4.11'));
  }
  const hdf = JSON.parse((await taken(row('Results for Heimdall'), 'Results for Heimdall')).content);
  assert.equal(hdf.profiles[0].controls.length, conditions.length);
  assert.ok(JSON.stringify(hdf).includes('"failed"'));
  for (const [name, first, known] of [['Hardware list', /^assetName,componentType,nickname,assetIpAddress,/, 'S7-1200 station_1,plc,,10.20.4.11,'], ['Software list', /^softwareVendor,softwareName,version,/, 'Siemens,'], ['Services list', /^Direction,Boundary Crossing,Source,Destination,Ports,/, ',TCP,s7comm,']]) {
    const f = await taken(row(name), name);
    const lines = f.content.toString().split(/\r?\n/).filter(Boolean);
    assert.match(lines[0], first, name);
    assert.ok(lines.slice(1).some((l) => l.includes(known)), `${name} holds ${known}`);
  }
  t.diagnostic(`${conditions.length} conditions, in both`);
});

test('a notification of change is refused in words while there is nothing to tell, and drafted then', async () => {
  await open('/authorizations/lines-ato');
  await row('Change notification').click();
  await told('lines-ato has no snapshot').and(page.locator('[role=alert]')).waitFor();
  await page.getByRole('button', { name: 'Close: Change notification of lines-ato' }).click();
  await told('Change notification').waitFor({ state: 'detached' });
  await c.command('snapshot', 'take', 'lines-ato', '--reason', 'ATO letter');
  await writeFile(`${c.dir}/new.pcap`, pcap([arp([2, 0, 0, 0, 7, 1], [10, 20, 4, 77])], Date.now()));
  await c.feed('line4', 'line4', `${c.dir}/new.pcap`);
  const draft = await taken(row('Change notification'), 'Change notification');
  assert.ok(draft.content.includes('10.20.4.77'), 'what is new is in it');
  assert.match(draft.said, /Left for a person:/);
  assert.equal(JSON.parse(draft.content).changeType ?? '', '', 'of which type it is a person says');
  b.complaints.length = 0; // the browser counts a refusal as one
});

test('a file of the past is of the past, and one that a session ends before is had after it', async () => {
  const then = new Date().toISOString();
  await writeFile(`${c.dir}/later.pcap`, pcap([arp([2, 0, 0, 0, 7, 2], [10, 20, 4, 78])], Date.now() - 60_000));
  await c.feed('line4', 'line4', `${c.dir}/later.pcap`);
  await open(`/authorizations/lines-ato?at=${then}`);
  const past = await taken(row('Hardware list'), 'Hardware list');
  assert.ok(past.content.includes('10.20.4.77') && !past.content.includes('10.20.4.78'));
  assert.match(past.name, /-\d{8}T\d{6}Z\.csv$/);
  await open('/boundaries/line4');
  await b.context.clearCookies();
  await page.getByRole('link', { name: 'The workbook of line4' }).click();
  await page.locator('#again-title').waitFor();
  const other = await b.context.newPage();
  await other.goto(await c.link());
  await other.waitForURL(`${c.origin}/`);
  await other.close();
  await page.locator('#again-title').waitFor({ state: 'detached' });
  assert.match(sheets((await taken(page.getByRole('link', { name: 'The workbook of line4' }), 'The workbook of line4')).content).Assets.text, /10\.20\.4\.78/);
  b.complaints.length = 0; // the browser counts a refusal as one
});

test('engineer: an agent behind an air gap is enrolled and heard by files, line by line as the page says', async () => {
  await open('/agents');
  await page.getByRole('button', { name: 'Add an agent' }).click();
  await page.getByLabel('Its name').fill('far');
  await page.getByRole('button', { name: 'Make the line' }).click();
  await page.getByText('No way from there to here').click();
  const far = path.join(c.dir, 'far'), run = async (name) => {
    const [program, ...args] = (await page.getByLabel(name, { exact: true }).inputValue()).split(' ');
    return exec(path.resolve('bin', program), program === 'demarc-collector' ? [...args, '--data', `${c.dir}/data`] : args, { cwd: far });
  };
  await mkdir(far);
  await writeFile(path.join(far, 'agent.yaml'), `collector: none\nstate: ${far}/state\n`);
  await run('Request, there');
  await run('Answer, here');
  await run('Answer, there');
  await page.getByRole('button', { name: 'Done' }).click();
  await page.locator('.table tbody tr', { hasText: 'far' }).waitFor();
  await writeFile(path.join(far, 'far.pcap'), pcap([arp([2, 0, 0, 0, 8, 1], [10, 20, 4, 88])], Date.now() - 60_000));
  await c.agent('read', '--config', `${far}/agent.yaml`, '--collector', 'none', '--segment', 'line4', `${far}/far.pcap`);
  await mkdir(path.join(far, 'usb'));
  await c.agent('export', '--config', `${far}/agent.yaml`, `${far}/usb`);
  for (const f of await readdir(path.join(far, 'usb'))) await c.command('import', 'bundle', path.join(far, 'usb', f));
  await open('/assets?q=10.20.4.88');
  await page.locator('.table tbody tr.open', { hasText: '10.20.4.88' }).waitFor();
  await open('/agents/far');
  await page.locator('.sheet-head', { hasText: 'by bundle' }).waitFor();
});

test('what a table shows is saved as CSV and as XLSX, whole and in its order', async (t) => {
  const both = async (name) => {
    const files = {};
    for (const kind of ['CSV', 'XLSX']) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: kind, exact: true }).click()]);
      files[kind] = await readFile(await download.path());
      assert.equal(download.suggestedFilename(), `${name}.${kind.toLowerCase()}`);
    }
    return { csv: files.CSV.toString().trim().split('\r\n'), book: sheets(files.XLSX)[name] };
  };
  await open('/connections?verdict=unauthorized');
  const { csv, book } = await both('connections');
  assert.equal(csv.length - 1, Number(await page.locator('#rows').innerText()));
  assert.equal(book.rows, csv.length);
  assert.ok(!book.formulas);
  assert.match(book.text, /Verdict\s+Client\s+Server\s+Service[^]*unauthorized\s+10\./);
  const [day] = /\d{4}-\d\d-\d\d \d\d:\d\d/.exec(csv[1]), serial = Date.parse(`${day.replace(' ', 'T')}Z`) / 86_400_000 + 25_569;
  assert.ok(book.text.includes(String(serial)), `${day} is a date`);
  await open('/audit');
  const audit = await both('audit');
  assert.equal(audit.book.rows, audit.csv.length);
  assert.match(audit.csv.at(-1), /^1,/, 'to the first entry');
  t.diagnostic(`${csv.length - 1} connections, ${audit.csv.length - 1} entries`);
});

test('these parts have no serious accessibility fault, in light or dark, and fit 1280 and 200 %', async () => {
  const finding = (await list('findings')).find((f) => f.kind === 'unauthorized');
  const adding = async () => { await page.getByRole('button', { name: 'Add an agent' }).click(); await page.getByRole('button', { name: 'Make the line' }).click(); await page.getByText('No way from there to here').click(); };
  const parts = [[`/findings/${finding.id}`, () => taken(page.getByRole('link', { name: /^The frames/ }).first(), 'The frames')], ['/authorizations/lines-ato', () => taken(row('Security plan'), 'Security plan')], ['/settings', () => block('Events for others').locator('tbody tr').first().waitFor()], ['/agents', adding]];
  const faults = [];
  for (const [theme, width, height] of [['light', 1280, 800], ['dark', 1280, 800], ['dark', 640, 400]]) {
    await page.evaluate((v) => localStorage.setItem('demarc-theme', v), theme);
    await page.setViewportSize({ width, height });
    for (const [address, act] of parts) {
      await open(address);
      await act();
      const name = `${address} (${theme}, ${width})`, over = await wide(page);
      if (over > 0) faults.push(`${name} is ${over} pixels too wide`);
      if (width === 1280) faults.push(...await serious(page, name));
    }
  }
  assert.deepEqual(faults, []);
});

test('nothing was complained of', () => assert.deepEqual(b.complaints, []));
