import { useSlices } from '../api';
import { Link, to, useAt } from '../route';
import { bytes, count, plural, second, T } from '../text';
import type { RecordedSlice } from '../types';
import { Download } from './download';
import { Block, Fault } from './page';

const SHOWN = 20;

/** Frames is what agents recorded of a finding or a connection, and the files of it for those who may have them. */
export function Frames({ of }: { of: { finding: string } | { connection: string } }) {
  const at = useAt();
  const kept = useSlices(of, !at);
  if (at || !kept.data?.length) return <Fault of={kept} />;
  return (
    <Block title="Recorded frames" note="a sample of what was said, as pcapng files; each agent signed its own">
      <ul className="slices">{kept.data.slice(0, SHOWN).map((s) => <Slice key={s.id} s={s} named={'finding' in of} />)}</ul>
      {kept.data.length > SHOWN && <p className="dim">{count(kept.data.length - SHOWN)} more: demarc-collector get slices</p>}
    </Block>
  );
}

function Slice({ s, named }: { s: RecordedSlice; named: boolean }) {
  const name = `frames of ${s.connection} by ${s.agent}`;
  return (
    <li>
      <div>
        <b>{plural(s.frames, 'frame')}</b>, {s.payload === 'headers' ? 'headers alone' : 'whole'}, recorded by <Link href={to('agents', s.agent)}>{s.agent}</Link> on <T v={s.interface} cap={60} />
        {named && <> of <Link className="mono" href={to('connections', s.connection)}>{s.connection}</Link></>}
      </div>
      <div className="acts">
        <Download call="SliceService/GetSlice" path={`slices/${encodeURIComponent(s.id)}/content`} now name={`The ${name}`}>Frames</Download>
        <Download call="SliceService/GetSlice" path={`slices/${encodeURIComponent(s.id)}/signed`} now name={`The signed ${name}`}>Signed</Download>
      </div>
      <div className="dim">{second(s.first)} to {second(s.last)} UTC, {bytes(s.bytes)}{Number(s.left_off) > 0 && `; ${plural(Number(s.left_off), 'frame')} had no room`}</div>
      <div className="dim sum">SHA-256 <span className="mono">{s.sha256}</span></div>
    </li>
  );
}
