// Runs the browser tests against the programs in bin/ and the example plant:
// node collector/web/ui/test/run.mjs, from the top folder, after make pages build.
// With the names of files, only those: run.mjs first.

import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const all = process.env.DEMARC_TEST === 'all';
const here = import.meta.dirname;

/** missing ends the run because of something that this machine lacks. */
function missing(what) {
  console.log(`${all ? 'FAIL' : 'skipped'}: the browser tests need ${what}`);
  process.exit(all ? 1 : 0);
}

const exists = (f) => access(f).then(() => true, () => false);
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
if (!(await exists(chromium))) missing(chromium);
if (!(await exists(path.join(here, '../node_modules/playwright-core')))) missing('the packages of collector/web/ui (make pages)');
for (const f of ['bin/demarc-collector', 'bin/demarc-agent', 'testdata/plant', 'deploy/example']) if (!(await exists(f))) missing(`${f} (make pages build, in the top folder)`);

process.env.CHROMIUM = chromium;
const named = process.argv.slice(2);
const files = (await readdir(here)).filter((f) => f.endsWith('.test.mjs') && (!named.length || named.includes(f.split('.')[0]))).sort().map((f) => path.join(here, f));
run({ files, concurrency: 1, timeout: 1_800_000 }).on('test:fail', () => { process.exitCode = 1; }).compose(spec()).pipe(process.stdout);
