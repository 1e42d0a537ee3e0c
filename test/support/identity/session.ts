/** Credentials of the gateway's own STS, for tests that sign. */
import type { TestKeys } from '../store/store-client.ts';

/** Trades a token for a session. @throws Error with the answer, where there are no credentials in it */
export async function sessionOf(
  origin: string,
  token: string,
  roleArn = 'arn:aws:iam::000000000000:role/sallyport',
): Promise<Required<TestKeys>> {
  const answer = await fetch(`${origin}/`, {
    method: 'POST',
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: roleArn,
      RoleSessionName: 'test',
      WebIdentityToken: token,
    }),
  });
  const document = await answer.text();
  const field = (name: string): string => {
    const value = new RegExp(`<${name}>([^<]+)</${name}>`).exec(document)?.[1];
    if (value === undefined) throw new Error(`no ${name}: ${document}`);
    return value;
  };
  return {
    accessKeyId: field('AccessKeyId'),
    secretAccessKey: field('SecretAccessKey'),
    sessionToken: field('SessionToken'),
  };
}
