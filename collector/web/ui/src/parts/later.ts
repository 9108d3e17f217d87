import { type ComponentType, lazy } from 'react';

/**
 * later is a component that the first page does without. It is loaded once
 * nothing else is to do: when a session has ended, nothing can be.
 */
export function later<P>(load: () => Promise<ComponentType<P>>) {
  const here = new Promise<void>((idle) => requestIdleCallback(() => idle(), { timeout: 2000 })).then(load);
  here.catch(() => {}); // asked for again when it is shown
  return lazy(async () => ({ default: await here.catch(load) }));
}
