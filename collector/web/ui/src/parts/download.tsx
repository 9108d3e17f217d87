import { Button, Spinner } from '@patternfly/react-core';
import { getFile, type Query } from '../api';
import { useAt } from '../route';
import { Cell, useCell } from '../store';
import { bytes } from '../text';
import { useMay } from './may';
import { save } from './table';

/** Asked is a file that somebody waits for, has, or does not get. */
interface Asked { name: string; state: 'making' | 'saved' | 'refused'; words: string; left: string[]; stop: () => void }

const files = new Cell<Asked[]>([]);
const SHOWN = 10_000; // milliseconds, where nothing is left to be read
/** put shows one; of the others, those that are not made yet. */
const put = (a: Asked) => files.set([...files.get().filter((x) => x.name !== a.name && x.state === 'making'), a]);
const drop = (a: Asked) => files.set(files.get().filter((x) => x !== a));

/** take asks the collector for a file and gives it to the browser, or says why there is none. */
async function take(name: string, path: string, of: Query) {
  const ending = new AbortController();
  const stop = () => ending.abort();
  put({ name, state: 'making', words: '', left: [], stop });
  try {
    const f = await getFile(path, of, ending.signal);
    save(f.name, f.content, f.content.type);
    const saved: Asked = { name, state: 'saved', words: `${f.name}, ${bytes(f.content.size)}`, left: f.left, stop };
    put(saved);
    if (!f.left.length) setTimeout(() => drop(saved), SHOWN);
  } catch (e) {
    if (!ending.signal.aborted) put({ name, state: 'refused', words: e instanceof Error ? e.message : String(e), left: [], stop });
  }
}

/** Files says how it goes with what was asked for, whatever page is shown. */
export function Files() {
  const asked = useCell(files);
  return (
    <section className="files" aria-label="Files" aria-live="polite">
      {asked.map((a) => (
        <div key={a.name} className={`file ${a.state}`} role={a.state === 'refused' ? 'alert' : undefined}>
          <p>
            {a.state === 'making' && <><Spinner size="sm" aria-label={`making ${a.name}`} /> <b>{a.name}</b> is being made.</>}
            {a.state === 'saved' && <><b>{a.name}</b> is saved: {a.words}</>}
            {a.state === 'refused' && <><b>{a.name}</b>: no file. {a.words}</>}
          </p>
          {a.left.length > 0 && <><p className="dim">Left for a person:</p><ul className="lines bullets">{a.left.map((l) => <li key={l}>{l}</li>)}</ul></>}
          <Button size="sm" variant="link" isInline aria-label={`${a.state === 'making' ? 'Stop' : 'Close'}: ${a.name}`} onClick={() => { a.stop(); drop(a); }}>{a.state === 'making' ? 'Stop' : 'Close'}</Button>
        </div>
      ))}
    </section>
  );
}

interface DownloadProps {
  /** The method that it takes, of which the one who is signed in may be refused. */
  call: string;
  path: string;
  of?: Query;
  /** What the file is called while it is made. */
  name: string;
  children: React.ReactNode;
  link?: boolean;
  /** What it is of knows no moments. */
  now?: boolean;
}

/** Download is the way to a file that the collector makes, of the moment that is shown. */
export function Download({ call, path, of = {}, name, children, link, now }: DownloadProps) {
  const at = useAt();
  const refused = useMay(call), why = `Not yours to do: ${refused}`;
  if (refused && link) return <span className="dim">{children} {why}</span>;
  if (refused) return <Button size="sm" variant="secondary" isAriaDisabled title={why} aria-description={why}>{children}</Button>;
  const q = { ...of, ...(at && !now && { as_of: at }) };
  return (
    <a
      className={link ? undefined : 'pf-v6-c-button pf-m-secondary pf-m-small'} download aria-label={link ? undefined : name} href={`/api/v1/${path}?${new URLSearchParams(q as Record<string, string>)}`}
      onClick={(e) => { if (!e.ctrlKey && !e.metaKey && !e.shiftKey) { e.preventDefault(); void take(name, path, q); } }}
    >
      {children}
    </a>
  );
}

/** Export is the way to a report or a workbook. */
export const Export = ({ format, of, name, children }: { format: 'pdf' | 'xlsx'; of: Record<string, string>; name: string; children: React.ReactNode }) =>
  <Download call="ExportService/Export" path={`exports/${format}`} of={of} name={name}>{children}</Download>;
