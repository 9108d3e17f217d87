import { Button, type ButtonProps } from '@patternfly/react-core';
import { useMe } from '../api';

/** useMay is why the one who is signed in may not call a method, "" if they may. */
export function useMay(call: string): string {
  return useMe().data?.refused?.[call] ?? '';
}

/** Act is a button that calls a method; who may not is told why in its place. */
export function Act({ call, ...rest }: ButtonProps & { call: string }) {
  const why = useMay(call);
  if (!why) return <Button {...rest} />;
  return <Button {...rest} variant={rest.variant === 'link' ? 'link' : 'secondary'} onClick={undefined} isAriaDisabled title={`Not yours to do: ${why}`} aria-description={`Not yours to do: ${why}`} />;
}
