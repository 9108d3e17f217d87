// A real collector with the example plant, for the browser tests.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const exec = promisify(execFile);
export const SEGMENTS = ['line4', 'line5', 'dmz', 'corp'];

/** Collector is one that runs, on ports of its own, with a directory of its own. */
export class Collector {
  static async start(more = '') {
    const c = new Collector();
    c.more = more;
    c.dir = await mkdtemp(path.join(tmpdir(), 'demarc-ui-'));
    c.config = path.join(c.dir, 'collector.yaml');
    await c.#serve(0, 0);
    return c;
  }

  async #serve(uplink, pages) {
    await writeFile(this.config, `data: "${this.dir}/data"\nuplink: 127.0.0.1:${uplink}\npages: 127.0.0.1:${pages}\n${this.more.includes('authority:') ? '' : 'authority: none\n'}logLevel: warn\n${this.more}`);
    this.process = spawn('bin/demarc-collector', ['serve', '--config', this.config], { stdio: ['ignore', 'ignore', 'inherit'] });
    for (let i = 0; ; i++) {
      try {
        this.status = JSON.parse(await this.command('status', '-o', 'json'));
        break;
      } catch (e) {
        if (i > 600 || this.process.exitCode !== null) throw e;
        await new Promise((f) => setTimeout(f, 100));
      }
    }
    this.origin = this.status.pages;
  }

  /** command runs one of the collector's commands. */
  async command(...args) {
    const { stdout } = await exec('bin/demarc-collector', [...args, '--data', `${this.dir}/data`], { maxBuffer: 64 << 20 });
    return stdout.trim();
  }

  agent = (...args) => exec('bin/demarc-agent', args, { maxBuffer: 64 << 20 });

  link = async () => /https:\S+/.exec(await this.command('sign-in'))[0];

  /** account makes one that signs in with a password, and says its first. */
  async account(name, ...roles) {
    const word = 'four words of no sense';
    const adding = exec('bin/demarc-collector', ['user', 'add', name, '--password', ...roles.flatMap((r) => ['--role', r]), '--data', `${this.dir}/data`]);
    adding.child.stdin.end(`${word}\n`);
    await adding;
    return word;
  }

  async enrol(name) {
    const token = await this.command('token', 'create', '-q', '--site', 'houston', '--agent', name);
    await this.agent('enroll', '--collector', this.status.uplink, '--state', `${this.dir}/${name}`, '--token', token);
  }

  /** feed has an enrolled agent read a capture, and waits until it is judged. */
  async feed(name, segment, file) {
    await this.agent('read', ...(this.recording ? ['--config', this.recording] : []), '--collector', this.status.uplink, '--state', `${this.dir}/${name}`, '--segment', segment, file);
    for (let s; s = JSON.parse(await this.command('status', '-o', 'json')), s.applied !== s.journal;) await new Promise((f) => setTimeout(f, 100));
  }

  /** record has agents keep frames, and hand over those of findings. */
  async record(payload) {
    this.recording = `${this.dir}/recording.yaml`;
    await writeFile(this.recording, `slices: {payload: ${payload}}\n`);
  }

  /** plant feeds a segment of the example plant as if it had just been captured. */
  async plant(segment) {
    const file = `${this.dir}/${segment}.pcap`;
    await writeFile(file, await recent(`testdata/plant/${segment}.pcap`));
    await this.feed(segment, segment, file);
  }

  async restart(pause = 0) {
    await this.#end();
    await new Promise((f) => setTimeout(f, pause));
    await this.#serve(new URL(`https://${this.status.uplink}`).port, new URL(this.origin).port);
  }

  #end() {
    return new Promise((f) => {
      if (this.process.exitCode !== null) return f();
      this.process.once('exit', f);
      this.process.kill('SIGTERM');
    });
  }

  async stop() {
    await this.#end();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** Browser is Chromium that tells what it asked for and what it complained of. */
export async function browse() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(90_000); // a slow day is no fault
  const asked = [], complaints = [];
  context.on('request', (r) => asked.push(r.url()));
  context.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') complaints.push(m.text()); });
  context.on('weberror', (e) => complaints.push(String(e.error().stack ?? e.error())));
  return { browser, context, asked, complaints };
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** serious are the accessibility faults of a page that keep somebody out. */
export async function serious(page, name) {
  await page.evaluate(axe); // as a person's own tool: the pages' policy lets no page do this
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${name}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((x) => x.html.slice(0, 160)).join(' | ')}`);
}

/** wide is by how many pixels the page, or a table of it, is wider than the window. */
export const wide = (page) => page.evaluate(() => Math.max(document.documentElement.scrollWidth - innerWidth, ...(innerWidth < 1000 ? [] : [...document.querySelectorAll('.scroll')].map((e) => e.scrollWidth - e.clientWidth))));

/** pcap is a capture file of Ethernet frames, a millisecond apart. */
export function pcap(frames, at = Date.UTC(2026, 2, 10, 14, 0)) {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262144, 16);
  head.writeUInt32LE(1, 20);
  const parts = [head];
  frames.forEach((f, i) => {
    const h = Buffer.alloc(16);
    h.writeUInt32LE(Math.floor((at + i) / 1000), 0);
    h.writeUInt32LE(((at + i) % 1000) * 1000, 4);
    h.writeUInt32LE(f.length, 8);
    h.writeUInt32LE(f.length, 12);
    parts.push(h, f);
  });
  return Buffer.concat(parts);
}

/** recent is a capture, moved in time so that it ended a minute ago; all of the plant's by the same. */
async function recent(file) {
  const b = await readFile(file);
  const { seconds } = recent;
  for (let at = 24; at + 16 <= b.length; at += 16 + b.readUInt32LE(at + 8)) b.writeUInt32LE(b.readUInt32LE(at) + seconds, at);
  return b;
}
recent.seconds = Math.floor(Date.now() / 1000) - Date.UTC(2026, 2, 10, 14, 5) / 1000;

/** arp is a request by which a host makes itself known. */
export function arp(mac, ip) {
  const f = Buffer.alloc(60);
  f.fill(0xff, 0, 6);
  Buffer.from(mac).copy(f, 6);
  Buffer.from([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]).copy(f, 12);
  Buffer.from(mac).copy(f, 22);
  Buffer.from(ip).copy(f, 28);
  Buffer.from([ip[0], ip[1], 0, 1]).copy(f, 38);
  return f;
}

/** dcp is a PROFINET device that tells its name, and the port of its neighbour that it is plugged into. */
export function dcp(mac, name, alias) {
  const block = (suboption, text) => { const h = Buffer.from([2, suboption, 0, text.length + 2, 0, 0]); return Buffer.concat([h, Buffer.from(text), Buffer.alloc(text.length % 2)]); };
  const blocks = Buffer.concat([block(2, name), block(6, alias)]);
  return Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 1]), Buffer.from(mac), Buffer.from([0x88, 0x92, 0xfe, 0xff, 5, 1, 0, 0, 0, 7, 0, 0, 0, blocks.length]), blocks, Buffer.alloc(24)]);
}

/** snmpName is a device that answers its manager with its name, however long. */
export function snmpName(mac, ip, name) {
  const tlv = (tag, ...parts) => { const v = Buffer.concat(parts.map((p) => Buffer.from(p))); return Buffer.concat([Buffer.from(v.length < 128 ? [tag, v.length] : [tag, 0x83, v.length >> 16, (v.length >> 8) & 255, v.length & 255]), v]); };
  const one = [2, 1, 1];
  const body = tlv(0x30, one, tlv(4, 'public'), tlv(0xa2, [2, 1, 7], [2, 1, 0], [2, 1, 0], tlv(0x30, tlv(0x30, [6, 8, 0x2b, 6, 1, 2, 1, 1, 5, 0], tlv(4, name)))));
  const head = Buffer.alloc(42);
  Buffer.from([2, 0, 0, 0, 9, 98, ...mac, 8, 0, 0x45]).copy(head);
  head.writeUInt16BE(28 + body.length, 16);
  Buffer.from([64, 17]).copy(head, 22);
  Buffer.from([...ip, ip[0], ip[1], ip[2], 98]).copy(head, 26);
  head.writeUInt16BE(161, 34);
  head.writeUInt16BE(40_000, 36);
  head.writeUInt16BE(8 + body.length, 38);
  return Buffer.concat([head, body]);
}

/** lldp is a switch or device that tells its name; a switch says that it bridges. */
export function lldp(mac, name, description, port = 'port-1', bridge = false) {
  const tlv = (type, value) => { const h = Buffer.alloc(2); h.writeUInt16BE((type << 9) | value.length); return Buffer.concat([h, value]); };
  return Buffer.concat([
    Buffer.from([0x01, 0x80, 0xc2, 0, 0, 0x0e]), Buffer.from(mac), Buffer.from([0x88, 0xcc]),
    tlv(1, Buffer.from([4, ...mac])), tlv(2, Buffer.from(`\x05${port}`)), tlv(3, Buffer.from([0, 120])),
    tlv(5, Buffer.from(name).subarray(0, 511)), tlv(6, Buffer.from(description).subarray(0, 511)), ...(bridge ? [tlv(7, Buffer.from([0, 4, 0, 4]))] : []), tlv(0, Buffer.alloc(0)),
  ]);
}
