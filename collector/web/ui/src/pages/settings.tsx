import { Radio } from '@patternfly/react-core';
import { useMe, useStatus } from '../api';
import { Deliveries } from '../parts/deliveries';
import { Block, Fault, Pairs, Sheet } from '../parts/page';
import { reader, theme, useCell, type Reader, type Theme } from '../store';
import { count, when } from '../text';
import { READERS } from '../words';

/** RUNS are those whose business it is where events go. */
const RUNS = ['admin', 'auditor'];

export function Settings(_: { id: string }) {
  const status = useStatus();
  const s = status.data ?? {};
  const me = useMe();
  const runs = me.data?.roles?.some((r) => RUNS.includes(r.role) && !r.sites?.length && !r.boundaries?.length);
  const now = useCell(reader), colours = useCell(theme);
  return (
    <Sheet title="Settings">
      <div className="columns">
        <Block title="These pages" note="kept in this browser">
          <fieldset><legend>Worded for</legend>{(Object.keys(READERS) as Reader[]).map((r) => <Radio key={r} id={`for-${r}`} name="reader" label={READERS[r].name} description={READERS[r].asks} isChecked={now === r} onChange={() => reader.set(r)} />)}</fieldset>
          <fieldset><legend>Colours</legend>{(['system', 'light', 'dark'] as Theme[]).map((t) => <Radio key={t} id={`theme-${t}`} name="theme" label={{ system: 'As the system has them', light: 'Light', dark: 'Dark' }[t]} isChecked={colours === t} onChange={() => theme.set(t)} />)}</fieldset>
        </Block>
        <Block title="This collector">
          <Fault of={status} />
          <Pairs of={[
            ['Version', s.version], ['Authority', s.authority], ['Policy version', s.policy_version], ['Judged', `${count(s.applied)} of ${count(s.journal)} records`],
            ['Its clock', when(s.clock)], ['Fingerprint of its key', s.fingerprint && <span className="mono">{s.fingerprint}</span>], ['Pages', s.pages], ['Agents report to', s.uplink],
          ]} />
        </Block>
      </div>
      {runs && <Deliveries />}
      <div className="columns">
        <Block title="You">
          <Fault of={me} />
          <Pairs of={[['Known as', me.data?.name], ['By', me.data?.via], ['May', (me.data?.roles ?? []).length > 0 && me.data!.roles!.map((r) => <div key={r.role}>{r.role} <span className="dim">{[...(r.sites ?? []), ...(r.boundaries ?? [])].join(', ') || 'everywhere'}</span></div>)]]} />
        </Block>
        <Block title="Keys">
          <Pairs of={[['/', 'search'], ['a, c, s, i, m, o, p', 'accept, close, assign, status, remark, reopen, plan'], ['x', 'mark a finding, for one act on several'], ['j, k or arrows', 'next and previous row or finding'], ['Enter', 'open a row']]} />
        </Block>
      </div>
    </Sheet>
  );
}
