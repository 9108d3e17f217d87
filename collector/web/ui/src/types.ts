// The collector's messages as JSON: proto field names, 64-bit numbers as text,
// and what has its default value may be absent.

export type Time = string;

export interface Status {
  version?: string;
  authority?: string;
  policy_version?: string;
  journal?: string;
  applied?: string;
  clock?: Time;
  pages?: string;
  uplink?: string;
  surveys?: string[];
  pending?: number;
  fingerprint?: string;
  deliveries?: Delivery[];
}

export interface Delivery { name: string; to: string; format: string; failing?: boolean; waiting?: string; oldest?: Time; sent?: string; dropped?: string; last_sent?: Time; error?: string; error_at?: Time }

export interface Grant { role: string; sites?: string[]; boundaries?: string[] }
export interface Me { name?: string; via?: string; roles?: Grant[]; must_change_password?: boolean; refused?: Record<string, string> }
export interface AuditEntry { sequence: string; time?: Time; who?: string; what?: string; on?: string; detail?: string; hash?: string }
export interface ProposedDocument { document: string; change?: string; why?: string; path?: string; content?: string }
export interface Proposal {
  id: string; author?: string; proposed?: Time; documents?: ProposedDocument[]; boundaries?: string[]; missing?: string[];
  confirmations?: { by?: string; at?: Time; boundaries?: string[] }[]; paper?: { sha256?: string; signer?: string; signed?: Time; recorded_by?: string };
  act?: string; words?: string; needs?: string; stale?: string; base?: string;
}

export interface Site { name: string; title?: string; segments?: string[]; assets?: number; connections?: number }

export interface SegmentSight {
  site?: string; segment?: string; agents?: string[]; vlans?: number[]; since?: Time; last?: Time;
  quarters_heard?: number; quarters?: number; packets?: string; lost?: string; undecoded?: string;
  one_sided?: number; tcp?: number; faults?: string[];
}
export interface Sight { boundary?: string; from?: Time; to?: Time; segments?: SegmentSight[]; gaps?: string[]; words?: string }

export interface Boundary {
  name: string; title?: string; kind?: string; domain?: string; members?: string[]; assets?: number;
  findings?: number; authorization?: string; sight?: Sight; survey_until?: Time; record?: BoundaryRecord;
}
export interface Impact { confidentiality?: string; integrity?: string; availability?: string }
export interface BoundaryRecord {
  parent?: string; parts?: string[]; isolated?: boolean; levels?: number[]; environment?: string; systems?: string[]; categorization?: Impact; regulated_records?: string[];
  retention?: { class?: string; keep_seconds?: string; hold?: boolean }; security_plan?: Paper; parties?: { role?: string; name?: string; organization?: string; contact?: string }[];
  officials?: { name?: string; organization?: string }[]; rmf_step?: string; inventory?: string; authorized_as?: string;
  shared?: { network?: string; sides?: { boundary?: string; authority?: string }[] }[];
}
export interface Paper { title?: string; href?: string; sha256?: string; signer?: string; signed?: Time }
export interface Agreement {
  document: string; name: string; from?: string; to?: string; purpose?: string; owner?: string; contact?: string; services?: string[]; type?: string; reference?: string; signed?: Time; until?: Time;
  sides?: { boundary?: string; official?: string; approval?: string; granted?: Time; until?: Time }[]; state?: string; why?: string; verdicts?: Record<string, number>; live?: number; last_seen?: Time;
  unused?: string; findings?: string[]; carries?: string[]; at?: string; activation?: string;
}
export interface Crossing {
  from: string; to: string; from_domain?: string; to_domain?: string; connections?: number; live?: number; in_vain?: number; verdicts?: Record<string, number>; protocols?: Record<string, number>;
  operations?: Record<string, string>; clients?: number; servers?: number; sessions?: string; bytes?: string; agreements?: string[]; findings?: string[]; first_seen?: Time; last_seen?: Time;
}

export interface Place { address: string; boundary?: string; why?: string }
export interface Fact { attribute: string; value: string; source?: string; grade?: string; first_seen?: Time; last_seen?: Time }
export interface Role { role: string; grade?: string; why?: string }
export interface Annotation { field: string; value: string; by?: string; at?: Time }
export interface Change { attribute: string; from?: string; to?: string; source?: string; at?: Time }

export interface Asset {
  id: string; site?: string; segment?: string; parent?: string; kind?: string;
  macs?: string[]; ips?: string[]; vlans?: number[]; names?: string[];
  vendor?: string; product?: string; model?: string; firmware?: string; hardware?: string; serial?: string; os?: string;
  roles?: Role[]; level?: number; protocols?: { name: string; as: string }[]; facts?: Fact[];
  first_seen?: Time; last_seen?: Time; agents?: string[]; joins?: string[]; places?: Place[];
  annotations?: Annotation[]; changes?: Change[]; conflicts?: string[]; heard?: { agent: string; last_seen?: Time }[];
  presence?: string; presence_why?: string;
}

export interface Talk {
  id?: string; client: string; server: string; client_asset?: string; server_asset?: string; segment?: string; vlans?: number[];
  transport: string; port?: number; protocol?: string; grade?: string; direction_basis?: string; opened_by?: string; outcome?: string;
  related_to?: string; client_packets?: string; server_packets?: string; client_bytes?: string; server_bytes?: string; sessions?: string;
  operations?: Record<string, string>; security?: string; first_seen?: Time; last_seen?: Time;
  security_facts?: { tls?: string; policy?: string; subject?: string; server_name?: string };
}
export interface Term { term: string; state: string; why?: string }
export interface Verdict {
  verdict?: string; reason?: string; documents?: string[]; terms?: Term[]; policy_version?: string;
  judged_at?: Time; since?: Time; not_observable?: string[];
}
export interface Connection {
  id: string; site?: string; connection: Talk; client_boundary?: string; server_boundary?: string; verdict?: Verdict;
  findings?: string[]; agents?: string[]; operations_last?: Record<string, Time>;
}

export interface Finding {
  id: string; kind: string; title: string; why?: string; severity?: number; severity_terms?: string[]; status?: string;
  from_boundary?: string; to_boundary?: string; service?: string; opener?: string; term?: string;
  connections?: string[]; assets?: string[]; first_seen?: Time; last_seen?: Time; site?: string; technique?: string;
  past?: string[]; left_off?: number; urgent?: boolean; survey?: boolean; revision?: string; raised?: Time; status_since?: Time;
  assignee?: string; acceptance?: Acceptance; closure?: { reason?: string; duplicate_of?: string; by?: string; at?: Time }; poam?: Poam[];
  authorization?: string; condition?: string; explained_by?: string[]; ceased?: string; ceased_since?: Time;
}
export interface Acceptance { owner?: string; reason?: string; until?: Time; mitigations?: string[]; by?: string; at?: Time }
export interface Poam { id?: string; title?: string; responsible?: string; resources?: string; due?: Time; status?: string }
export interface FindingEvent { revision?: string; at?: Time; actor?: string; kind?: string; words?: string; status?: string }

export interface RecordedSlice { id: string; connection: string; agent: string; interface: string; sha256: string; bytes?: string; frames: number; left_off?: number; payload: string; first?: Time; last?: Time }
export interface SpanCheck { interface?: string; id: string; verdict: string; evidence?: string; cure?: string }
export interface Agent {
  name: string; site?: string; version?: string; hostname?: string; segments?: string[]; state?: string; enrolled?: Time;
  last_heard?: Time; last_frame?: Time; frames?: string; drops?: string; through?: string; clock_offset_ms?: string;
  certificate_expires?: Time; lost_batches?: string; disk_free_bytes?: string; disk_bytes?: string; span?: { word?: string; checks?: SpanCheck[]; at?: Time };
}

export interface AuthorizationAct {
  kind: string; authorization: string; effective?: Time; until?: Time; decision?: string; successor?: string; reason?: string;
  official?: string; sha256?: string; actor?: string; recorded?: Time;
}
export interface Authorization {
  name: string; decision?: string; organization?: string; boundaries?: string[]; state?: string; why?: string; granted?: Time;
  until?: Time; review_due?: Time; leverages?: string[]; leaned_on_by?: string[]; conditions?: number; acts?: AuthorizationAct[];
  triggers?: string[]; record?: AuthorizationRecord;
}
export interface AuthorizationRecord {
  reason?: string; maintained?: string; scope?: string; officials?: { name?: string; organization?: string }[]; environments?: string[]; consolidates?: string[]; supersedes?: string;
  rmf_step?: string; package?: { id?: string; requested?: Time; received?: Time; reviewed?: Time; outcome?: string; state?: string };
  early_start?: { allowed_by?: string; on?: Time }; documents?: Paper[];
  connect?: { to?: string; decision?: string; granted?: Time; until?: Time }[]; inherits?: { authorization?: string; standing?: string; full?: string[]; partial?: string[]; services?: string[] }[];
  residual_risks?: { id?: string; statement?: string; level?: string; accepted_by?: string; accepted_on?: Time; until?: Time; mitigated_by?: string[]; findings?: string[] }[];
  review_triggers?: string[]; lends_nothing?: string; framework?: string;
}
export interface Condition {
  id: string; authorization: string; statement?: string; controls?: string[]; check?: string; state: string; words?: string;
  reason?: string; evidence?: string[]; connections?: string[]; assets?: string[]; sight?: string[]; from?: Time; to?: Time;
  until?: Time; policy_version?: string;
}
export interface VerdictChange { connection: string; before?: string; after?: string; reason?: string }
export interface Consequences {
  boundaries?: { boundary: string; before?: string; after?: string }[];
  verdicts?: VerdictChange[];
  authorizations?: string[];
}
export interface PolicyDocument { kind: string; name: string; path?: string; text: string }
export interface Documents { policy_version?: string; applied?: Time; documents?: PolicyDocument[] }
export interface ApplyResult {
  policy_version?: string; changes?: { kind: string; name: string; change: string }[]; verdicts?: VerdictChange[]; warnings?: string[];
  resolved?: string[]; pending?: Proposal; pending_verdicts?: VerdictChange[];
}
export interface Candidate {
  kind: string; name: string; text: string; evidence?: string[]; doubts?: string[]; devices?: number; connections?: number; first_seen?: Time; last_seen?: Time;
}
export interface Proposed { candidates?: Candidate[]; left_out?: string[]; policy_version?: string; at?: Time }
export interface Reuse {
  authorization?: string; boundary?: string; organization?: string; refusals?: { what?: string; cure?: string }[]; skipped?: string[]; remains?: string[];
  controls?: { id: string; extent?: string; by?: string[] }[]; services?: { name: string; purpose?: string; consumer?: boolean }[]; draft?: Candidate;
}
export interface Explanation { connection?: Connection; finding?: Finding; condition?: Condition; lines?: string[] }
export interface Gate { result?: string; reasons?: string[]; conditions?: Condition[] }

export interface Upload { id: string; name?: string; site?: string; segment?: string; by?: string; state?: string; bytes?: string; done?: string; words?: string; begun?: Time; ended?: Time }
export interface Uploads { uploads?: Upload[]; max_bytes?: string; unable?: string; no_example?: string }
export interface Drift {
  kind: string; cause?: string; words?: string; why?: string; authorization?: string; snapshot?: string; boundary?: string; id: string;
  first_seen?: Time; last_seen?: Time; finding?: string; status?: string; explained_by?: string[]; severity?: number;
}
export interface Snapshot {
  id: string; authorization?: string; taken?: Time; by?: string; reason?: string; boundaries?: string[]; policy_version?: string; assets?: number; connections?: number;
  merges?: { at?: Time; by?: string; reason?: string; items?: number }[];
}
export interface User {
  name: string; full_name?: string; kind?: string; roles?: Grant[]; uid?: number; certificate?: string; oidc?: string; has_password?: boolean; disabled?: boolean; created?: Time; last_sign_in?: Time;
}
export interface ApiToken { name: string; user?: string; scopes?: string[]; created?: Time; expires?: Time; revoked?: Time }
export interface CalendarEntry { due: Time; kind: string; document?: string; what?: string; overdue?: boolean; boundaries?: string[]; consequence?: string; connections?: number }
export interface AsOf { at?: Time; policy_version?: string; position?: string; recorded?: Time; base?: Time; replayed?: string; software?: string }
export interface Difference { what: string; change: string; name?: string; field?: string; before?: string; after?: string; id: string; boundaries?: string[] }
export interface RemoteAccess {
  id: string; boundary?: string; device?: string; device_asset?: string; tool?: string; kind?: string; peers?: string[]; peer_boundary?: string; peer_count?: number; peer_name?: string; way?: string; via?: string; behind?: string[];
  verdict?: string; documents?: string[]; reason?: string; connections?: string[]; findings?: string[]; sessions?: string; activity?: string; first_seen?: Time; last_seen?: Time; agents?: string[]; site?: string;
}
export interface SecondPath {
  id: string; site?: string; asset?: string; addresses?: string[]; names?: string[]; kind?: string; boundaries?: string[]; named?: string; why?: string[]; segment?: string; findings?: string[]; first_seen?: Time; last_seen?: Time;
}
export interface Hop { from_boundary?: string; to_boundary?: string; from?: string[]; to?: string[]; service?: string; verdict?: string; certain?: boolean; connections?: string[] }
export interface Chain { hops?: Hop[]; certain?: boolean; sources?: number; ends?: number }
export interface RegulatedFlow {
  boundary?: string; records?: string[]; to?: string; service?: string; verdict?: string; document?: string; carries?: string[]; leaves?: string; connections?: string[]; destinations?: string[]; last_seen?: Time; retention?: string;
}
export interface Reconciled {
  rows?: { list: string; bucket: string; name?: string; document?: string; at?: string; key?: string; differences?: { field?: string; paper?: string; wire?: string }[]; assets?: string[]; connections?: string[]; last_seen?: Time; seen?: string; unused?: string }[];
  missing?: string[]; sight?: string;
}
