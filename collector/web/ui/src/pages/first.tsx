import { useMutation } from '@tanstack/react-query';
import { client, post, useBoundaries, useStatus } from '../api';
import { CopyLine } from '../parts/copyline';
import { Drop, useUploads } from '../parts/drop';
import { Act } from '../parts/may';
import { Sheet } from '../parts/page';
import { Link } from '../route';

/** First leads by hand while the collector is empty. */
export function First({ add }: { add: () => void }) {
  const status = useStatus().data ?? {};
  const boundaries = useBoundaries().data ?? [];
  return (
    <Sheet title="Nothing has been heard yet" lead="Three steps from here to the first finding, in any order. This page goes on by itself when something arrives.">
      <ol className="first">
        <li>
          <h2>Add an agent</h2>
          <p>One line to copy to the machine at the SPAN port; agents reach this collector at {status.uplink || 'its uplink address'}.</p>
          <p><Act call="CollectorService/CreateToken" size="sm" onClick={add}>Add an agent</Act></p>
        </li>
        <li>
          <h2>Or read a capture</h2>
          <Drop />
        </li>
        <li>
          <h2>Say where the plant ends</h2>
          {boundaries.length > 0 ? <p>{boundaries.length} boundaries are drawn.</p> : <><p>Once something was heard, <Link href="/propose">Drafts</Link> proposes boundaries out of it for you to edit. Or write a Site and its Boundaries, and apply them on the collector's machine; <Link href="/policy">Policy</Link> checks them in the browser first.</p><CopyLine name="Line to run">demarc-collector apply -f plant.yaml</CopyLine></>}
        </li>
      </ol>
      <Example />
    </Sheet>
  );
}

/** Example fills an empty collector with the example plant. */
function Example() {
  const uploads = useUploads();
  const load = useMutation({ mutationFn: () => post('example', {}), onSuccess: () => void client.invalidateQueries() });
  const no = uploads.data?.no_example;
  return (
    <section className="block">
      <header><h2>Only looking?</h2><span className="note">the example plant: two lines, a DMZ and a corporate network, with documents, captures and planted faults</span></header>
      {no ? <p className="dim">It is not loaded here: {no}.</p> : <Act call="UploadService/LoadExample" size="sm" variant="secondary" isDisabled={load.isPending || !uploads.data} onClick={() => load.mutate()}>Load the example plant</Act>}
      {load.isError && <p className="fault" role="alert">{load.error.message}</p>}
    </section>
  );
}
