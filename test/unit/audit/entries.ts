import type { AuditDenial, AuditIntent, AuditOutcome, AuditRefusal } from '../../../src/contracts/audit-sink.ts';

export function intent(requestId: string, fields: Partial<AuditIntent> = {}): AuditIntent {
  return {
    entry: 'intent',
    time: '2026-11-21T10:00:00.000Z',
    requestId,
    issuer: 'https://id.example.com',
    subject: 'alice',
    groups: ['analytics'],
    tokenIdHash: '0123456789abcdef0123456789abcdef',
    clientAddress: '127.0.0.1',
    operation: 'GetObject',
    bucket: 'reports',
    key: '2026/q3.csv',
    decision: 'allow',
    rule: 'analytics/read',
    reason: 'analytics may read reports of 2026',
    policyVersion: 'v1',
    role: 'arn:aws:iam::000000000000:role/reports',
    sessionName: 'alice-3f2a',
    ...fields,
  };
}

export function outcome(requestId: string, fields: Partial<AuditOutcome> = {}): AuditOutcome {
  return {
    entry: 'outcome',
    time: '2026-11-21T10:00:00.050Z',
    requestId,
    result: 'completed',
    status: 200,
    bytesIn: 0,
    bytesOut: 1024,
    durationMs: 50,
    upstreamRequestId: 'UP-1',
    keyId: 'local:1',
    ...fields,
  };
}

export function denial(requestId: string, fields: Partial<AuditDenial> = {}): AuditDenial {
  return {
    ...intent(requestId),
    ...outcome(requestId, { result: 'denied', status: 403, bytesOut: 0, error: 'AccessDenied' }),
    time: '2026-11-21T10:00:00.000Z',
    entry: 'denial',
    decision: 'deny',
    rule: 'default-deny',
    ...fields,
  };
}

export function refusal(requestId: string, fields: Partial<AuditRefusal> = {}): AuditRefusal {
  return {
    entry: 'refusal',
    time: '2026-11-21T10:00:00.000Z',
    requestId,
    clientAddress: '127.0.0.1',
    method: 'GET',
    status: 401,
    error: 'InvalidToken',
    ...fields,
  };
}
