import { type ReactNode, Suspense } from 'react';
import { later } from './later';

export interface Field {
  key: string;
  name: string;
  /** A secret is not written down: it is lost with the page, not with the session. */
  kind?: 'text' | 'area' | 'date' | 'choice' | 'secret';
  choices?: [value: string, name: string][];
  needed?: boolean;
  hint?: string;
}
export type Values = Record<string, string>;

export interface Asked {
  /** What is typed is kept under this name until it is sent. */
  draft: string;
  title: string;
  lead?: ReactNode;
  fields: Field[];
  verb: string;
  danger?: boolean;
  /** act does it; what it returns is shown in place of the form. */
  act: (v: Values) => Promise<ReactNode>;
  done?: () => void;
  close: () => void;
}

const DialogForm = later<Asked>(() => import('./form').then((m) => m.DialogForm));

/** Dialog asks for what an act needs. Nothing typed is lost by closing it, or by a session that ends. */
export const Dialog = (p: Asked) => <Suspense><DialogForm {...p} /></Suspense>;

/** dayAfter is the first instant after a day that was chosen. */
export const dayAfter = (d: string) => new Date(Date.parse(`${d}T00:00:00Z`) + 86_400_000).toISOString();
