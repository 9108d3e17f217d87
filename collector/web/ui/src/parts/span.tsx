import { cut } from '../text';
import type { Agent } from '../types';

/** spanWord is the answer of the SPAN check in words. */
export const spanWord = (a: Agent) => a.span?.word?.replace(/: (.*)/, (_, checks: string) => `: ${checks.replaceAll(' ', ', ')}`) ?? 'not heard yet';
const spanState = (a: Agent) => (!a.span ? 'middle' : a.span.word === 'good' ? 'good' : a.span.word?.startsWith('bad') ? 'bad' : 'middle');

export const Span = ({ a }: { a: Agent }) => <span className={`chip k-${spanState(a)}`}><i aria-hidden="true">{{ good: '✓', bad: '✕', middle: '?' }[spanState(a)]}</i>{cut(spanWord(a), 80)}</span>;
