import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';

/** Things that must never be read in a log, of the kinds that pass through the gateway; new ones each time. */
export function makeSecrets(): Readonly<Record<string, string>> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part({ alg: 'HS256', typ: 'at+jwt' })}.${part({ sub: 'alice', aud: 'sallyport' })}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    jwt: `${body}.${createHmac('sha256', randomBytes(32)).update(body).digest('base64url')}`,
    jwe: `${part({ alg: 'dir', enc: 'A256GCM' })}..${randomBytes(12).toString('base64url')}.${randomBytes(90).toString('base64url')}.${randomBytes(16).toString('base64url')}`,
    shortJwt: `${part({ alg: 'HS256' })}.${part({ sub: 'a' })}.${randomBytes(8).toString('base64url')}`,
    opaque: randomBytes(12).toString('hex'),
    secretAccessKey: `aB3${randomBytes(30).toString('base64').slice(0, 37)}`,
    sessionToken: `IQoJb3JpZ2luX2Vj${randomBytes(300).toString('base64')}`,
    seed: `Zz9${randomBytes(32).toString('base64').slice(3)}`,
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    signature: randomBytes(32).toString('hex'),
    password: `correct-horse-${randomBytes(4).toString('hex')}`,
  };
}
