// A workbook of one sheet, ECMA-376 as spreadsheet programs have it: text stays
// text, numbers are numbers, moments are dates, and nothing is a formula.

const ROWS = 1_048_576; // of a sheet, at most
const LENGTH = 32_767; // of a cell
const WIDEST = 60; // characters of a column that is wide
const MEASURED = 200; // rows that tell how wide the columns are

export type Cell = string | number;

/** xlsx is a workbook of rows, the first of which are the names of the columns. */
export async function xlsx(name: string, rows: Cell[][]): Promise<Blob> {
  if (rows.length > ROWS) throw new Error(`${(rows.length - 1).toLocaleString('en')} rows are more than a sheet holds: take the CSV`);
  const [names, ...rest] = rows;
  const head = names.map((n, i) => (rest.some((r) => moment(r[i]) !== undefined) && !String(n).includes('UTC') ? `${n}, UTC` : n));
  const widths = head.map((n, i) => Math.min(WIDEST, Math.max(8, ...[[n], ...rest.slice(0, MEASURED).map((r) => [r[i]])].map(([c]) => String(c).length + 2))));
  return zip([
    ['[Content_Types].xml', [`${XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="${SHEETS}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${SHEETS}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${SHEETS}.styles+xml"/></Types>`]],
    ['_rels/.rels', [`${XML}<Relationships xmlns="${RELATIONS}"><Relationship Id="r1" Type="${KIND}/officeDocument" Target="xl/workbook.xml"/></Relationships>`]],
    ['xl/workbook.xml', [`${XML}<workbook xmlns="${MAIN}" xmlns:r="${KIND}"><sheets><sheet name="${plain(name.slice(0, 31))}" sheetId="1" r:id="r1"/></sheets></workbook>`]],
    ['xl/_rels/workbook.xml.rels', [`${XML}<Relationships xmlns="${RELATIONS}"><Relationship Id="r1" Type="${KIND}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="${KIND}/styles" Target="styles.xml"/></Relationships>`]],
    ['xl/styles.xml', [STYLES]],
    ['xl/worksheets/sheet1.xml', sheet([head, ...rest], widths)],
  ]);
}

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const KIND = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const RELATIONS = 'http://schemas.openxmlformats.org/package/2006/relationships';
const SHEETS = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
/** STYLES are plain, a heading, and a moment. */
const STYLES = `${XML}<styleSheet xmlns="${MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/><xf xfId="0" numFmtId="164" applyNumberFormat="1"/></cellXfs></styleSheet>`;

function* sheet(rows: Cell[][], widths: number[]): Generator<string> {
  const last = `${column(widths.length - 1)}${rows.length}`;
  yield `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>${widths.map((w, i) => `<col min="${i + 1}" max="${i + 1}" width="${w}" customWidth="1"/>`).join('')}</cols><sheetData>`;
  for (const [i, r] of rows.entries()) yield `<row r="${i + 1}">${r.map((c, k) => cell(`${column(k)}${i + 1}`, c, i === 0)).join('')}</row>`;
  yield `</sheetData><autoFilter ref="A1:${last}"/></worksheet>`;
}

function cell(at: string, v: Cell, head: boolean): string {
  const t = head ? undefined : moment(v);
  if (t !== undefined) return `<c r="${at}" s="2"><v>${t}</v></c>`;
  if (typeof v === 'number') return Number.isFinite(v) ? `<c r="${at}"><v>${v}</v></c>` : '';
  return v === '' ? '' : `<c r="${at}" t="inlineStr"${head ? ' s="1"' : ''}><is><t xml:space="preserve">${plain(held(v))}</t></is></c>`;
}

/** held is what fits into a cell, and says so where it is not all. */
function held(s: string): string {
  const words = `… (${s.length.toLocaleString('en')} characters)`;
  return s.length <= LENGTH ? s : s.slice(0, LENGTH - words.length) + words;
}

/** moment is a time of these pages in days since 1899-12-30. */
function moment(v: Cell): number | undefined {
  const t = typeof v === 'string' && /^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/.test(v) ? Date.parse(v.replace(' UTC', 'Z').replace(' ', 'T')) : NaN;
  return Number.isNaN(t) ? undefined : t / 86_400_000 + 25_569;
}

/** plain is text in XML, less what XML cannot hold and what would be read as an escape. */
const plain = (s: string) => s.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
  .replace(/_(?=x[\da-f]{4}_)/gi, '_x005F_').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** column is A to Z, then AA and so on. */
const column = (i: number): string => (i < 26 ? '' : column(Math.floor(i / 26) - 1)) + String.fromCharCode(65 + (i % 26));

/** zip packs files, each a name and its text in pieces. */
async function zip(files: [name: string, text: Iterable<string>][]): Promise<Blob> {
  const parts: BlobPart[] = [], directory: BlobPart[] = [];
  let at = 0, listed = 0;
  for (const [name, text] of files) {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let sum = ~0, size = 0;
    for (const piece of text) {
      const bytes = new TextEncoder().encode(piece);
      for (const b of bytes) sum = (sum >>> 8) ^ CRC[(sum ^ b) & 255];
      pieces.push(bytes);
      size += bytes.length;
    }
    const packed = await new Response(new Blob(pieces).stream().pipeThrough(new CompressionStream('deflate-raw'))).blob();
    const title = new TextEncoder().encode(name);
    // version 2.0, names in UTF-8, deflated, 1980-01-01
    const about = [[20, 2], [0x800, 2], [8, 2], [0, 2], [0x21, 2], [~sum >>> 0, 4], [packed.size, 4], [size, 4], [title.length, 2], [0, 2]];
    parts.push(numbers([[0x04034b50, 4], ...about]), title, packed);
    directory.push(numbers([[0x02014b50, 4], [20, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]]), title);
    at += 30 + title.length + packed.size;
    listed += 46 + title.length;
  }
  return new Blob([...parts, ...directory, numbers([[0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [listed, 4], [at, 4], [0, 2]])], { type: `${SHEETS}.sheet` });
}

/** numbers are written one behind the other, the low octet first. */
function numbers(all: number[][]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(all.flatMap(([n, octets]) => Array.from({ length: octets }, (_, i) => (n >>> (8 * i)) & 255)));
}

/** CRC is the table of CRC-32. */
const CRC = Int32Array.from({ length: 256 }, (_, n) => {
  for (let i = 0; i < 8; i++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});
