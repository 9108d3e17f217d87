// Makes pictures of pages small: their colours are reduced to a palette.
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const COLOURS = 128;
const APART = 12; // how far colours must differ to have entries of their own, summed over channels
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** shrink is a PNG of eight bits a channel with at most COLOURS colours. */
export function shrink(png) {
  const { width, height, pixels } = decode(png);
  const { palette, index } = reduce(pixels);
  const lines = Buffer.alloc((width + 1) * height); // each line begins with 0: no filter
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) lines[y * (width + 1) + 1 + x] = index.get(pixels[y * width + x]);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3], 8);
  const table = Buffer.from(palette.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]));
  return Buffer.concat([SIGNATURE, chunk('IHDR', head), chunk('PLTE', table), chunk('IDAT', deflateSync(lines, { level: 9, memLevel: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

/** decode reads a PNG as Chromium writes it: RGB or RGBA, not interlaced. */
function decode(png) {
  const width = png.readUInt32BE(16), height = png.readUInt32BE(20), depth = { 2: 3, 6: 4 }[png[25]];
  if (png[24] !== 8 || !depth || png[28]) throw new Error('not an RGB picture of eight bits a channel');
  const parts = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const data = inflateSync(Buffer.concat(parts)), stride = width * depth, pixels = new Uint32Array(width * height);
  let above = Buffer.alloc(stride);
  for (let y = 0; y < height; y++) {
    const filter = data[y * (stride + 1)], line = data.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1));
    for (let i = 0; i < stride; i++) {
      const a = i < depth ? 0 : line[i - depth], b = above[i], c = i < depth ? 0 : above[i - depth];
      line[i] += [0, a, b, (a + b) >> 1, filter === 4 ? paeth(a, b, c) : 0][filter];
    }
    for (let x = 0; x < width; x++) pixels[y * width + x] = (line[x * depth] << 16) | (line[x * depth + 1] << 8) | line[x * depth + 2];
    above = line;
  }
  return { width, height, pixels };
}

function paeth(a, b, c) {
  const pa = Math.abs(b - c), pb = Math.abs(a - c), pc = Math.abs(a + b - 2 * c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

const distance = (p, q) => Math.abs((p >> 16) - (q >> 16)) + Math.abs(((p >> 8) & 255) - ((q >> 8) & 255)) + Math.abs((p & 255) - (q & 255));

/** reduce keeps the commonest colours that differ, and gives every other the nearest of them. */
function reduce(pixels) {
  const counts = new Map();
  for (const p of pixels) counts.set(p, (counts.get(p) ?? 0) + 1);
  const palette = [];
  for (const [p] of [...counts].sort((a, b) => b[1] - a[1])) if (palette.length < COLOURS && palette.every((q) => distance(p, q) >= APART)) palette.push(p);
  const nearest = (p) => palette.reduce((best, q, i) => (distance(p, q) < distance(p, palette[best]) ? i : best), 0);
  return { palette, index: new Map([...counts.keys()].map((p) => [p, nearest(p)])) };
}

function chunk(type, data) {
  const b = Buffer.alloc(12 + data.length);
  b.writeUInt32BE(data.length, 0);
  b.write(type, 4, 'latin1');
  data.copy(b, 8);
  b.writeUInt32BE(crc32(b.subarray(4, 8 + data.length)), 8 + data.length);
  return b;
}
