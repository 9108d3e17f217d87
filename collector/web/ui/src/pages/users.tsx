import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { patch, post, useAll, useBoundaries, useMe, useSites } from '../api';
import { StateChip, Tag } from '../parts/chip';
import { dayAfter, Dialog, type Values } from '../parts/dialog';
import { Act, useMay } from '../parts/may';
import { Block, Empty, Fault, Sheet } from '../parts/page';
import { type Column, Table } from '../parts/table';
import { go, Link, to } from '../route';
import { cut, lastDay, minute, T, when } from '../text';
import type { ApiToken, Grant, User } from '../types';

const ROLES = ['engineer', 'analyst', 'issm', 'system-owner', 'official', 'designated-representative', 'auditor', 'admin'];
const limits = (g: Grant) => [...(g.boundaries ?? []).map((b) => `over ${b}`), ...(g.sites ?? []).map((s) => `at ${s}`)].join(', ') || 'everywhere';
const words = (u: User) => (u.roles ?? []).map((g) => `${g.role} ${limits(g)}`).join('; ');
const known = (u: User) => [u.has_password && 'password', u.certificate && `certificate ${u.certificate}`, u.oidc && `provider ${u.oidc}`, u.uid !== undefined && u.uid !== null && `uid ${u.uid}`].filter(Boolean).join(', ');

const columns: Column<User>[] = [
  { key: 'name', name: 'Account', width: '9rem', text: (u) => u.name, cell: (u) => <Link href={to('users', u.name)}><b>{u.name}</b></Link> },
  { key: 'full', name: 'Name', width: '15rem', text: (u) => u.full_name ?? '' },
  { key: 'kind', name: 'Kind', width: '5rem', text: (u) => u.kind ?? '' },
  { key: 'roles', name: 'Roles', text: words },
  { key: 'known', name: 'Known by', width: '9rem', text: (u) => known(u) || 'nothing yet' },
  { key: 'last', name: 'Last sign-in, UTC', width: '8.4rem', text: (u) => when(u.last_sign_in) || 'never', cell: (u) => minute(u.last_sign_in) || 'never' },
  { key: 'state', name: 'State', width: '6.5rem', text: (u) => (u.disabled ? 'disabled' : 'active'), cell: (u) => <StateChip v={u.disabled ? 'disabled' : 'active'} /> },
];

/** Users is who may sign in, as what, and with which tokens. */
export function Users({ id }: { id: string }) {
  const refused = useMay('AccountService/ListUsers');
  const me = useMe().data;
  const users = useAll<User>('users', {}, !!me && !refused);
  const [adding, setAdding] = useState(false);
  const one = users.data?.find((u) => u.name === id);
  return (
    <Sheet title={id ? cut(id, 64) : 'Accounts'} lead={id ? one?.full_name : 'Who may sign in, as what, and where. Nobody has rights because another system knows them.'} wide={!id} actions={!id && <Act call="AccountService/AddUser" size="sm" onClick={() => setAdding(true)}>Add an account</Act>}>
      <Fault of={users} />
      {refused ? <p className="hint">The accounts are not yours to see: {refused}.</p> : id ? (one ? <One u={one} /> : users.isSuccess && <Empty>Nobody is called that: <Link href="/users">see all accounts</Link>.</Empty>) : (
        <Block title="Accounts"><Table short name="accounts" rows={users.data ?? []} columns={columns} id={(u) => u.name} href={(u) => to('users', u.name)} empty="No account is there yet: whoever runs the collector uses its socket and sign-in links." /></Block>
      )}
      {!id && <Tokens />}
      {adding && <Dialog
        draft="user" title="Add an account" verb="Add" close={() => setAdding(false)}
        lead="It has no role until you give it one. A password that you set is good for setting another one only."
        fields={[
          { key: 'name', name: 'Account', needed: true, hint: 'Lower-case letters, digits and . _ @ -' }, { key: 'full_name', name: 'Full name', hint: 'As documents and papers have it' },
          { key: 'kind', name: 'Kind', kind: 'choice', choices: [['person', 'Person'], ['program', 'Program: calls with tokens']] },
          { key: 'password', name: 'First password', kind: 'secret', hint: 'Twelve characters or more; empty for none' }, { key: 'oidc', name: 'At an OpenID provider', hint: 'ISSUER VALUE' }, { key: 'certificate', name: 'In a client certificate', hint: 'Subject, user principal name or e-mail address, as the settings say' },
        ]}
        act={async (v) => { const { password, ...user } = v; await post('users', { user, password }); go(to('users', v.name)); return undefined; }}
      />}
    </Sheet>
  );
}

function One({ u }: { u: User }) {
  const sites = useSites().data ?? [], boundaries = useBoundaries().data ?? [];
  const own = useMe().data?.name === u.name;
  const [asking, setAsking] = useState<'role' | 'known' | 'password'>();
  const close = () => setAsking(undefined);
  const change = (body: object) => patch(`users/${encodeURIComponent(u.name)}`, body);
  const roles = (all: Grant[]) => change({ roles: { roles: all } });
  const [taking, setTaking] = useState<Grant>();
  const toggle = async () => { setFault(''); try { await change({ disabled: !u.disabled }); } catch (e) { setFault(String((e as Error).message)); } };
  const [fault, setFault] = useState('');
  return (
    <>
      {fault && <p className="fault" role="alert">{fault}</p>}
      {own && <p className="hint">This is your own account: another admin changes its roles.</p>}
      <Block title="Roles" note="each limited to sites and boundaries, or everywhere" more={<Act call="AccountService/ChangeUser" variant="link" isInline onClick={() => setAsking('role')}>Give a role</Act>}>
        <ul className="lines">{(u.roles ?? []).map((g) => <li key={`${g.role} ${limits(g)}`}><Tag>{g.role}</Tag> {limits(g)} <Act call="AccountService/ChangeUser" variant="link" isInline aria-label={`Take ${g.role} ${limits(g)} back`} onClick={() => setTaking(g)}>Take back</Act></li>)}</ul>
        {!u.roles?.length && <Empty>None: this account may do nothing yet.</Empty>}
      </Block>
      <Block title="Known by" more={<Act call="AccountService/ChangeUser" variant="link" isInline onClick={() => setAsking('known')}>Change</Act>}><p><T v={known(u) || 'nothing yet'} /></p></Block>
      <div className="acts">
        {u.kind !== 'program' && <Act call="AccountService/AddUser" size="sm" variant="secondary" onClick={() => setAsking('password')}>Set a password</Act>}
        <Act call="AccountService/ChangeUser" size="sm" variant={u.disabled ? 'secondary' : 'danger'} onClick={() => void toggle()}>{u.disabled ? 'Enable' : 'Disable'}</Act>
      </div>
      {asking === 'role' && <Dialog
        draft={`role-${u.name}`} title={`A role for ${u.name}`} verb="Give" close={close}
        fields={[
          { key: 'role', name: 'Role', kind: 'choice', choices: ROLES.map((r) => [r, r]) },
          { key: 'boundaries', name: 'Only over these boundaries', hint: `Names with commas; empty is all. ${boundaries.map((b) => b.name).slice(0, 12).join(', ')}` },
          { key: 'sites', name: 'Only at these sites', hint: `Names with commas; empty is all. ${sites.map((s) => s.name).slice(0, 12).join(', ')}` },
        ]}
        act={async (v) => { await roles([...(u.roles ?? []), { role: v.role, boundaries: list(v.boundaries), sites: list(v.sites) }]); return undefined; }}
      />}
      {taking && <Dialog draft={`take-${u.name}`} title={`Take ${taking.role} from ${u.name}`} lead={`It holds ${limits(taking)}. Sessions and tokens lose it at once.`} verb="Take back" danger fields={[]} close={() => setTaking(undefined)} act={async () => { await roles((u.roles ?? []).filter((g) => g !== taking)); return undefined; }} />}
      {asking === 'known' && <Dialog
        draft={`known-${u.name}`} title={`How ${u.name} is known`} verb="Keep" close={close} lead="What is left empty stays; a single - takes it away."
        fields={[{ key: 'full_name', name: 'Full name' }, { key: 'oidc', name: 'At an OpenID provider', hint: `ISSUER VALUE; now ${u.oidc || 'none'}` }, { key: 'certificate', name: 'In a client certificate', hint: `now ${u.certificate || 'none'}` }]}
        act={async (v: Values) => { await change(Object.fromEntries(Object.entries(v).filter(([, x]) => x.trim()).map(([k, x]) => [k, x.trim() === '-' ? '' : x]))); return undefined; }}
      />}
      {asking === 'password' && <Dialog draft={`password-${u.name}`} title={`A password for ${u.name}`} verb="Set" close={close} lead="It is good for setting another one only." fields={[{ key: 'password', name: 'Password', kind: 'secret', needed: true, hint: 'Twelve characters or more' }]} act={async (v) => { await post('password', { name: u.name, password: v.password }); return undefined; }} />}
    </>
  );
}

const list = (s: string) => s.split(',').map((x) => x.trim()).filter(Boolean);

const tokenColumns: Column<ApiToken>[] = [
  { key: 'name', name: 'Token', text: (t) => t.name }, { key: 'user', name: 'Of', text: (t) => t.user ?? '' }, { key: 'scopes', name: 'Scopes', text: (t) => (t.scopes ?? []).join(', ') },
  { key: 'created', name: 'Made', width: '10.5rem', text: (t) => when(t.created) }, { key: 'expires', name: 'Ends', width: '7rem', text: (t) => lastDay(t.expires) },
  { key: 'state', name: 'State', width: '9rem', text: (t) => (t.revoked ? 'taken back' : 'good'), cell: (t) => (t.revoked ? <span className="dim">taken back</span> : <Revoke t={t} />) },
];

function Revoke({ t }: { t: ApiToken }) {
  const [asking, setAsking] = useState(false);
  return <><Button size="sm" variant="link" isInline onClick={() => setAsking(true)}>Take back</Button>{asking && <Dialog draft={`token-${t.name}`} title={`Take ${t.name} back`} verb="Take back" danger fields={[]} close={() => setAsking(false)} act={async () => { await post(`tokens/${encodeURIComponent(t.name)}/revoke`, {}); return undefined; }} />}</>;
}

/** Tokens are what programs call with: one's own, to an admin all. */
function Tokens() {
  const tokens = useAll<ApiToken>('tokens');
  const [making, setMaking] = useState(false);
  return (
    <Block title="Tokens of the API" note="yours; to an admin or auditor all" more={<Button variant="link" isInline onClick={() => setMaking(true)}>Make a token</Button>}>
      <Fault of={tokens} />
      <Table short name="tokens" rows={tokens.data ?? []} columns={tokenColumns} id={(t) => t.name} empty="None." />
      {making && <Dialog
        draft="token" title="Make a token" verb="Make" close={() => setMaking(false)}
        fields={[{ key: 'name', name: 'Its name', needed: true }, { key: 'user', name: 'Of which program', hint: 'Empty: yours' }, { key: 'scopes', name: 'Scopes', hint: 'read, or roles with commas; empty is read' }, { key: 'expires', name: 'Last day', kind: 'date', needed: true }]}
        act={async (v) => {
          const r = await post<{ token?: string }>('tokens', { name: v.name, user: v.user, scopes: list(v.scopes), expires: dayAfter(v.expires) });
          return <><p>It is shown this once:</p><pre className="yaml" tabIndex={0}>{r.token}</pre></>;
        }}
      />}
    </Block>
  );
}
