/** The rules across the keys of `sessions`. */
import { SESSION_SECONDS } from '../../contracts/store-access.ts';
import type { Explanation } from '../loading/explain.ts';
import { text, type Loose, type Report } from '../loading/loose.ts';
import { pathKey } from '../loading/path-key.ts';
import type { Files } from '../loading/read-files.ts';
import type { FileSessions } from './schema.ts';

/** Reports what does not fit together in `sessions`. */
export const checkSessions = (sessions: Loose<FileSessions>, report: Report): void => {
  if (!sessions) return;
  const { current, previous } = sessions.keys ?? {};
  if (previous && text(previous.id) !== undefined && previous.id === current?.id) {
    report(
      ['sessions', 'keys', 'previous', 'id'],
      'is also that of the current key; every key needs a name of its own',
    );
  }
  const {
    minSeconds: min = SESSION_SECONDS.min,
    defaultSeconds: usual = SESSION_SECONDS.usual,
    maxSeconds: max = SESSION_SECONDS.max,
  } = sessions;
  if (typeof usual === 'number' && typeof min === 'number' && usual < min) {
    report(['sessions', 'defaultSeconds'], 'must not be less than minSeconds');
  }
  if (typeof usual === 'number' && typeof max === 'number' && usual > max) {
    report(['sessions', 'defaultSeconds'], 'must not be more than maxSeconds');
  }
};

/** One key under two names would make two of what is one: it would never be taken out of use. */
export const checkSessionKeys = (files: Files): readonly Explanation[] => {
  const [current, previous] = ['current', 'previous'].map((name) =>
    files.get(pathKey(['sessions', 'keys', name, 'keyFile'])),
  );
  if (current === undefined || previous === undefined) return [];
  if (!current.revealBytes().equals(previous.revealBytes())) return [];
  const path = ['sessions', 'keys', 'previous', 'keyFile'];
  return [{ path, message: 'names a file with the current key; remove `previous`, or name another one' }];
};
