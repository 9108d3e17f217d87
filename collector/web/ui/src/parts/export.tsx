import { Button } from '@patternfly/react-core';
import { useAt } from '../route';
import { useMay } from './may';

/** Export is the way to a file about what is shown, of the moment that is shown. */
export function Export({ format, of, children }: { format: 'pdf' | 'xlsx'; of: Record<string, string>; children: React.ReactNode }) {
  const at = useAt();
  const refused = useMay('ExportService/Export');
  if (refused) return <Button size="sm" variant="secondary" isAriaDisabled title={`Not yours to do: ${refused}`}>{children}</Button>;
  return <a className="pf-v6-c-button pf-m-secondary pf-m-small" download href={`/api/v1/exports/${format}?${new URLSearchParams(at ? { ...of, as_of: at } : of)}`}>{children}</a>;
}
