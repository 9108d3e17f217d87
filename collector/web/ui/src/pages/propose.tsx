import { useQuery } from '@tanstack/react-query';
import { TextArea, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useMemo } from 'react';
import { get } from '../api';
import { Tag } from '../parts/chip';
import { useDraft } from '../parts/draft';
import { Block, Empty, Fault, Loading, Sheet } from '../parts/page';
import { Trial } from '../parts/trial';
import { Link, setQuery, to, useRoute } from '../route';
import { count, cut, plural, T, when } from '../text';
import type { Candidate, Proposed } from '../types';

const keyOf = (c: Candidate) => `${c.kind}/${c.name}`;

/** What the reader made of the drafts: texts that were changed, and what is left out. */
interface Made { texts: Record<string, string>; out: string[] }

/** Propose is what the collector would draft out of what it saw, for a person to edit, try and put forward. */
export function Propose(_: { id: string }) {
  const { query } = useRoute();
  const all = query.get('all') === 'yes';
  const found = useQuery({ queryKey: ['propose', all], queryFn: () => get<Proposed>('propose', { all }), staleTime: Infinity, meta: { still: true } });
  const [raw, setRaw, forget] = useDraft(`propose-${all}`, '{"texts":{},"out":[]}');
  const made = useMemo(() => JSON.parse(raw) as Made, [raw]);
  if (found.isPending) return <Loading />;
  const candidates = found.data?.candidates ?? [];
  const shown = candidates.find((c) => keyOf(c) === query.get('document')) ?? candidates[0];
  const change = (f: (m: Made) => void) => { const m = structuredClone(made); f(m); setRaw(JSON.stringify(m)); };
  const taken = candidates.filter((c) => !made.out.includes(keyOf(c)));
  const textOf = (c: Candidate) => made.texts[keyOf(c)] ?? c.text;
  const kinds = [...new Set(candidates.map((c) => c.kind))];
  const toggle = (c: Candidate) => change((m) => { m.out = m.out.includes(keyOf(c)) ? m.out.filter((k) => k !== keyOf(c)) : [...m.out, keyOf(c)]; });
  return (
    <Sheet title="Drafts" lead="Documents drafted out of what was seen: boundaries for what stands in none, agreements for what crosses without one. They approve nothing; edit what says TODO, and read what is doubtful first." wide>
      <Fault of={found} />
      <div className="tools">
        <ToggleGroup aria-label="Draft for" isCompact>
          <ToggleGroupItem text="What no agreement covers" buttonId="draft-some" isSelected={!all} onChange={() => setQuery({ all: '' })} />
          <ToggleGroupItem text="All that crosses" buttonId="draft-all" isSelected={all} onChange={() => setQuery({ all: 'yes' })} />
        </ToggleGroup>
        <span className="grow" />
        <button type="button" className="link" onClick={() => { forget(); void found.refetch(); }}>Draft anew</button>
        <span className="dim">{when(found.data?.at)}, beside version {found.data?.policy_version}</span>
      </div>
      {candidates.length === 0 ? <Empty>Nothing stands in no boundary, and nothing crosses without an agreement.</Empty> : (
          <div className="split drafts">
            <ul className="queue" aria-label="Drafts">
              {kinds.map((kind) => candidates.filter((c) => c.kind === kind).map((c) => (
                <li key={keyOf(c)}>
                  <input type="checkbox" aria-label={`Take ${keyOf(c)}`} checked={!made.out.includes(keyOf(c))} onChange={() => toggle(c)} />
                  <Link href={to('propose', '', { all: all ? 'yes' : '', document: keyOf(c) })} aria-current={c === shown ? 'true' : undefined}>
                    <span className="title">{c.name}</span>
                    <span className="meta"><Tag>{c.kind}</Tag> {(c.devices ?? 0) > 0 && <Tag>{plural(c.devices!, 'device')}</Tag>} {(c.doubts ?? []).length > 0 && <span className="doubt">{plural(c.doubts!.length, 'doubt')}</span>} {made.texts[keyOf(c)] !== undefined && <Tag>edited</Tag>}</span>
                  </Link>
                </li>
              )))}
            </ul>
            {shown && (
              <Block title={shown.name} note={<><Tag>{shown.kind}</Tag>{shown.first_seen && <> seen from {when(shown.first_seen)} to {when(shown.last_seen)}</>}</>} more={made.texts[keyOf(shown)] !== undefined && <button type="button" className="link" onClick={() => change((m) => { delete m.texts[keyOf(shown)]; })}>as it was drafted</button>}>
                {(shown.doubts ?? []).map((d) => <p className="hint" key={d}><b>Doubtful:</b> <T v={d} cap={400} /></p>)}
                <ul className="lines">{(shown.evidence ?? []).map((e) => <li key={e} className="dim"><T v={e} cap={400} /></li>)}</ul>
                <TextArea aria-label="Document" className="editor" rows={22} resizeOrientation="vertical" spellCheck={false} value={textOf(shown)} onChange={(_e, v) => change((m) => { m.texts[keyOf(shown)] = v; })} />
              </Block>
            )}
          </div>
      )}
      <Block title="What would change?" note={`${taken.length} of ${plural(candidates.length, 'draft')} taken. A dry run changes nothing.`}>
        <Trial files={taken.map((c) => ({ path: `drafts/${c.kind}-${c.name}.yaml`, text: textOf(c) }))} done={() => { forget(); void found.refetch(); }} />
      </Block>
      {(found.data?.left_out ?? []).map((l) => <p className="dim" key={l}>Left out: <T v={cut(l, 300)} /></p>)}
      <p className="dim">{count(candidates.length)} drafted. The same on the command line: <code>demarc-collector propose --out drafts</code></p>
    </Sheet>
  );
}
