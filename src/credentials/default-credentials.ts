/**
 * The default chain of the AWS SDK, for what is no store: variables, files, web identity, container, instance. Credentials
 * are kept, and got anew ahead of their end, by the SDK.
 */
import { STSClient } from '@aws-sdk/client-sts';
import type { BaseCredentials } from './assume-role.ts';

/** Makes the chain for a region; nothing is looked for until it is asked. */
export function createDefaultCredentials(region: string): () => Promise<BaseCredentials> {
  const client = new STSClient({ region });
  return () => client.config.credentials();
}
