import { useStatus } from '../api';
import { count, minute, plural, T, when } from '../text';
import type { Delivery } from '../types';
import { Block, Empty, Fault } from './page';
import { type Column, Table } from './table';

const SOON = 5_000; // milliseconds after which it is asked for again: nothing tells that an event left

/** Deliveries is how events reach a SIEM, a log server or a program. */
export function Deliveries() {
  const status = useStatus(SOON);
  const all = status.data?.deliveries ?? [];
  return (
    <Block title="Events for others" note="a SIEM, a log server, a program">
      <Fault of={status} />
      {all.length === 0 ? <Empty>Nothing is sent to anybody: the collector&apos;s settings name no destination under <code>deliver</code>.</Empty> : <Table short name="deliveries" rows={all} columns={columns} id={(d) => d.name} empty="" />}
      {all.filter((d) => d.failing).map((d) => <p className="fault" key={d.name}><b>{d.name}</b>: last tried {when(d.error_at)}, and tried again: <T v={d.error} cap={300} /></p>)}
      {all.filter((d) => Number(d.dropped) > 0).map((d) => <p className="hint" key={d.name}><b>{d.name}</b> missed {plural(Number(d.dropped), 'event')}: too many waited, and the oldest were dropped.</p>)}
    </Block>
  );
}

/** state is how one does, and the colour of the word. */
function state(d: Delivery): [word: string, kind: string, mark: string] {
  if (d.failing) return ['failing', 'bad', '✕'];
  if (Number(d.waiting) > 0) return ['on its way', 'middle', '–'];
  return d.last_sent ? ['delivered', 'good', '✓'] : ['nothing sent yet', 'middle', '–'];
}

const columns: Column<Delivery>[] = [
  { key: 'name', name: 'Destination', width: '7rem', text: (d) => d.name },
  { key: 'state', name: 'State', width: '8.6rem', text: (d) => state(d)[0], cell: (d) => { const [word, kind, mark] = state(d); return <span className={`chip k-${kind}`}><i aria-hidden="true">{mark}</i>{word}</span>; } },
  { key: 'to', name: 'To', text: (d) => d.to, cell: (d) => <span className="mono">{d.to}</span> },
  { key: 'format', name: 'Format', width: '4.2rem', text: (d) => d.format },
  { key: 'sent', name: 'Sent', width: '4.2rem', num: true, text: (d) => Number(d.sent ?? 0), cell: (d) => count(d.sent) },
  { key: 'last', name: 'Last sent, UTC', width: '8.2rem', text: (d) => minute(d.last_sent) },
  { key: 'waiting', name: 'Waiting', width: '4.8rem', num: true, text: (d) => Number(d.waiting ?? 0), cell: (d) => count(d.waiting) },
  { key: 'oldest', name: 'Since, UTC', width: '8.2rem', text: (d) => minute(d.oldest) },
];
