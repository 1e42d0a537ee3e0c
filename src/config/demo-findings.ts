/** What of a configuration belongs to the demo. `serve` refuses to start while there is any of it. */
import type { Config, StoreAccessConfig } from './config.ts';

/** The first line of every seed that the demo makes. */
export const DEMO_SEED_LINE = 'sallyport-demo-seed:';

/** The path of the demo's issuer. */
const DEMO_ISSUER_PATH = '/sallyport-demo';

/** How the role of the demo's store ends. */
const DEMO_ROLE = ':role/sallyport-demo';

/** Lists the demo issuers, keys and stores of a configuration, one sentence each; empty for one that may serve. */
export const demoFindings = (
  config: StoreAccessConfig & Partial<Pick<Config, 'issuers' | 'sessions'>>,
): readonly string[] => [
  ...(config.issuers ?? [])
    .filter(({ issuer }) => {
      const { pathname } = new URL(issuer);
      return pathname === DEMO_ISSUER_PATH || pathname.startsWith(`${DEMO_ISSUER_PATH}/`);
    })
    .map(({ name }) => `issuers.${name} is the demo's identity provider, which gives tokens to anybody`),
  ...[...(config.keyring?.local?.versions ?? [])]
    .filter(([, seed]) => seed.revealBytes().toString('latin1').startsWith(DEMO_SEED_LINE))
    .map(([version]) => `keyring.local.versions.${version} is a demo key`),
  ...Object.entries(config.sessions?.keys ?? {})
    .filter(([, entry]) => entry?.key.revealBytes().toString('latin1').startsWith(DEMO_SEED_LINE) === true)
    .map(([name]) => `sessions.keys.${name} is a demo key`),
  ...config.buckets
    .filter(({ roleArn }) => roleArn.endsWith(DEMO_ROLE))
    .map(({ name }) => `buckets.${name} uses the role of the demo's store`),
];
