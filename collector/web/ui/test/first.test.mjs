// An empty collector filled by hand in the browser, the drift page, and what
// people see who may not do everything.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { arp, browse, Collector, lldp, pcap } from './plant.mjs';

let c, b, page;
before(async () => {
  b = await browse();
  page = await b.context.newPage();
});
after(async () => {
  await b?.browser.close();
  await c?.stop();
});

const settled = async () => {
  await page.waitForSelector('.sheet:not([aria-busy])');
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
};
const open = async (path) => { await page.goto(c.origin + path); await settled(); };
const says = (text, selector = 'body') => page.locator(selector).first().filter({ hasText: text }).waitFor();

test('a capture dropped into an empty collector is read, hostile names and all', async () => {
  c = await Collector.start('uploads: {maxMB: 2}\n');
  await page.goto(await c.link());
  await says('Nothing has been heard yet');
  const long = '<img src=x onerror=window.pwned=1>\u202egnp'.repeat(2000).slice(0, 65_000);
  const frames = [arp([2, 0, 0, 0, 8, 1], [10, 9, 8, 1]), lldp([2, 0, 0, 0, 8, 1], '<script>window.pwned=1</script>\u2066\u200b', long), arp([2, 0, 0, 0, 8, 2], [10, 9, 8, 2])];
  const name = `${c.dir}/<script>window.pwned=1<|script>\u202e.pcap`;
  await writeFile(name, pcap(frames));
  await page.getByLabel('Site of the capture').fill('north');
  await page.getByLabel('Capture file').setInputFiles(name);
  await says('Overview', 'nav'); // the page goes on by itself
  await page.waitForFunction(() => !document.body.innerText.includes('Nothing has been heard yet'));
  await open('/assets');
  await says('10.9.8.1', '.table');
  const list = JSON.parse(await c.command('get', 'assets', '-o', 'json')).assets;
  for (const path of ['/', '/agents', ...list.map((a) => `/assets/${a.id}`)]) {
    await open(path);
    if (path === '/agents') { await page.getByRole('button', { name: 'Read a capture' }).click(); await says('delivered', '.drop-in'); }
    const text = await page.evaluate(() => document.body.innerText);
    assert.ok(!/[\u202a-\u202e\u2066-\u2069\u200b]/.test(text), `${path} shows a character that nobody sees`);
    assert.equal(await page.evaluate(() => window.pwned), undefined, path);
  }
  await open('/agents');
  await page.getByRole('button', { name: 'Read a capture' }).click();
  await page.getByLabel('Capture file').setInputFiles({ name: 'notes.pcap', mimeType: 'application/octet-stream', buffer: Buffer.from('no capture at all') });
  await page.locator('.upload-failed', { hasText: 'notes.pcap' }).waitFor();
  await page.getByLabel('Capture file').setInputFiles({ name: 'big.pcap', mimeType: 'application/octet-stream', buffer: Buffer.alloc(3 << 20) });
  await says('uploads.maxMB', '.fault');
  await c.stop();
});

test('a capture whose way is cut goes on by itself; dropped again, it changes nothing and says so', async (t) => {
  c = await Collector.start('uploads: {maxMB: 4}\n');
  await page.goto(await c.link());
  const name = `${c.dir}/long.pcap`;
  await writeFile(name, pcap(Array.from({ length: 40_000 }, (_, i) => arp([2, 0, 0, 0, 5, i % 3], [10, 9, 5, i % 3]))));
  const slow = await b.context.newCDPSession(page), begun = [];
  page.on('request', (r) => { const from = /content\?from=(\d+)/.exec(r.url()); if (from) begun.push(Number(from[1])); });
  await slow.send('Network.enable');
  await slow.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200_000 });
  await page.getByLabel('Site of the capture').fill('north');
  await page.getByLabel('Capture file').setInputFiles(name);
  await page.waitForFunction(() => document.querySelector('.drop-in progress')?.value > 0.1);
  await c.restart();
  await says('Interrupted, and goes on', '.drop-in');
  await slow.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  const again = await b.context.newPage();
  await again.goto(await c.link());
  await again.waitForURL(`${c.origin}/`);
  await again.close();
  await page.waitForFunction(() => !document.body.innerText.includes('Nothing has been heard yet'));
  assert.ok(begun.length >= 2 && begun[0] === 0 && begun.at(-1) > 100_000, `sent from ${begun}`);
  await open('/agents');
  await page.getByRole('button', { name: 'Read a capture' }).click();
  await page.locator('.upload-delivered', { hasText: '40000 packets' }).waitFor();
  await page.getByLabel('Capture file').setInputFiles(name);
  await page.locator('.upload-delivered', { hasText: 'was read before' }).waitFor();
  t.diagnostic(`sent from ${begun.join(', ')}`);
  await c.stop();
  b.complaints.length = 0; // the collector was away, and the browser said so
});

test('the example plant with one click; then a snapshot, and drift by its cause', async () => {
  c = await Collector.start();
  await page.goto(await c.link());
  await page.getByRole('button', { name: 'Load the example plant' }).click();
  await page.waitForFunction(() => !document.body.innerText.includes('Nothing has been heard yet'), null, { timeout: 60_000 });
  for (let n = 0; n < 4;) n = JSON.parse(await c.command('get', 'agents', '-o', 'json')).agents.length && (await page.evaluate(() => fetch('/api/v1/uploads').then((r) => r.json()))).uploads.filter((u) => u.state === 'delivered').length;
  await open('/authorizations/lines-ato');
  await page.getByRole('link', { name: 'Drift', exact: true }).last().click();
  await says('lines-ato has no snapshot');
  await page.getByRole('button', { name: 'Confirm a snapshot of lines-ato' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.filter({ hasText: /\d+ assets? and \d+ connections?/ }).waitFor();
  await dialog.getByLabel('Which decision it belongs to').fill('the decision of the first of March');
  await dialog.getByRole('button', { name: 'Confirm the snapshot' }).click();
  await dialog.waitFor({ state: 'detached' });
  await says('lines-ato/1');
  await says('What really changed');
  // A device that was not there then.
  await writeFile(`${c.dir}/new.pcap`, pcap([arp([2, 0, 0, 0, 7, 1], [10, 20, 4, 77])], Date.now() - 60_000));
  await c.enrol('line4');
  await c.feed('line4', 'line4', `${c.dir}/new.pcap`);
  await page.locator('.table', { hasText: '10.20.4.77' }).waitFor();
});

test('who may not do something is told so, and sees only what the role reaches', async () => {
  const word = 'four words of no sense', own = 'other words, as many as before';
  await writeFile(`${c.dir}/word`, word);
  await open('/users');
  await page.getByRole('button', { name: 'Add an account' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Account').fill('dana');
  await dialog.getByLabel('First password').fill(word);
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await says('None: this account may do nothing yet');
  await page.getByRole('button', { name: 'Give a role' }).click();
  await dialog.getByLabel('Role').selectOption('auditor');
  await dialog.getByLabel('Only over these boundaries').fill('line4');
  await dialog.getByRole('button', { name: 'Give' }).click();
  await says('over line4', '.lines');

  const context = await b.browser.newContext({ ignoreHTTPSErrors: true });
  const other = await context.newPage();
  await other.goto(`${c.origin}/sign-in`);
  await other.getByLabel('Name').fill('dana');
  await other.getByLabel('Password').fill(word);
  await other.getByRole('button', { name: 'Sign in' }).click();
  await other.getByLabel('Old password').fill(word);
  await other.getByLabel('New password', { exact: true }).fill(own);
  await other.getByLabel('New password again').fill(own);
  await other.getByRole('button', { name: 'Change' }).click();
  await other.waitForURL(`${c.origin}/`);
  await other.goto(`${c.origin}/findings`);
  await other.locator('.queue li').first().waitFor();
  const accept = other.getByRole('toolbar').getByRole('button', { name: /^Accept/ });
  assert.equal(await accept.getAttribute('aria-disabled'), 'true');
  assert.match(await accept.getAttribute('title'), /needs engineer, analyst/);
  await other.locator('h1').click();
  await other.keyboard.press('a');
  assert.equal(await other.getByRole('dialog').count(), 0);
  await other.goto(`${c.origin}/boundaries`);
  await other.locator('.table', { hasText: 'line4' }).first().waitFor();
  assert.ok(!(await other.locator('.table').first().innerText()).includes('corporate'), 'a boundary outside the role shows');
  await other.goto(`${c.origin}/users`);
  await other.locator('.hint', { hasText: 'not yours to see: ' }).waitFor();
  await context.close();
});

test('what was seen becomes documents: drafted, edited, tried, and put in force', async (t) => {
  await c.stop();
  c = await Collector.start();
  await page.goto(await c.link());
  await c.enrol('line4');
  await c.plant('line4');
  await page.getByRole('link', { name: 'Drafts' }).last().click();
  await says('Drafts', 'h1');
  await page.locator('.queue li').first().waitFor();
  const kinds = await page.locator('.queue .tag').allInnerTexts();
  for (const kind of ['Site', 'Boundary']) assert.ok(kinds.includes(kind), `${kind} is among ${kinds}`);
  await page.locator('.queue a', { hasText: 'Boundary' }).first().click();
  const text = page.getByRole('textbox', { name: 'Document' });
  await page.waitForFunction(() => document.querySelector('textarea')?.value.includes('kind: Boundary'));
  await text.fill((await text.inputValue()).replace(/title: .*/, 'title: "Line 4, drawn from what was seen"'));
  await page.getByRole('button', { name: 'Dry run' }).click();
  await says('would change', '.outcome');
  assert.equal(JSON.parse(await c.command('get', 'boundaries', '-o', 'json')).boundaries?.length ?? 0, 0, 'a dry run puts nothing in force');
  await page.reload(); // what was edited is still there
  await page.waitForFunction(() => document.querySelector('textarea')?.value.includes('drawn from what was seen'));
  await page.getByRole('button', { name: 'Dry run' }).click();
  await page.getByRole('button', { name: 'Put it in force' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Put in force' }).click();
  await says('In force as version 1');
  const drawn = JSON.parse(await c.command('get', 'boundaries', '-o', 'json')).boundaries;
  assert.ok(drawn.some((x) => x.title === 'Line 4, drawn from what was seen'));
  t.diagnostic(`${drawn.length} boundaries drawn from one capture`);
});

test('where authority is enforced, what is written in the browser waits for an official', async () => {
  c.more = 'authority: enforced\n';
  await c.restart();
  const word = 'four words of no sense', own = 'other words, as many as before';
  await c.command('user', 'add', 'ivo', '--role', 'issm', '--kind', 'person');
  await page.context().clearCookies();
  await page.goto(await c.link());
  await page.waitForURL(`${c.origin}/`);
  await open('/users/ivo');
  await page.getByRole('button', { name: /password/i }).first().click();
  await page.getByRole('dialog').getByLabel(/password/i).first().fill(word);
  await page.getByRole('dialog').getByRole('button', { name: /set/i }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.context().clearCookies();
  await page.goto(`${c.origin}/sign-in`);
  await page.getByLabel('Name').fill('ivo');
  await page.getByLabel('Password').fill(word);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Old password').fill(word);
  await page.getByLabel('New password', { exact: true }).fill(own);
  await page.getByLabel('New password again').fill(own);
  await page.getByRole('button', { name: 'Change' }).click();
  await page.waitForURL(`${c.origin}/`);
  await open('/policy');
  await page.getByRole('button', { name: 'Try a new document' }).click();
  const documents = JSON.parse(await c.command('get', 'boundaries', '-o', 'json')).boundaries.map((x) => x.name);
  await page.getByRole('textbox', { name: 'Document' }).fill(`apiVersion: demarc/v1\nkind: Authorization\nmetadata: {name: line-ato}\nspec: {decision: ato, issuer: {organization: acme}, officials: [{name: Ana Ruiz}], boundaries: [${documents[0]}], granted: 2026-01-01}\n`);
  await page.getByRole('button', { name: 'Dry run' }).click();
  await says('waits for an official', '.outcome');
  await page.getByRole('button', { name: 'Propose it' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Propose' }).click();
  await page.locator('.hint', { hasText: /Waits as P\d+/ }).waitFor();
  await open('/confirm');
  await says('Authorization/line-ato');
});
