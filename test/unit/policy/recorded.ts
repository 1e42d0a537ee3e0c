import type { RecordedAccess } from '../../../src/policy/analysis/replay.ts';

/** A record of a GET of 2026/q3.csv in reports that was allowed. */
export function recorded(changes: Partial<RecordedAccess> = {}): RecordedAccess {
  return {
    ...{ time: '2026-12-15T12:00:00.000Z', requestId: 'R', issuer: 'https://idp.example', issuerName: 'demo' },
    ...{ subject: 'ann', groups: ['staff'], tokenIdHash: '00', clientAddress: '10.0.0.1', operation: 'GetObject' },
    ...{ wayIn: 'bearer', bucket: 'reports', key: '2026/q3.csv', verbs: ['GET'], decision: 'allow', rule: 'p/r0' },
    ...{ reason: '', policyVersion: 'v1' },
    ...changes,
  };
}

/** The same object without one of its fields. */
export function without<Fields extends object, Name extends string & keyof Fields>(
  fields: Fields,
  name: Name,
): Omit<Fields, Name> {
  return Object.fromEntries(Object.entries(fields).filter(([each]) => each !== name)) as Omit<Fields, Name>;
}
