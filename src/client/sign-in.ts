/**
 * A person proves to the issuer who they are; what is granted comes here. In a browser on this machine (authorization code
 * with PKCE), or on any other device by a code that is shown here (RFC 8628). Never: a token on the way through a browser.
 */
import * as oidc from 'openid-client';
import { ClientFailure, printable } from './failure.ts';
import { apiParameters, issuerFailure, type Granted, type Issuer } from './issuer.ts';
import { openLoopbackRedirect } from './loopback-redirect.ts';
import { safeUrl } from './safe-url.ts';
import type { Settings } from './settings.ts';

const BROWSER_LIMIT_MS = 300_000;
const DEVICE_LIMIT_MS = 900_000;

/** Shows the person where to sign in. */
export type Show = (page: { readonly url: URL; readonly code: string | undefined }) => Promise<void>;

/**
 * Signs in by a browser on this machine.
 * @throws ClientFailure refused, too late, or answered by another issuer than was asked
 * @see RFC 8252, RFC 7636, RFC 9207
 */
export async function signInByBrowser(
  issuer: Issuer,
  settings: Settings,
  show: Show,
  limitMs = BROWSER_LIMIT_MS,
): Promise<Granted> {
  if (issuer.serverMetadata().authorization_endpoint === undefined) {
    throw new ClientFailure(`${settings.issuer} signs nobody in by a browser`, 'try --device');
  }
  const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
  const redirect = await openLoopbackRedirect(state, limitMs);
  try {
    const wantsIdToken = settings.scopes.split(' ').includes('openid');
    const url = oidc.buildAuthorizationUrl(issuer, {
      redirect_uri: redirect.uri,
      scope: settings.scopes,
      state,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(wantsIdToken ? { nonce } : {}),
      ...(settings.prompt === undefined ? {} : { prompt: settings.prompt }),
      ...apiParameters(settings),
    });
    await show({ url, code: undefined });
    const answer = await redirect.answer();
    // It also refuses an answer whose `iss` is another issuer, or is missing where the issuer says that it sends one.
    return await oidc.authorizationCodeGrant(
      issuer,
      answer,
      {
        expectedState: state,
        pkceCodeVerifier: verifier,
        ...(wantsIdToken ? { expectedNonce: nonce, idTokenExpected: true } : {}),
      },
      apiParameters(settings),
    );
  } catch (error) {
    throw issuerFailure(error, 'the sign-in failed');
  } finally {
    await redirect.close();
  }
}

/** Signs in on any device. @throws ClientFailure refused, or too late @see RFC 8628 */
export async function signInByDevice(issuer: Issuer, settings: Settings, show: Show): Promise<Granted> {
  if (issuer.serverMetadata().device_authorization_endpoint === undefined) {
    throw new ClientFailure(`${settings.issuer} has no device flow`, 'try --browser on a machine that has one');
  }
  try {
    const verifier = oidc.randomPKCECodeVerifier();
    // No part of RFC 8628, whose servers ignore what they do not know. Keycloak demands it of clients that must show PKCE.
    const parameters = {
      scope: settings.scopes,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...apiParameters(settings),
    };
    const device = await oidc.initiateDeviceAuthorization(issuer, parameters);
    const { user_code: code, verification_uri: plain, verification_uri_complete: complete } = device;
    await show({ url: safeUrl(complete ?? plain, 'the page to sign in'), code: printable(code, 64) });
    const signal = AbortSignal.timeout(DEVICE_LIMIT_MS);
    const proofs = { code_verifier: verifier, ...apiParameters(settings) };
    return await oidc.pollDeviceAuthorizationGrant(issuer, device, proofs, { signal });
  } catch (error) {
    throw issuerFailure(error, 'the sign-in failed');
  }
}
