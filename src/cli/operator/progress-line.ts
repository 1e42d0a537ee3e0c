/** How far a run is, on stderr: a bar that is drawn over and over on a terminal, else a line every few seconds. */
import type { Progress } from '../../operate/progress.ts';

export interface ProgressLine extends Progress {
  /** Whether it is drawn on a terminal. */
  readonly isLive: boolean;
  readonly end: () => void;
}

const BAR_CHARS = 30;
const LIVE_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 5000;

/** Begins it. Nothing is written before the first interval has passed. */
export function createProgressLine(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }): ProgressLine {
  const isLive = stream.isTTY === true;
  let expected = 0;
  let seen = 0;
  let drawn = false;
  const text = (): string => {
    const count = expected === 0 ? `${seen}` : `${seen} of ${expected}`;
    return `${count} versions looked at`;
  };
  const draw = (): void => {
    if (seen === 0) return;
    drawn = true;
    if (!isLive) stream.write(`${text()}\n`);
    else stream.write(`\r\u001b[2K${expected === 0 ? '' : `${bar(seen / expected)} `}${text()}`);
  };
  const timer = setInterval(draw, isLive ? LIVE_INTERVAL_MS : LINE_INTERVAL_MS);
  timer.unref();
  return {
    isLive,
    expect: (versions) => {
      expected += versions;
    },
    step: () => {
      seen += 1;
    },
    end: () => {
      clearInterval(timer);
      if (isLive && drawn) stream.write('\r\u001b[2K');
    },
  };
}

function bar(part: number): string {
  const full = Math.min(BAR_CHARS, Math.round(part * BAR_CHARS));
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_CHARS - full)}]`;
}
