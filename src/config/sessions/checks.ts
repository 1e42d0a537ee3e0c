/** The rules across the keys of `sessions`. */
import { SESSION_SECONDS } from '../../contracts/store-access.ts';
import { text, type Loose, type Report } from '../loading/loose.ts';
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
  if (previous && text(previous.keyFile) !== undefined && previous.keyFile === current?.keyFile) {
    report(['sessions', 'keys', 'previous', 'keyFile'], 'is also that of the current key; remove `previous`');
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
