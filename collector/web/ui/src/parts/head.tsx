import { Button, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import BarsIcon from '@patternfly/react-icons/dist/esm/icons/bars-icon';
import HistoryIcon from '@patternfly/react-icons/dist/esm/icons/history-icon';
import MoonIcon from '@patternfly/react-icons/dist/esm/icons/moon-icon';
import SunIcon from '@patternfly/react-icons/dist/esm/icons/sun-icon';
import { useEffect, useRef, useState } from 'react';
import { go, Link, to, useAt, useRoute } from '../route';
import { live, reader, theme, useCell, type Reader } from '../store';
import { READERS } from '../words';
import { asking } from './moment';
import { SearchBox } from './searchbox';

export function Head({ onMenu, open }: { onMenu: () => void; open: boolean }) {
  return (
    <header className="head">
      <Button variant="plain" aria-label="Pages" aria-expanded={open} aria-controls="pages" onClick={onMenu} icon={<BarsIcon />} />
      <Link href="/" className="brand" aria-label="Demarc, overview"><img src="/mark.svg" alt="" width="28" height="28" /><span>Demarc</span></Link>
      <Find />
      <span className="grow" />
      <ReaderSwitch />
      <Clock />
      <Live />
      <ThemeSwitch />
    </header>
  );
}

/** Find is the search box; "/" goes to it from anywhere. */
function Find() {
  const { page, query } = useRoute();
  const [text, setText] = useState(page === 'search' ? (query.get('q') ?? '') : '');
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key !== '/' || typing(e.target)) return;
      e.preventDefault();
      box.current?.focus();
    };
    window.addEventListener('keydown', key);
    return () => window.removeEventListener('keydown', key);
  }, []);
  return (
    <form role="search" className="find" onSubmit={(e) => { e.preventDefault(); if (text.trim()) go(to('search', '', { q: text.trim() })); }}>
      <SearchBox ref={box} label="Search everything" hint="Search everything   ( / )" value={text} put={setText} />
    </form>
  );
}

/** typing is whether keys belong to a field. */
export function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function ReaderSwitch() {
  const now = useCell(reader);
  return (
    <ToggleGroup aria-label="Worded for" isCompact className="readers">
      {(Object.keys(READERS) as Reader[]).map((r) => (
        <ToggleGroupItem key={r} text={READERS[r].name} buttonId={`reader-${r}`} isSelected={now === r} onChange={() => reader.set(r)} />
      ))}
    </ToggleGroup>
  );
}

/** Clock opens the choice of a moment. */
function Clock() {
  const at = useAt();
  const open = useCell(asking);
  return <Button variant="plain" aria-label="Another moment" aria-expanded={open || !!at} icon={<HistoryIcon />} onClick={() => asking.set(!open)} />;
}

const LIVE = { connecting: 'connecting', live: 'live', lost: 'reconnecting', past: 'the past' };

function Live() {
  const state = useCell(live);
  const now = useAt() ? 'past' : state;
  return <span className={`live ${now}`} role="status" id="live">{LIVE[now]}</span>;
}

function ThemeSwitch() {
  useCell(theme);
  const dark = () => document.documentElement.classList.contains('pf-v6-theme-dark');
  return (
    <Button
      variant="plain"
      aria-label="Dark or light"
      icon={theme.get() === 'light' ? <MoonIcon /> : <SunIcon />}
      onClick={() => theme.set(dark() ? 'light' : 'dark')}
    />
  );
}
