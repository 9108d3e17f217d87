// Reads single fields of a document's text for the brief, where the collector
// lists the document and not the field. It knows block and flow style, no more;
// what it does not find is "not recorded".

/** scalar is the value of spec's key. */
export function scalar(text: string, key: string): string {
  const line = text.split('\n').find((l) => new RegExp(`^\\s{2,4}${key}:\\s*\\S`).test(l));
  return line ? bare(line.slice(line.indexOf(':') + 1)) : '';
}

/** blocksOf is what stands under spec's key, one text for each item of a list. */
export function blocksOf(text: string, key: string): string[] {
  const lines = text.split('\n');
  const at = lines.findIndex((l) => new RegExp(`^  ${key}:`).test(l));
  if (at < 0) return [];
  const same = lines[at].slice(lines[at].indexOf(':') + 1).trim();
  if (same.startsWith('[')) return split(same.slice(1, same.lastIndexOf(']'))).map(bare);
  if (same) return [bare(same)];
  const out: string[] = [];
  for (const l of lines.slice(at + 1)) {
    if (l.trim() === '' || /^\s*#/.test(l)) continue;
    if (!/^ {4}/.test(l) && !/^ {2,}- /.test(l)) break;
    const t = l.trim();
    if (t.startsWith('- ') || out.length === 0) out.push(bare(t.replace(/^- /, '')));
    else out[out.length - 1] += `, ${bare(t)}`;
  }
  return out;
}

/** split cuts a flow list at its own commas. */
function split(s: string): string[] {
  const out: string[] = [];
  let depth = 0, quoted = false, from = 0;
  for (let i = 0; i < s.length; i++) {
    if (s[i] === '"') quoted = !quoted;
    else if (!quoted && '[{'.includes(s[i])) depth++;
    else if (!quoted && ']}'.includes(s[i])) depth--;
    else if (!quoted && depth === 0 && s[i] === ',') { out.push(s.slice(from, i)); from = i + 1; }
  }
  return [...out, s.slice(from)].map((x) => x.trim()).filter(Boolean);
}

const bare = (s: string) => s.trim().replace(/^\{(.*)\}$/, '$1').replaceAll('"', '').replace(/\s+#.*$/, '').trim();
