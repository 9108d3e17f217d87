import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { get, post, Refused, useSites } from '../api';
import { signedOut } from '../store';
import { cut, T } from '../text';
import type { Upload, Uploads } from '../types';
import { Fault } from './page';
import { useMay } from './may';

/** moving tells whether something happens by itself: what was interrupted says so in words. */
const moving = (u: Upload) => u.state === 'waiting' || u.state === 'reading' || (u.state === 'receiving' && !u.words);

/** useUploads is what came by hand; asked for again while something is on its way. */
export const useUploads = () => useQuery({
  queryKey: ['uploads'], queryFn: () => get<Uploads>('uploads'),
  refetchInterval: (q) => (q.state.data?.uploads?.some(moving) ? 500 : false),
});

/** Drop takes a capture from the reader's machine and shows how it is read. */
export function Drop() {
  const uploads = useUploads();
  const sites = useSites().data ?? [];
  const refused = useMay('UploadService/BeginUpload');
  const [site, setSite] = useState(''), [segment, setSegment] = useState('');
  const [over, setOver] = useState(false), [sent, setSent] = useState<{ name: string; part: number; words: string }>(), [fault, setFault] = useState('');
  const pick = useRef<HTMLInputElement>(null);
  const chosen = sites.find((s) => s.name === site) ?? sites[0];
  const no = refused ? `Not yours to do: ${refused}.` : (uploads.data?.unable ?? '');
  const take = async (file: File | undefined) => {
    if (!file || no) return;
    setFault('');
    try {
      const { upload } = await post<{ upload: Upload }>('uploads', { name: file.name, bytes: String(file.size), site: chosen?.name ?? (site || 'plant'), segment: segment || chosen?.segments?.[0] || '', modified: new Date(file.lastModified).toISOString() });
      await send(upload, file, (part, words) => setSent({ name: file.name, part, words }));
    } catch (e) {
      setFault(e instanceof Error ? e.message : String(e));
    }
    setSent(undefined);
    void uploads.refetch();
  };
  return (
    <div className="drop-in">
      <div
        className={over ? 'drop over' : 'drop'} onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
        onDrop={(e) => { e.preventDefault(); setOver(false); void take(e.dataTransfer.files[0]); }}
      >
        <p><b>Drop a capture here</b> <span className="dim">pcap or pcapng, {Math.round(Number(uploads.data?.max_bytes ?? 0) / (1 << 20))} MB at most. It stays on this collector, and is removed once it is read.</span></p>
        <div className="acts">
          {sites.length > 0
            ? <select className="field" aria-label="Site of the capture" value={chosen?.name} onChange={(e) => { setSite(e.target.value); setSegment(''); }}>{sites.map((s) => <option key={s.name} value={s.name}>{s.title || s.name}</option>)}</select>
            : <input className="field" aria-label="Site of the capture" placeholder="Site: plant" value={site} onChange={(e) => setSite(e.target.value)} />}
          {(chosen?.segments ?? []).length > 0
            ? <select className="field" aria-label="Segment of the capture" value={segment || chosen!.segments![0]} onChange={(e) => setSegment(e.target.value)}>{chosen!.segments!.map((s) => <option key={s} value={s}>segment {s}</option>)}</select>
            : <input className="field" aria-label="Segment of the capture" placeholder="Segment, may be empty" value={segment} onChange={(e) => setSegment(e.target.value)} />}
          <Button size="sm" isDisabled={!!no || !!sent} onClick={() => pick.current?.click()}>Choose a file</Button>
          <input ref={pick} type="file" hidden aria-label="Capture file" accept=".pcap,.pcapng,.cap,.dmp" onChange={(e) => { void take(e.target.files?.[0]); e.target.value = ''; }} />
        </div>
        {no && <p className="hint">{no}</p>}
        {fault && <p className="fault" role="alert">{fault}</p>}
        <Fault of={uploads} />
      </div>
      {sent && <Progress words={`${sent.words} ${cut(sent.name, 80)}`} part={sent.part} />}
      <ul className="lines" role="status">{(uploads.data?.uploads ?? []).slice(0, 8).map((u) => <One key={u.id} u={u} />)}</ul>
    </div>
  );
}

function One({ u }: { u: Upload }) {
  const name = cut(u.name, 80);
  if (u.state === 'reading') return <li><Progress words={`Reading ${name}`} part={Number(u.done) / Math.max(1, Number(u.bytes))} /></li>;
  return <li className={`upload-${u.state}`}><span className={`chip k-${u.state === 'failed' ? 'bad' : u.state === 'delivered' ? 'good' : 'middle'}`}>{u.state}</span> <b>{name}</b> <T v={u.words} cap={300} /></li>;
}

const Progress = ({ words, part }: { words: string; part: number }) => <label className="progress"><span>{words}</span> <span>{Math.round(part * 100)} %</span><progress value={part} /></label>;

type Tell = (part: number, words: string) => void;

/** send brings the bytes that are not there yet, through restarts of the collector and a session that ends. */
async function send(upload: Upload, file: File, tell: Tell): Promise<void> {
  for (let u: Upload | undefined = upload; ;) {
    const from = Number(u.done ?? 0);
    try {
      return await put(u.id, file, from, tell);
    } catch (e) {
      if (e instanceof Refused && e.code !== 401 && e.code < 500) throw e;
      u = await again(upload.id, () => tell(from / Math.max(1, file.size), 'Interrupted, and goes on when the collector answers:'));
      if (u?.state !== 'receiving') return; // all was there, or the list says what went wrong
    }
  }
}

/** again waits until the collector says how much of an upload is there. */
async function again(id: string, tell: () => void): Promise<Upload | undefined> {
  for (;;) {
    tell();
    await new Promise((f) => setTimeout(f, 1000));
    const list = await get<Uploads>('uploads').catch(() => undefined);
    if (list) return list.uploads?.find((u) => u.id === id);
  }
}

/** put brings the bytes from one on and tells how many are there: fetch tells nothing of that. */
function put(id: string, file: File, from: number, tell: Tell): Promise<void> {
  return new Promise((done, no) => {
    const r = new XMLHttpRequest();
    r.open('PUT', `/api/v1/uploads/${encodeURIComponent(id)}/content?from=${from}`);
    const at = (loaded: number) => tell((from + loaded) / Math.max(1, file.size), from > 0 ? 'Going on with' : 'Sending');
    r.upload.onprogress = (e) => at(e.loaded);
    r.onerror = () => no(new Error('the collector could not be reached'));
    r.onload = () => {
      if (r.status === 401) signedOut.set(true);
      if (r.status < 300) return done();
      let message = `the collector answers ${r.status}`;
      try { message = (JSON.parse(r.responseText) as { message?: string }).message ?? message; } catch { /* as it is */ }
      no(new Refused(r.status, message));
    };
    at(0);
    r.send(file.slice(from));
  });
}
