/**
 * The gateway's own credentials at a store: what it is before it takes anybody's role. From the default chain of the AWS
 * SDK (web identity, container, instance, profile), or from files (key-files.ts). They never leave the process.
 */
import { defaultProvider } from '@aws-sdk/credential-provider-node';

export interface BaseCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** There where they are themselves those of a session. */
  readonly sessionToken?: string;
  /** Asked for again ahead of this. */
  readonly expiration?: Date;
}

export interface BaseSource {
  /** Those that are good now; got anew ahead of their end while the old ones still serve. */
  readonly current: () => Promise<BaseCredentials>;
  /** Looks again, after a store has refused them. Resolves whether they are others now; never rejects. */
  readonly renew: () => Promise<boolean>;
}

const RENEWAL_PAUSE_MS = 5000;

/** Makes a source of credentials that never change. */
export function fixedSource(credentials: BaseCredentials): BaseSource {
  return { current: () => Promise.resolve(credentials), renew: () => Promise.resolve(false) };
}

/**
 * Makes a source of the default chain of the AWS SDK, which keeps what it found until five minutes before its end, and
 * reads each time anew the files of tokens that are rotated on disk. Nothing is looked for until it is asked.
 */
export function chainSource(region: string): BaseSource {
  const chain = defaultProvider();
  // Where the chain itself assumes a role, the STS of this region is asked, unless a profile names another one.
  const callerClientConfig = { region: () => Promise.resolve(region) };
  let known: BaseCredentials | undefined;
  let renewedAtMs = -Infinity;
  return {
    current: async () => {
      known = await chain({ callerClientConfig });
      return known;
    },
    renew: async () => {
      const refused = known?.accessKeyId;
      // A crowd of refused callers must not become a crowd of calls of a metadata service.
      if (performance.now() - renewedAtMs < RENEWAL_PAUSE_MS) return false;
      renewedAtMs = performance.now();
      try {
        known = await chain({ callerClientConfig, forceRefresh: true });
        return known.accessKeyId !== refused;
      } catch {
        // The caller reports the refusal that led here.
        return false;
      }
    },
  };
}
