import { Button, ClipboardCopy } from '@patternfly/react-core';
import { useBoundaries, useStatus } from '../api';
import { Sheet } from '../parts/page';

/** First leads by hand while the collector is empty. */
export function First({ add }: { add: () => void }) {
  const status = useStatus().data ?? {};
  const boundaries = useBoundaries().data ?? [];
  return (
    <Sheet title="Nothing has been heard yet" lead="Three steps from here to the first finding. This page goes on by itself when something arrives.">
      <ol className="first">
        <li>
          <h2>Say where the plant ends</h2>
          {boundaries.length > 0 ? <p>{boundaries.length} boundaries are drawn.</p> : <><p>Write a Site and its Boundaries, and apply them on the collector's machine. A complete set with comments is in deploy/example.</p><Line>demarc-collector apply -f plant.yaml</Line></>}
        </li>
        <li>
          <h2>Add an agent</h2>
          <p>One line to copy to the machine at the SPAN port; agents reach this collector at {status.uplink || 'its uplink address'}.</p>
          <p><Button size="sm" onClick={add}>Add an agent</Button></p>
        </li>
        <li>
          <h2>Or read a capture</h2>
          <p>An agent that is enrolled reads a file as it would listen. The example plant does this with four captures: <code>make run</code>.</p>
          <Line>{`demarc-agent read --collector ${status.uplink || 'HOST:7443'} --segment line4 some.pcap`}</Line>
        </li>
      </ol>
    </Sheet>
  );
}

const Line = ({ children }: { children: string }) => <ClipboardCopy isReadOnly hoverTip="Copy" clickTip="Copied" isCode>{children}</ClipboardCopy>;
