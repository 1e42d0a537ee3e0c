import { describeCases } from '../wrong-keys.ts';

const KEY = { id: 'k1', keyFile: 'seed' };
const SESSIONS = { deploymentId: 'test', keys: { current: KEY } };

describeCases('config/sessions/checks', {
  'sessions of our own': [
    ['may be absent', {}, []],
    ['have a key and the name of a deployment', { sessions: SESSIONS }, []],
    ['have both', { sessions: {} }, ['sessions.deploymentId', 'sessions.keys']],
    [
      'have a previous key of another name',
      { sessions: { ...SESSIONS, keys: { current: KEY, previous: { ...KEY, keyFile: 'secret' } } } },
      ['sessions.keys.previous.id'],
    ],
    [
      'have a previous key of another file',
      { sessions: { ...SESSIONS, keys: { current: KEY, previous: { ...KEY, id: 'k2' } } } },
      ['sessions.keys.previous.keyFile'],
    ],
    ['last no shorter than the shortest', { sessions: { ...SESSIONS, minSeconds: 3601 } }, ['sessions.defaultSeconds']],
    ['last no longer than the longest', { sessions: { ...SESSIONS, maxSeconds: 1800 } }, ['sessions.defaultSeconds']],
    ['last 12 hours at most', { sessions: { ...SESSIONS, maxSeconds: 43_201 } }, ['sessions.maxSeconds']],
    [
      'have a key of 32 bytes at least',
      { sessions: { ...SESSIONS, keys: { current: { id: 'k1', keyFile: 'id' } } } },
      ['sessions.keys.current.keyFile'],
    ],
    [
      'have keys with plain names',
      { sessions: { ...SESSIONS, keys: { current: { ...KEY, id: 'k 1' } } } },
      ['sessions.keys.current.id'],
    ],
  ],
});
