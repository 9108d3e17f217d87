import { useEffect, useState } from 'react';

/** useDraft is a state that outlives the page until it is sent. */
export function useDraft(key: string, otherwise = ''): [string, (v: string) => void, () => void] {
  const name = `demarc-draft-${key}`;
  const [value, setValue] = useState(() => sessionStorage.getItem(name) ?? otherwise);
  useEffect(() => setValue(sessionStorage.getItem(name) ?? otherwise), [name, otherwise]);
  return [
    value,
    (v) => { sessionStorage.setItem(name, v); setValue(v); },
    () => { sessionStorage.removeItem(name); setValue(otherwise); },
  ];
}
