import { Button } from '@patternfly/react-core';
import { useState } from 'react';

/** CopyLine is a line to run somewhere else. */
export function CopyLine({ name, children }: { name: string; children: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard.writeText(children).then(() => { setCopied(true); setTimeout(() => setCopied(false), 2000); });
  return (
    <span className="copyline">
      <input className="field" readOnly aria-label={name} value={children} onFocus={(e) => e.target.select()} />
      <Button size="sm" variant="secondary" aria-label={`Copy: ${name}`} onClick={() => void copy()}>{copied ? 'Copied' : 'Copy'}</Button>
    </span>
  );
}
