/**
 * What `sallyport demo` prints when everything runs: where things are, and commands to copy.
 */
import { join, relative } from 'node:path';
import type { DemoStack } from './demo-stack.ts';

/** All that policy grants; the id of a policy in its place asks for that one only. */
const DEMO_ROLE = 'arn:aws:iam::000000000000:role/sallyport';

/** As in demo/identity-provider, which only the demo itself may load. */
const DEMO_CLIENT_ID = 'sallyport-cli';

/** The facts of a running demo, for `--json`. */
export interface DemoFacts {
  readonly front: string | undefined;
  readonly admin: string;
  readonly issuer: string;
  readonly store: string | undefined;
  readonly ca: string;
  readonly data: string;
  readonly stored: string;
  readonly audit: string;
  readonly logs: string;
  readonly gatewaySocket: string;
}

export function demoFacts(stack: DemoStack): DemoFacts {
  return {
    front: stack.front === undefined ? undefined : stack.frontUrl,
    admin: `http://127.0.0.1:${stack.ports.admin}`,
    issuer: stack.identityProvider.issuer,
    store: stack.store?.endpoint,
    ca: stack.caFile,
    data: stack.dataDirectory,
    stored: join(stack.dataDirectory, 'store'),
    audit: stack.auditDirectory,
    logs: stack.logDirectory,
    gatewaySocket: stack.gatewaySocket,
  };
}

/** `dataOption` is the value of `--data`, which `demo token` then needs as well. */
export function demoBanner(
  facts: DemoFacts,
  proofs: readonly string[],
  cwd: string,
  dataOption: string | undefined,
): string {
  const short = (path: string) => {
    const near = relative(cwd, path);
    return quote(near.startsWith('..') || near === '' ? path : near);
  };
  const front =
    facts.front === undefined
      ? { curl: `curl --unix-socket ${short(facts.gatewaySocket)}`, url: 'http://localhost' }
      : { curl: `curl --cacert ${short(facts.ca)}`, url: facts.front };
  const call = (rest: string) => `${front.curl} -H "Authorization: Bearer $TOKEN" ${rest}`;
  const where = dataOption === undefined ? '' : ` --data ${quote(dataOption)}`;
  const as = (name: string) => `TOKEN=$(npx sallyport demo token ${name}${where})`;
  return `
Sallyport demo: for trying out, on this machine only. Keep nothing of value in it.

${facts.front === undefined ? '  No HAProxy here, so there is no TLS front; install it with: apt-get install haproxy\n' : `  S3, by HAProxy      ${facts.front}   CA: ${short(facts.ca)}\n`}  health, metrics     ${facts.admin}/healthz /readyz /metrics
  identity provider   ${facts.issuer}
  S3 + STS, embedded  ${facts.store ?? 'none'}

  stored ciphertext   ${short(facts.stored)}
  audit               ${short(facts.audit)}
  logs                ${short(facts.logs)}

Checked just now: ${proofs.join('; ')}.

# alice, group analytics: GET, PUT and LIST in reports under 2026/, never DELETE
${as('alice')}
echo 'region,total' > q3.csv
${call(`-T q3.csv ${front.url}/reports/2026/q3.csv`)}
${call(`${front.url}/reports/2026/q3.csv`)}
${call(`'${front.url}/reports?list-type=2&prefix=2026/'`)}
${call(`-X DELETE ${front.url}/reports/2026/q3.csv`)}   # 403

# bob, group admins: everything in reports and artifacts
${as('bob')}
${call(`-T q3.csv ${front.url}/artifacts/build-1.tar`)}
${call(`-X DELETE ${front.url}/reports/2026/q3.csv`)}

# ci-bot, client credentials: GET in artifacts
${as('ci-bot')}
${call(`${front.url}/artifacts/build-1.tar`)}

${facts.front === undefined ? '' : sdkBlock(facts.front, short(facts.ca), `npx sallyport demo token alice${where}`) + peopleBlock(facts, facts.front, short)}Ctrl-C stops everything.
`;
}

/** The variables that the AWS CLI and the SDKs know by themselves, and the way of those that do not know them yet. */
function sdkBlock(url: string, ca: string, token: string): string {
  return `# AWS CLI >= 2.13 and SDKs, as alice: they trade the token for credentials of the gateway themselves (older ones know
# neither endpoint variable and would send the token to AWS: give those the credentials of the last command)
${token} > alice.jwt
export AWS_ENDPOINT_URL=${url} AWS_ENDPOINT_URL_STS=${url}
export AWS_CA_BUNDLE=${ca} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_ROLE_ARN=${DEMO_ROLE} AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/alice.jwt
aws s3 cp q3.csv s3://reports/2026/q3.csv
aws s3 ls s3://reports/2026/
# and any other client that signs: rclone, s3cmd, older ones (credentials end with the token)
aws --endpoint-url ${url} --no-sign-request sts assume-role-with-web-identity \\
  --role-arn ${DEMO_ROLE} --role-session-name demo --web-identity-token "$(cat alice.jwt)"

`;
}

/** The way of people: a browser, or a code to type in on another device, and a profile from then on. */
function peopleBlock({ issuer, ca, data }: DemoFacts, url: string, short: (path: string) => string): string {
  return `# as a person: sign in with alice's password (in ${short(join(data, 'secrets', 'demo.json'))}), then use AWS tools by profile
npx sallyport login --profile demo --gateway ${url} --issuer ${issuer} \\
  --client-id ${DEMO_CLIENT_ID} --scopes 'openid groups offline_access' --ca-file ${short(ca)}
npx sallyport configure --profile demo --aws-profile sallyport-demo
aws --profile sallyport-demo s3 ls s3://reports/2026/

`;
}

/** For a shell, where it needs to be. */
function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
