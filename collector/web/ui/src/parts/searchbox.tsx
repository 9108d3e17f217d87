import type { Ref } from 'react';

/** SearchBox is a field for words to look for. */
export function SearchBox({ label, hint, value, put, ref }: { label: string; hint: string; value: string; put: (v: string) => void; ref?: Ref<HTMLInputElement> }) {
  return <input ref={ref} type="search" className="search" aria-label={label} placeholder={hint} value={value} spellCheck={false} autoComplete="off" onChange={(e) => put(e.target.value)} />;
}
