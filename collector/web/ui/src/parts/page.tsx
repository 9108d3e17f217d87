import { Skeleton } from '@patternfly/react-core';
import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';

/** Sheet is a page: its title, what it answers in a line, and its content. */
export function Sheet({ title, lead, actions, children, wide }: { title: ReactNode; lead?: ReactNode; actions?: ReactNode; children: ReactNode; wide?: boolean }) {
  useEffect(() => {
    document.title = typeof title === 'string' ? `${title} - Demarc` : 'Demarc';
  }, [title]);
  return (
    <div className={wide ? 'sheet wide' : 'sheet'}>
      <header className="sheet-head">
        <div>
          <h1>{title}</h1>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** Block is a part of a page with its own heading. */
export function Block({ title, note, more, children, id }: { title: ReactNode; note?: ReactNode; more?: ReactNode; children: ReactNode; id?: string }) {
  return (
    <section className="block" id={id}>
      <header>
        <h2>{title}</h2>
        {note && <span className="note">{note}</span>}
        {more && <span className="more">{more}</span>}
      </header>
      {children}
    </section>
  );
}

export function Loading() {
  return (
    <div className="sheet" aria-busy="true" aria-label="Loading">
      <Skeleton width="30%" screenreaderText="Loading" />
      <br />
      <Skeleton height="12rem" />
    </div>
  );
}

/** Fault says what a list could not be read for. */
export function Fault({ of }: { of: UseQueryResult<unknown> }) {
  if (!of.isError) return null;
  return <p className="fault" role="alert">{of.error.message}</p>;
}

export const Empty = ({ children }: { children: ReactNode }) => <p className="empty">{children}</p>;

/** Pairs is a list of names and values; what is absent is left out, or said to be. */
export function Pairs({ of, absent }: { of: [string, ReactNode][]; absent?: string }) {
  const rows = of.filter(([, v]) => absent || (v !== undefined && v !== null && v !== '' && v !== false));
  return (
    <dl className="pairs">
      {rows.map(([k, v]) => (
        <div key={k}>
          <dt>{k}</dt>
          <dd>{v === undefined || v === null || v === '' || v === false ? <span className="absent">{absent}</span> : v}</dd>
        </div>
      ))}
    </dl>
  );
}
