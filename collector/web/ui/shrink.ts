import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import postcss, { type Root } from 'postcss';
import type { Plugin } from 'vite';

// PatternFly's style sheet of 280 kB holds themes that these pages never put on
// and properties that no component reads. A browser reads all of it before it
// shows anything, so it is left out.

const never = /pf-v6-theme-(?!dark)[\w-]+|:dir\(rtl\)/;
const styles = 'node_modules/@patternfly/react-styles/css';

const named = (text: string) => text.match(/--[\w-]+/g) ?? [];

/** withoutThemes drops the rules of themes other than light and dark. */
function withoutThemes(css: Root) {
  css.walkRules((rule) => {
    const kept = rule.selectors.filter((s) => !never.test(s));
    if (kept.length === 0) rule.remove();
    else if (kept.length < rule.selectors.length) rule.selectors = kept;
  });
}

/** readElsewhere are the properties that components' and our own style sheets read. */
function readElsewhere(): string[] {
  return [`${styles}/components`, `${styles}/layouts`, 'src'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) => /\.(css|tsx?)$/.test(f)).flatMap((f) => named(readFileSync(path.join(folder, f), 'utf8'))));
}

/** withoutUnread drops custom properties that nothing reads, through others or itself. */
function withoutUnread(css: Root) {
  const through = new Map<string, string[]>();
  const wanted = readElsewhere();
  css.walkDecls((d) => {
    if (d.prop.startsWith('--')) through.set(d.prop, [...(through.get(d.prop) ?? []), ...named(d.value)]);
    else wanted.push(...named(d.value));
  });
  const read = new Set<string>();
  for (let name; (name = wanted.pop()) !== undefined;) {
    if (read.has(name)) continue;
    read.add(name);
    wanted.push(...(through.get(name) ?? []));
  }
  css.walkDecls(/^--/, (d) => { if (!read.has(d.prop)) d.remove(); });
}

/** shrink leaves out of PatternFly's style sheets what these pages cannot show. */
export const shrink = (): Plugin => ({
  name: 'shrink',
  enforce: 'pre',
  transform(code, id) {
    const file = id.split('?')[0];
    if (!file.includes('@patternfly') || !file.endsWith('.css')) return undefined;
    const css = postcss.parse(code);
    withoutThemes(css);
    if (file.endsWith('/base.css')) withoutUnread(css);
    return css.toString();
  },
});
