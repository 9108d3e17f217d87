import { client, ofNow } from './api';
import { live, signedOut } from './store';

// The collector sends a number whenever something changed; the lists on show
// are then read again, at most every QUIET milliseconds.
const QUIET = 400;
let waiting = 0;
let last = 0;

function refresh() {
  if (waiting) return;
  waiting = window.setTimeout(() => {
    waiting = 0;
    last = Date.now();
    void client.invalidateQueries({ predicate: ofNow });
  }, Math.max(0, QUIET - (Date.now() - last)));
}

/** follow keeps the pages in step with the collector, through its restarts. */
export function follow() {
  const source = new EventSource('/events');
  let first = true;
  source.onopen = () => {
    live.set('live');
    if (!first) refresh(); // what was missed meanwhile
  };
  source.onmessage = () => {
    if (!first) refresh();
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
    if (!signedOut.get()) void client.invalidateQueries();
  }, 2000);
  return () => window.clearInterval(timer);
}
