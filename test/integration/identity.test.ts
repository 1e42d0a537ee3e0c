import assert from 'node:assert/strict';
import { startProvider, type TestProvider } from '../support/identity/issuer.ts';
import { authenticatorFor, bearer, refusedWith, type Subject } from '../unit/identity/fixture.ts';

describe('bearer tokens of a real OpenID provider', () => {
  let provider: TestProvider;
  let authenticator: Subject['authenticator'];

  before(async () => {
    provider = await startProvider();
    const audiences = [provider.resource, provider.clientId];
    authenticator = authenticatorFor([{ issuer: provider.url, algorithms: ['RS256'], audiences }]).authenticator;
  });

  after(async () => {
    await authenticator.close();
    await provider.stop();
  });

  it('accepts a client-credentials access token for its resource', async () => {
    const principal = await authenticator.authenticate(bearer(await provider.clientCredentialsToken()));
    assert.equal(principal?.subject, 'ci-bot');
    assert.equal(principal.issuer, provider.url);
  });

  it('accepts the access token and the ID token of a person, as the same person', async () => {
    const { accessToken, idToken } = await provider.logIn('alice');
    const byAccessToken = await authenticator.authenticate(bearer(accessToken));
    const byIdToken = await authenticator.authenticate(bearer(idToken));
    assert.equal(byAccessToken?.subject, 'alice');
    assert.deepEqual(byAccessToken.groups, ['analytics']);
    assert.equal(byIdToken?.subject, 'alice');
    assert.deepEqual(byIdToken.groups, ['analytics']);
  });

  it('refuses its tokens where another audience is expected', async () => {
    const otherCaller = authenticatorFor([
      { issuer: provider.url, algorithms: ['RS256'], audiences: ['https://elsewhere.test/'] },
    ]).authenticator;
    try {
      await refusedWith('InvalidToken', otherCaller.authenticate(bearer(await provider.clientCredentialsToken())));
    } finally {
      await otherCaller.close();
    }
  });

  it('refuses the ID token where only access tokens are wanted', async () => {
    const strict = authenticatorFor([
      {
        issuer: provider.url,
        algorithms: ['RS256'],
        audiences: [provider.resource, provider.clientId],
        tokenTypes: ['at+jwt'],
      },
    ]).authenticator;
    try {
      const { accessToken, idToken } = await provider.logIn('bob');
      assert.equal((await strict.authenticate(bearer(accessToken)))?.subject, 'bob');
      await refusedWith('InvalidToken', strict.authenticate(bearer(idToken)));
    } finally {
      await strict.close();
    }
  });

  describe('that are opaque', () => {
    const withIntrospection = () =>
      authenticatorFor([
        {
          issuer: provider.url,
          algorithms: ['RS256'],
          audiences: [provider.opaqueResource],
          allowedClients: [provider.clientId],
          introspection: {
            clientId: provider.introspector.id,
            clientSecret: { reveal: () => provider.introspector.secret },
            authentication: 'client_secret_basic',
            ...{ endpoint: undefined, prefix: undefined, jwts: false, cacheSeconds: 5, sessionSeconds: 900 },
          },
        },
      ]);

    it('are who the provider says, until it says otherwise, and are known no longer than was requested', async () => {
      const { authenticator: tested, clock } = withIntrospection();
      try {
        const { accessToken } = await provider.logIn('alice', provider.opaqueResource);
        assert.ok(!accessToken.includes('.'));
        const principal = await tested.authenticate(bearer(accessToken));
        assert.deepEqual([principal?.subject, principal?.issuer], ['alice', provider.url]);
        assert.deepEqual(principal?.groups, ['analytics']);
        await provider.revoke(accessToken);
        clock.advance(5);
        await refusedWith('InvalidToken', tested.authenticate(bearer(accessToken)));
      } finally {
        await tested.close();
      }
    });

    it('are refused for another audience, and when nobody made them', async () => {
      const { authenticator: tested } = withIntrospection();
      try {
        await refusedWith('InvalidToken', tested.authenticate(bearer('made-up-by-nobody')));
        const { idToken, accessToken } = await provider.logIn('alice');
        for (const token of [idToken, accessToken]) {
          await refusedWith('InvalidToken', tested.authenticate(bearer(token)));
        }
      } finally {
        await tested.close();
      }
    });
  });
});
