/** What a token says of itself, for a person to read: nothing here decides anything. */
export interface UnverifiedClaims {
  readonly issuer?: string;
  readonly audiences: readonly string[];
  readonly expiresAtMs?: number;
}

/** Reads a JWT without verifying it; `undefined` where it is none. */
export function unverifiedClaims(token: string): UnverifiedClaims | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
    const { iss, aud, exp } = claims;
    const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
    return {
      audiences: audiences.filter((audience) => typeof audience === 'string'),
      ...(typeof iss === 'string' ? { issuer: iss } : {}),
      ...(typeof exp === 'number' ? { expiresAtMs: exp * 1000 } : {}),
    };
  } catch {
    return undefined;
  }
}
