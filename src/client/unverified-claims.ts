/** What a token says of itself, for a person to read: nothing here decides what anybody may do. */
export interface UnverifiedClaims {
  readonly issuer?: string;
  readonly audiences: readonly string[];
  readonly expiresAtMs?: number;
  /** Of the login that it came out of, where the issuer names it. */
  readonly sessionId?: string;
}

/** Reads a JWT without verifying it; `undefined` where it is none. */
export function unverifiedClaims(token: string): UnverifiedClaims | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
    const { iss, aud, exp, sid } = claims;
    const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
    return {
      audiences: audiences.filter((audience) => typeof audience === 'string'),
      ...(typeof iss === 'string' ? { issuer: iss } : {}),
      ...(typeof exp === 'number' ? { expiresAtMs: exp * 1000 } : {}),
      ...(typeof sid === 'string' ? { sessionId: sid } : {}),
    };
  } catch {
    return undefined;
  }
}
