/**
 * Looks at everything between a person and the first object, in the order in which it is needed, and says of each thing
 * whether it is right and, if not, how to fix it. Never: a token or a secret in a finding.
 */
import { readAwsConfig, hasProfile, type AwsProfile } from './aws-config.ts';
import { compareClocks, watchingTime } from './compare-clocks.ts';
import { createRequestSigner, EMPTY_PAYLOAD } from '../sigv4/signer.ts';
import type { SigningCredentials } from '../sigv4/signing-key.ts';
import { ClientFailure, reasonOf } from './failure.ts';
import type { Finding } from './finding.ts';
import { fetchCredentials, fetchWhoami, fetchWhoamiSigned, WHOAMI_PATH, type Whoami } from './gateway.ts';
import type { Http } from './http.ts';
import { openIssuer } from './issuer.ts';
import type { ProfilePaths } from './profile-paths.ts';
import { reach } from './reach.ts';
import type { Settings } from './settings.ts';
import { validToken, type ValidToken } from './tokens.ts';
import { unverifiedClaims } from './unverified-claims.ts';

export interface Patient {
  readonly paths: ProfilePaths;
  readonly settings: Settings;
  readonly http: Http;
  readonly awsProfile: AwsProfile;
  /** Whether calls leave by a proxy, so that a direct connection would say nothing. */
  readonly hasProxy: boolean;
}

/** Examines everything; what depends on something wrong is skipped. */
export async function examine(patient: Patient): Promise<readonly Finding[]> {
  const { settings, http, hasProxy } = patient;
  const findings: Finding[] = [];
  /** Adds what a step finds; gives what it makes for the steps after it. */
  const step = async <Made>(
    check: string,
    needs: unknown,
    examineIt: () => Promise<Step<Made>>,
  ): Promise<Made | undefined> => {
    if (needs === undefined) {
      findings.push({ check, state: 'skipped', found: 'fix the problems above first' });
      return undefined;
    }
    try {
      const { made, ...finding } = await examineIt();
      findings.push({ check, state: 'ok', ...finding });
      return made;
    } catch (error) {
      const remedy = error instanceof ClientFailure ? error.remedy : undefined;
      findings.push({
        check,
        state: 'wrong',
        found: error instanceof ClientFailure ? error.message : reasonOf(error),
        remedy,
      });
      return undefined;
    }
  };

  for (const [what, url] of [
    ['way to the issuer', settings.issuer],
    ['way to the gateway', settings.gateway],
  ] as const) {
    const { origin } = new URL(url);
    findings.push(
      hasProxy
        ? { check: what, state: 'skipped', found: `${origin} is reached by the proxy of the environment` }
        : await reach(what, origin, http.ca),
    );
  }
  const [issuerTime, gatewayTime] = [watchingTime(http), watchingTime(http)];
  const issuer = await step('issuer', '', () => examineIssuer({ ...patient, http: issuerTime.http }));
  const gateway = await step('gateway', '', () => examineGateway({ ...patient, http: gatewayTime.http }));
  await step('clock', issuer ?? gateway, () =>
    Promise.resolve(compareClocks(issuer && issuerTime.aheadMs(), gateway && gatewayTime.aheadMs())),
  );
  const token = await step('login', '', () => examineLogin(patient));
  const known = await step('audience', token && gateway && '', () => examineAudience(patient, token));
  const keys = await step('credentials', known, () => examineCredentials(patient, token));
  await step('signature', keys, () => examineSignature(patient, keys, known));
  await step('AWS profile', '', () => examineProfile(patient));
  return findings;
}

type Step<Made> = Omit<Finding, 'check' | 'state'> & { readonly state?: Finding['state']; readonly made?: Made };

async function examineIssuer({ settings, http }: Patient): Promise<Step<true>> {
  const metadata = (await openIssuer(settings, http)).serverMetadata();
  const able = [
    metadata.authorization_endpoint !== undefined && 'browser',
    metadata.device_authorization_endpoint !== undefined && 'device',
  ].filter((repair) => repair !== false);
  if (able.length === 0) throw new ClientFailure(`${settings.issuer} signs no people in`, 'check --issuer');
  const revokes = metadata.revocation_endpoint === undefined ? 'revokes nothing' : 'revokes';
  return { found: `${settings.issuer}, sign-in by ${able.join(' or ')}, ${revokes}`, made: true };
}

/** Without a token, a gateway says 401 in its own words. */
async function examineGateway({ settings, http }: Patient): Promise<Step<true>> {
  const { status, body } = await http.call(settings.gateway + WHOAMI_PATH);
  if (status !== 401 || !body.includes('"AccessDenied"')) {
    throw new ClientFailure(`${settings.gateway} answers ${status}, not like a gateway`, 'check --gateway');
  }
  return { found: `${settings.gateway} answers`, made: true };
}

async function examineLogin({ paths, settings, http }: Patient): Promise<Step<ValidToken>> {
  const token = await validToken(paths, settings, http);
  const until = token.expiresAtMs === undefined ? '' : ` until ${new Date(token.expiresAtMs).toISOString()}`;
  return { found: `a token${until}`, made: token };
}

async function examineAudience({ settings, http }: Patient, valid: ValidToken | undefined): Promise<Step<Whoami>> {
  const { token } = valid ?? { token: '' };
  const claims = unverifiedClaims(token);
  const said =
    claims === undefined
      ? 'a token that is no JWT'
      : `a token of ${claims.issuer ?? 'no issuer'} for ${claims.audiences.join(', ') || 'no audience'}`;
  try {
    const made = await fetchWhoami(http, settings.gateway, token);
    return { found: `the gateway takes ${said}, and you for ${made.subject} of ${made.issuerName}`, made };
  } catch (error) {
    if (!(error instanceof ClientFailure)) throw error;
    throw new ClientFailure(
      `${error.message} It was shown ${said}.`,
      'the gateway must have this issuer and this audience in its configuration; to be given another: --resource, ' +
        '--audience, or --token-kind id',
    );
  }
}

async function examineCredentials(
  { settings, http }: Patient,
  valid: ValidToken | undefined,
): Promise<Step<SigningCredentials>> {
  const issued = await fetchCredentials(http, settings.gateway, valid?.token ?? '');
  const made = {
    accessKeyId: issued.AccessKeyId,
    secretAccessKey: issued.SecretAccessKey,
    sessionToken: issued.Token,
  };
  return { found: `${issued.AccessKeyId} until ${issued.Expiration}`, made };
}

async function examineSignature(
  { settings: { gateway, region }, http }: Patient,
  keys: SigningCredentials | undefined,
  known: Whoami | undefined,
): Promise<Step<true>> {
  if (keys === undefined) throw new TypeError('no keys');
  const request = { method: 'GET', host: new URL(gateway).host, path: WHOAMI_PATH, query: [], headers: {}, region };
  const { headers } = createRequestSigner()({ ...request, payloadHash: EMPTY_PAYLOAD }, keys, Date.now());
  const { subject } = await fetchWhoamiSigned(http, gateway, headers);
  if (subject !== known?.subject) throw new ClientFailure('a signed call is taken for somebody else');
  return { found: `a signed call is taken for ${subject}`, made: true };
}

async function examineProfile({ paths, awsProfile }: Patient): Promise<Step<true>> {
  const [text] = await readAwsConfig(paths.awsConfigFile);
  if (hasProfile(text, awsProfile)) return { found: `${awsProfile.name} in ${paths.awsConfigFile}`, made: true };
  return {
    state: 'warning',
    found: `${paths.awsConfigFile} has no profile ${awsProfile.name} as it should be now`,
    remedy: 'write it: sallyport configure',
  };
}
