import type {
  AuditDenial,
  AuditIntent,
  AuditItemDenial,
  AuditItemIntent,
  AuditOutcome,
  AuditRefusal,
  AuditRequest,
} from '../../../src/contracts/audit-sink.ts';

/** Who asks for what, and why it may; what is denied has no more. */
function meant(requestId: string): Omit<AuditIntent, 'entry' | 'role' | 'sessionName'> {
  return {
    time: '2026-11-21T10:00:00.000Z',
    requestId,
    issuer: 'https://id.example.com',
    issuerName: 'demo',
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
  };
}

export function intent(requestId: string, fields: Partial<AuditIntent> = {}): AuditIntent {
  return {
    entry: 'intent',
    ...meant(requestId),
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
    ...meant(requestId),
    ...outcome(requestId, { result: 'denied', status: 403, bytesOut: 0, error: 'AccessDenied' }),
    time: '2026-11-21T10:00:00.000Z',
    entry: 'denial',
    decision: 'deny',
    rule: 'default-deny',
    ...fields,
  };
}

/** Who asks for several accesses at once. */
export function request(requestId: string, items: number, fields: Partial<AuditRequest> = {}): AuditRequest {
  const { issuer, issuerName = '', subject, groups, tokenIdHash, clientAddress } = intent(requestId);
  return {
    ...{ entry: 'request', time: '2026-11-21T10:00:00.000Z', requestId },
    ...{ issuer, issuerName, subject, groups, tokenIdHash, clientAddress, operation: 'DeleteObjects', items },
    ...fields,
  };
}

export function itemIntent(requestId: string, item: number, key: string): AuditItemIntent {
  const { entry, time, bucket, decision, rule, reason, policyVersion } = intent(requestId);
  return { entry, time, requestId, item, bucket, key, decision, rule, reason, policyVersion };
}

export function itemDenial(requestId: string, item: number, key: string): AuditItemDenial {
  const { result, status, bytesIn, bytesOut, durationMs, error } = denial(requestId);
  const refused = {
    ...itemIntent(requestId, item, key),
    decision: 'deny',
    rule: 'default-deny',
    entry: 'denial',
  } as const;
  return { ...refused, result, status, bytesIn, bytesOut, durationMs, ...(error === undefined ? {} : { error }) };
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
