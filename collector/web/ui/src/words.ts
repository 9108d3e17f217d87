import type { Reader } from './store';
import type { Asset, CalendarEntry, Finding, Impact } from './types';

// Every sentence that is worded for one of the three readers, and the words for
// the states that the collector sends.

export const READERS: Record<Reader, { name: string; asks: string; home: string }> = {
  engineer: { name: 'Engineer', asks: 'What is on my network, and does looking at it leave the process alone?', home: 'On the plant floor' },
  analyst: { name: 'Analyst', asks: 'Where does the real network differ from the boundary that was drawn?', home: 'Drift and decisions' },
  official: { name: 'Official', asks: 'Does each agreed condition still hold, and how do we know?', home: 'What you signed for' },
};

export const VERDICTS = ['unauthorized', 'out-of-terms', 'lapsed', 'undecided', 'authorized', 'internal'] as const;

export const VERDICT_WORDS: Record<string, string> = {
  unauthorized: 'nobody agreed to it',
  'out-of-terms': 'agreed, but not like this',
  lapsed: 'the paper that covered it fell',
  undecided: 'cannot be told yet',
  authorized: 'an agreement in force covers it',
  internal: 'stays inside one boundary',
};

export const CONDITION_STATES = ['violated', 'attestation-due', 'not-observable', 'stale', 'not-exercised', 'attested', 'holds'] as const;

export const CONDITION_WORDS: Record<string, string> = {
  holds: 'holds',
  'not-exercised': 'holds, nothing tried it',
  violated: 'violated',
  'not-observable': 'not observable',
  stale: 'stale',
  attested: 'attested',
  'attestation-due': 'attestation due',
};

export const DECISIONS: Record<string, string> = {
  ato: 'Authorization to operate',
  'ato-with-conditions': 'Authorization to operate, with conditions',
  iatt: 'Interim authorization to test',
  iato: 'Interim authorization to operate',
  atu: 'Authorization to use',
  'common-control': 'Common control authorization',
  pato: 'Provisional authorization: nobody may operate under it alone',
  dato: 'Denial of authorization to operate',
  'not-yet-authorized': 'Not yet authorized',
  decommissioned: 'Decommissioned',
};

export const STATUSES: Record<string, string> = {
  open: 'open',
  investigating: 'investigating',
  remediating: 'remediating',
  'deviation-requested': 'acceptance asked for',
  'deviation-approved': 'accepted until',
  closed: 'closed',
};

type Sayings = Record<Reader, string>;

/** What each kind of finding asks of each reader. */
export const ACTIONS: Record<string, Sayings> = {
  unauthorized: {
    engineer: 'Find out who set this connection up and what it is for. Do not cut it while the line runs: tell the owner of the boundary first.',
    analyst: 'Find the need behind it: an agreement to be written, or a connection to be ended at the access point.',
    official: 'Nobody has accepted the risk of this connection. Have it agreed on paper, or have it ended.',
  },
  'out-of-terms': {
    engineer: 'The connection is agreed, but it does something else than agreed. Look at what changed on these two devices.',
    analyst: 'Compare the broken term with the agreement: one of them has to change.',
    official: 'The agreement covers less than what happens. Decide whether its terms are to be widened.',
  },
  lapsed: {
    engineer: 'Nothing changed on the network. Leave it running; the paper behind it has ended.',
    analyst: 'See what fell, and what else leaned on it.',
    official: 'The paper ended and the traffic goes on. Renew it, or order that it stops.',
  },
  'internet-exposure': {
    engineer: 'A device of the line reaches the Internet. Look for a second path: a modem, a phone, a gateway that nobody drew.',
    analyst: 'Find which way it leaves, and close that way at the access point.',
    official: 'The plant exchanges data with the Internet and nobody has accepted it.',
  },
  'remote-access': {
    engineer: 'Somebody can work on this machine from afar. Ask who, and whether a session is open now.',
    analyst: 'Find the person and the path. Agreed remote access goes through the jump host.',
    official: 'Somebody outside can act on the process as if standing there. Nobody has accepted that.',
  },
  unplaced: {
    engineer: 'Devices answer here that no drawing shows. Say what this network is.',
    analyst: 'Place the network: add it to a boundary, or have it taken away.',
    official: 'There are devices that stand under no authorization.',
  },
  attempt: {
    engineer: 'Devices of this boundary try to reach something and fail. A setting that is left over is likely.',
    analyst: 'Nothing answered, so this is no exposure. Find out what asks and why.',
    official: 'A try that failed. Nothing was exchanged.',
  },
  scan: {
    engineer: 'Something looks through the network. It can disturb old controllers: find it soon.',
    analyst: 'Tell a planned scan from an unknown one: ask for its change ticket.',
    official: 'Somebody searched the network. Ask whether it was ordered.',
  },
  'past-erp-interface': {
    engineer: 'A device at levels 0 to 2 speaks straight to a business system. Route it through the ERP interface.',
    analyst: 'It is agreed, and still goes past the level between. Ask for an interface at level 3 and a narrower agreement.',
    official: 'Business systems reach the process without a level between. Decide whether that risk is wanted.',
  },
  'dual-homed': {
    engineer: 'One device has a leg in two networks. Look behind it for a second cable before you move anything.',
    analyst: 'It may carry traffic around the access point. Name it as one, or have a leg removed.',
    official: 'One device joins two boundaries past the point where they are meant to meet.',
  },
  'probe-difference': {
    engineer: 'Read the name plate at the device itself. Was it exchanged or updated, or does something in front of it answer for it?',
    analyst: 'Two sources tell of one device and one of them is wrong or old. Ask it again, then look for who else answers under its address.',
    official: 'What is on record of this device is not what it says of itself. Have it checked before the record is relied on.',
  },
  'operating-without-authorization': {
    engineer: 'Nothing is wrong on the network. The paper for this boundary is missing.',
    analyst: 'Ask the official for a decision; until then every flow here stands under none.',
    official: 'This boundary runs in production and no decision covers it.',
  },
  condition: {
    engineer: 'Leave it running. Look at the connections below: one of them does what the authorization forbids, or the device that proved the condition is no longer heard.',
    analyst: 'Open the condition and its evidence: end the connections that break it, or have the condition changed by whoever set it.',
    official: 'You granted the authorization on this condition, and it does not hold. Accept that to a date, order that it is mended, or suspend.',
  },
  unlisted: {
    engineer: 'A device stands here that is on no approved list. Read its name plate, and say who put it there and what it does before anybody unplugs it.',
    analyst: 'Put it on the inventory with its approval, or have it removed. Until then no agreement covers it across a boundary.',
    official: 'Something runs inside the boundary that you did not authorize. Have it approved or removed.',
  },
  'no-snapshot': {
    engineer: 'Nothing to do at the devices. Tell the analyst of any that was moved or exchanged since the decision.',
    analyst: 'Check that what is seen is what was decided on, then take a snapshot: from then on each change shows.',
    official: 'Nobody can show you what changed since you signed, because what stood there that day is not on record.',
  },
  'never-used': {
    engineer: 'An agreed connection was not used. Is its client switched off, or does the job take another way now?',
    analyst: 'It was not seen in a month of sight. Take the agreement back, or write down why it stands by.',
    official: 'A permission that nobody uses is risk without a purpose. Have it justified or withdrawn.',
  },
  'never-seen': {
    engineer: 'A device on the approved list does not show on the network. Is it switched off, on the shelf, or behind another address?',
    analyst: 'Strike it from the inventory, or find out why no agent hears it.',
    official: 'The inventory that you signed names a device that nobody has seen since.',
  },
  'drift-new-asset': {
    engineer: 'A device came that was not here at the decision. Say who connected it and to which port; do not pull it before you know what it runs.',
    analyst: 'A change ticket explains it or nothing does. Have it authorized or removed.',
    official: 'The boundary holds a device that was not there when you signed.',
  },
  'drift-changed-asset': {
    engineer: 'A device tells something else of itself than at the decision. Was it exchanged, updated or set anew?',
    analyst: 'Compare what changed with the change tickets; what none explains may be somebody else under its address.',
    official: 'A device that you decided on is no longer the same one.',
  },
  'drift-gone-asset': {
    engineer: 'A device is silent that was here at the decision. Is it switched off, broken or taken out?',
    analyst: 'Make sure that the agents still hear its segment; then strike it from the inventory.',
    official: 'Something that you decided on is gone. What leaned on it may be gone, too.',
  },
  'drift-new-connection': {
    engineer: 'Two devices talk that did not at the decision. Ask what was set up on them since.',
    analyst: 'Look whether an agreement covers it, and which change brought it.',
    official: 'There is traffic that did not exist when you signed.',
  },
  'drift-changed-connection': {
    engineer: 'A known connection does something new. Look at what was changed in the program or the settings of its client.',
    analyst: 'Compare its operations and protection with those in the snapshot: a widened agreement, or a mistake.',
    official: 'A connection that you decided on does more, or is protected less, than then.',
  },
  'drift-gone-connection': {
    engineer: 'A connection of the decision no longer happens. Does something else do its job now?',
    analyst: 'Make sure that it could still be seen; then take its agreement back.',
    official: 'A connection that you agreed to has ended. Its agreement may be withdrawn.',
  },
};

/** actionFor is what the reader is asked to do about a finding. */
export const actionFor = (f: Finding, r: Reader): string => ACTIONS[f.kind]?.[r] ?? (f.why || 'A person has to decide on this.');

const PROCESS = new Set(['plc', 'rtu', 'ied', 'dcs-controller', 'safety-controller', 'io-device', 'drive', 'hmi', 'scada-server', 'dcs-server', 'opc-server']);
const PASSES = new Set(['network-device', 'firewall']);
const RECORDS = new Set(['historian', 'mes', 'batch-record', 'quality-record', 'database']);

/** unplug says what is lost without a device; empty when nothing tells. */
export function unplug(a: Asset): string {
  const of = (names: Set<string>) => (a.roles ?? []).find((r) => names.has(r.role));
  const role = of(PROCESS);
  if (role) return `Do not unplug: the process may depend on it (${role.role}: ${role.why ?? role.grade ?? ''}).`;
  if (a.kind === 'router' || of(PASSES)) return 'Do not unplug: traffic of other devices passes through it.';
  const keeps = of(RECORDS);
  if (keeps) return `Do not unplug: records are written to it, and are lost while it is away (${keeps.role}).`;
  if (typeof a.level === 'number' && a.level <= 2) return `Do not unplug: it stands on level ${a.level}.`;
  return '';
}

/** factsOf are the values that a device told of one attribute. */
const factsOf = (a: Asset, attribute: string): string[] => [...new Set((a.facts ?? []).filter((f) => f.attribute === attribute).map((f) => f.value))];

/** ports are those that a device names as its own, by LLDP or CDP. */
export const ports = (a: Asset): string[] => [...new Set([...factsOf(a, 'lldp.port_id'), ...factsOf(a, 'cdp.port_id')])];

/** switchPort is where a device is plugged in, as far as the wire tells: a PROFINET device names the port of its neighbour. */
export function switchPort(a: Asset): string {
  const [port, ...station] = (factsOf(a, 'profinet.alias')[0] ?? '').split('.');
  if (station.length) return `plugged into ${port} of ${station.join('.')}, as it says itself`;
  return ports(a).length ? `port ${ports(a).slice(0, 4).join(', ')}, as it says itself` : '';
}

/** SEVERITY groups 0 to 100 as the collector's lists do. */
export const severity = (n = 0): 'high' | 'middle' | 'low' => (n >= 70 ? 'high' : n >= 40 ? 'middle' : 'low');

const DUE: Record<string, [ahead: string, past: string]> = {
  ended: ['ends', 'ended'], 'review-due': ['review due', 'review overdue'], 'attestation-due': ['attestation due', 'attestation overdue'],
  'acceptance-ended': ['acceptance ends', 'acceptance ended'], 'emergency-review': ['emergency to be reviewed', 'review of the emergency overdue'],
  'plan-due': ['plan due', 'plan overdue'], 'survey-ends': ['survey ends', 'survey ended'], 'window-ends': ['window ends', 'window ended'],
};
/** dueWords say what a date of the calendar is. */
export const dueWords = (e: CalendarEntry): string => DUE[e.kind]?.[e.overdue ? 1 : 0] ?? e.kind;

/** How client and server were told apart. */
export const BASES: Record<string, string> = {
  syn: 'the TCP handshake', semantics: 'what the protocol says', listener: 'the server, which answers on that port elsewhere',
  port: 'the lower known port alone', unknown: 'nothing: who was seen to send first stands as client',
};

export const DOMAINS: Record<string, string> = { ot: 'OT', dmz: 'DMZ', it: 'IT', external: 'external' };

/** impact is a categorization after FIPS 199 in words. */
export const impact = (i?: Impact) => (i ? (['confidentiality', 'integrity', 'availability'] as const).filter((k) => i[k]).map((k) => `${k} ${i[k]}`).join(', ') : '');
