import { Button, Form, FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem, Modal, ModalBody, ModalFooter, ModalHeader, TextArea, TextInput } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { client } from '../api';
import type { Asked, Field, Values } from './dialog';
import { useDraft } from './draft';

/** DialogForm is what Dialog shows. */
export function DialogForm({ draft, title, lead, fields, verb, danger, act, done, close }: Asked) {
  const [raw, setRaw, sent] = useDraft(draft, '{}');
  const [secrets, setSecrets] = useState<Values>({});
  const drafted = JSON.parse(raw) as Values;
  const values: Values = { ...Object.fromEntries(fields.map((f) => [f.key, f.choices?.[0]?.[0] ?? ''])), ...drafted, ...secrets };
  const [answer, setAnswer] = useState<ReactNode>();
  const send = useMutation({
    mutationFn: () => act(values),
    onSuccess: (shown) => {
      sent();
      void client.invalidateQueries();
      if (shown) setAnswer(shown);
      else close();
      done?.();
    },
  });
  const lacking = fields.filter((f) => f.needed && !values[f.key].trim());
  const put = (f: Field, v: string) => {
    if (f.kind === 'secret') setSecrets({ ...secrets, [f.key]: v });
    else setRaw(JSON.stringify({ ...drafted, [f.key]: v }));
    send.reset();
  };
  return (
    <Modal variant="small" isOpen onClose={close} aria-labelledby="dialog-title" className="dialog">
      <ModalHeader title={title} labelId="dialog-title" description={answer ? undefined : lead} />
      <ModalBody>
        {answer ?? (
          <Form id="dialog" onSubmit={(e) => { e.preventDefault(); if (!lacking.length) send.mutate(); }}>
            {fields.map((f, i) => (
              <FormGroup key={f.key} label={f.name} fieldId={`f-${f.key}`} isRequired={f.needed}>
                <Input f={f} value={values[f.key]} put={(v) => put(f, v)} first={i === 0} />
                {f.hint && <FormHelperText><HelperText><HelperTextItem>{f.hint}</HelperTextItem></HelperText></FormHelperText>}
              </FormGroup>
            ))}
            {send.isError && <p className="fault" role="alert">{send.error.message}</p>}
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        {answer ? <Button onClick={close}>Done</Button> : (
          <>
            <Button type="submit" form="dialog" variant={danger ? 'danger' : 'primary'} isDisabled={lacking.length > 0 || send.isPending}>{verb}</Button>
            <Button variant="link" onClick={close}>Not now</Button>
            {lacking.length > 0 && <span className="dim">Still needed: {lacking.map((f) => f.name.toLowerCase()).join(', ')}</span>}
          </>
        )}
      </ModalFooter>
    </Modal>
  );
}

function Input({ f, value, put, first }: { f: Field; value: string; put: (v: string) => void; first: boolean }) {
  const same = { id: `f-${f.key}`, value, autoFocus: first };
  if (f.kind === 'choice') return <FormSelect {...same} onChange={(_, v) => put(v)}>{f.choices!.map(([v, name]) => <FormSelectOption key={v} value={v} label={name} />)}</FormSelect>;
  if (f.kind === 'area') return <TextArea {...same} rows={3} resizeOrientation="vertical" onChange={(_, v) => put(v)} />;
  if (f.kind === 'secret') return <TextInput {...same} type="password" autoComplete="new-password" onChange={(_, v) => put(v)} />;
  return <TextInput {...same} type={f.kind === 'date' ? 'date' : 'text'} onChange={(_, v) => put(v)} />;
}
