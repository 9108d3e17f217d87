import { Button, type ButtonProps } from '@patternfly/react-core';
import { useMe } from '../api';
import { useAt } from '../route';

/** useMay is why the one who is signed in may not call a method, "" if they may. */
export function useMay(call: string): string {
  return useMe().data?.refused?.[call] ?? '';
}

/** Act is a button that calls a method; who may not is told why in its place. */
export function Act({ call, ...rest }: ButtonProps & { call: string }) {
  const refused = useMay(call);
  const why = useAt() ? 'This is how it was: go back to now first' : refused && `Not yours to do: ${refused}`;
  if (!why) return <Button {...rest} />;
  return <Button {...rest} variant={rest.variant === 'link' ? 'link' : 'secondary'} onClick={undefined} isAriaDisabled title={why} aria-description={why} />;
}
