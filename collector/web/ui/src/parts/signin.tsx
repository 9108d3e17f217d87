import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useEffect } from 'react';
import { untilSignedIn } from '../live';
import { signedOut, useCell } from '../store';

/** SignInAgain waits over the page for a new session; the page behind it keeps everything. */
export function SignInAgain() {
  const out = useCell(signedOut);
  useEffect(() => (out ? untilSignedIn() : undefined), [out]);
  if (!out) return null;
  return (
    <Modal variant="small" isOpen aria-labelledby="again-title" aria-describedby="again-text">
      <ModalHeader title="Your session has ended" labelId="again-title" />
      <ModalBody id="again-text">Sign in again in a new window. This page then goes on where it is: nothing that you typed is lost.</ModalBody>
      <ModalFooter>
        <Button component="a" href="/sign-in" target="_blank" rel="noopener">Sign in</Button>
      </ModalFooter>
    </Modal>
  );
}
