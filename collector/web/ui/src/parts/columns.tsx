import { Link, to } from '../route';
import { ago, bytes, count, cut, minute, when } from '../text';
import type { Asset, Connection, Finding, Talk } from '../types';
import { VERDICTS } from '../words';
import { Place, Severity, Status, Tag, VerdictChip } from './chip';
import type { Column } from './table';

export const verdictOf = (c: Connection) => c.verdict?.verdict ?? 'undecided';
/** side is where an end stands. Traffic on its own link needs no boundary. */
export const side = (name: string | undefined, c: Connection) => name || (verdictOf(c) === 'internal' ? 'own link' : 'unplaced');

export function service(x: Talk): string {
  const name = x.grade === 'hint' ? `${x.protocol}?` : x.protocol || 'unknown';
  if (!x.port) return `${name} ${x.transport}`;
  return `${name} ${x.transport}/${x.transport === 'ethernet' ? `0x${x.port.toString(16).padStart(4, '0')}` : x.port}`;
}

export const operations = (x: Talk) =>
  Object.entries(x.operations ?? {}).filter(([, n]) => Number(n) > 0).sort((a, b) => Number(b[1]) - Number(a[1])).map(([k, n]) => `${k} ${count(n)}`).join(', ');

export const volume = (x: Talk) => Number(x.client_bytes ?? 0) + Number(x.server_bytes ?? 0);

const End = ({ address, boundary, own }: { address: string; boundary?: string; own?: boolean }) => (
  <><span className="mono">{cut(address, 60)}</span> <span className="dim">{boundary || (own ? 'own link' : 'unplaced')}</span></>
);

/** PROTECTION says in a narrow place what OPC UA has longer words for. */
const PROTECTION: Record<string, string> = { sign: 'signed', 'sign-and-encrypt': 'encrypted' };

export const connectionColumns: Column<Connection>[] = [
  { key: 'verdict', order: 'verdict', name: 'Verdict', width: '8rem', text: verdictOf, cell: (c) => <VerdictChip v={verdictOf(c)} /> },
  { key: 'client', order: 'client', name: 'Client', text: (c) => `${c.connection.client} ${side(c.client_boundary, c)}`, cell: (c) => <End address={c.connection.client} boundary={c.client_boundary} own={verdictOf(c) === 'internal'} /> },
  { key: 'server', order: 'server', name: 'Server', text: (c) => `${c.connection.server} ${side(c.server_boundary, c)}`, cell: (c) => <End address={c.connection.server} boundary={c.server_boundary} own={verdictOf(c) === 'internal'} /> },
  { key: 'service', order: 'protocol', name: 'Service', width: '8.6rem', text: (c) => service(c.connection) },
  { key: 'did', name: 'Did', width: '6.2rem', text: (c) => operations(c.connection) },
  { key: 'protection', order: 'security', name: 'Protection', width: '6rem', text: (c) => c.connection.security ?? '', cell: (c) => PROTECTION[c.connection.security ?? ''] ?? c.connection.security },
  { key: 'outcome', order: 'outcome', name: 'Outcome', width: '6.1rem', text: (c) => c.connection.outcome ?? '' },
  { key: 'volume', order: 'bytes', name: 'Bytes', width: '4.4rem', num: true, text: (c) => volume(c.connection), cell: (c) => bytes(volume(c.connection)) },
  { key: 'last', order: 'last_seen', name: 'Last seen, UTC', width: '8rem', text: (c) => when(c.connection.last_seen), cell: (c) => minute(c.connection.last_seen) },
];

/** fewColumns are those for a narrow place. */
export const fewColumns = connectionColumns.slice(0, 5);

export const worst = (c: Connection[]) => c.toSorted((a, b) => VERDICTS.indexOf(verdictOf(a) as never) - VERDICTS.indexOf(verdictOf(b) as never));

export const addresses = (a: Asset) => ((a.ips ?? []).length ? a.ips! : (a.macs ?? []));
export const note = (a: Asset, field: string) => a.annotations?.find((n) => n.field === field)?.value ?? '';
/** nameOf is how people call an asset: their own name, its name, its address. */
export const nameOf = (a: Asset) => note(a, 'name') || a.names?.[0] || addresses(a)[0] || a.id;
export const boundariesOf = (a: Asset) => [...new Set((a.places ?? []).map((p) => p.boundary || 'unplaced'))];
export const rolesOf = (a: Asset) => (a.roles ?? []).map((r) => r.role);

export const assetColumns: Column<Asset>[] = [
  { key: 'address', order: 'address', name: 'Address', width: '9rem', text: (a) => addresses(a).join(' '), cell: (a) => <span className="mono">{cut(addresses(a)[0] ?? a.id, 40)}{addresses(a).length > 1 && <span className="dim"> +{addresses(a).length - 1}</span>}</span> },
  { key: 'name', order: 'name', name: 'Name', text: (a) => [note(a, 'name'), ...(a.names ?? [])].filter(Boolean).join(' '), cell: (a) => cut(note(a, 'name') || a.names?.[0], 60) },
  { key: 'boundary', order: 'boundary', name: 'Boundary', text: (a) => boundariesOf(a).join(', '), cell: (a) => boundariesOf(a).map((b, i) => <span key={b}>{i > 0 && ', '}<Place name={b === 'unplaced' ? '' : b} /></span>) },
  { key: 'role', order: 'role', name: 'Role', width: '10.4rem', text: (a) => rolesOf(a).join(', '), cell: (a) => (a.roles ?? []).slice(0, 2).map((r) => <Tag key={r.role}>{r.role}</Tag>) },
  { key: 'level', order: 'level', name: 'Level', width: '3.6rem', num: true, text: (a) => a.level ?? '' },
  { key: 'vendor', order: 'vendor', name: 'Vendor', width: '5.6rem', text: (a) => a.vendor ?? '' },
  { key: 'product', order: 'product', name: 'Product', text: (a) => [a.product, a.model].filter(Boolean).join(' · ') },
  { key: 'firmware', order: 'firmware', name: 'Firmware', width: '5.4rem', text: (a) => a.firmware ?? '' },
  { key: 'presence', order: 'presence', name: 'Presence', width: '5.2rem', text: (a) => a.presence ?? '' },
  { key: 'last', order: 'last_seen', name: 'Last seen, UTC', width: '8rem', text: (a) => when(a.last_seen), cell: (a) => minute(a.last_seen) },
];

export const findingColumns: Column<Finding>[] = [
  { key: 'severity', name: 'Sev', width: '4rem', text: (f) => f.severity ?? 0, cell: (f) => <Severity n={f.severity} /> },
  { key: 'title', name: 'Finding', text: (f) => f.title, cell: (f) => <Link href={to('findings', f.id)}>{cut(f.title, 200)}</Link> },
  { key: 'kind', name: 'Kind', width: '10rem', text: (f) => f.kind, cell: (f) => <Tag>{f.kind}</Tag> },
  { key: 'status', name: 'Status', width: '8rem', text: (f) => f.status ?? 'open', cell: (f) => <Status v={f.status} /> },
  { key: 'last', name: 'Last seen', width: '10.5rem', text: (f) => f.last_seen ?? '', cell: (f) => <span title={when(f.last_seen)}>{ago(f.last_seen, Date.now())}</span> },
];
