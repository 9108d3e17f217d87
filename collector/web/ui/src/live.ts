import { client, ofNow } from './api';
import { live, signedOut } from './store';

// The collector tells which lists changed. Those that are on show are read
// again: what somebody waits for within QUIET milliseconds, the others, which
// are sums of those, within SUMS.
const QUIET = 300, SUMS = 2000, ALL = '*';
const SOON = new Set(['connections', 'assets', 'findings', 'agents', 'conditions', 'finding', 'status']);

/** Again reads lists again, at most once in so many milliseconds. */
class Again {
  private lists = new Set<string>();
  private waiting = 0;
  private last = 0;
  constructor(private quiet: number) {}
  read(lists: string[]) {
    for (const l of lists) this.lists.add(l);
    if (this.waiting || !lists.length) return;
    this.waiting = window.setTimeout(() => {
      this.waiting = 0;
      this.last = Date.now();
      const { lists } = this;
      this.lists = new Set();
      void client.invalidateQueries({ predicate: (q) => ofNow(q) && (lists.has(ALL) || lists.has(String(q.queryKey[0]))) });
    }, Math.max(0, this.quiet - (Date.now() - this.last)));
  }
}
const soon = new Again(QUIET), sums = new Again(SUMS);

/** read reads lists again; none named is all. */
function read(lists: string[] = []) {
  if (!lists.length) return soon.read([ALL]);
  soon.read(['status', ...lists.filter((l) => SOON.has(l))]);
  sums.read(lists.filter((l) => !SOON.has(l)));
}

/** follow keeps the pages in step with the collector, through its restarts. */
export function follow() {
  const source = new EventSource('/events');
  let first = true;
  source.onopen = () => {
    live.set('live');
    if (!first) read(); // what was missed meanwhile
  };
  source.onmessage = (e) => {
    if (!first) read((JSON.parse(e.data as string) as { lists?: string[] }).lists);
    first = false;
  };
  source.onerror = () => {
    live.set('lost');
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    source.close();
    void check().finally(() => window.setTimeout(follow, 2000));
  };
}

/** check asks whether the session is still good. */
async function check() {
  try {
    const a = await fetch('/api/v1/status');
    signedOut.set(a.status === 401);
  } catch {
    // the collector is away
  }
}

/** untilSignedIn asks every two seconds while nobody is signed in. */
export function untilSignedIn(): () => void {
  const timer = window.setInterval(async () => {
    await check();
    if (!signedOut.get()) void client.invalidateQueries({ predicate: ofNow });
  }, 2000);
  return () => window.clearInterval(timer);
}
