import assert from 'node:assert/strict';
import { pathsOf } from '../../../src/client/profile-paths.ts';
import { hasBrowser } from '../../../src/client/open-browser.ts';

describe('the places of a person', () => {
  const at = (platform: string, home: string, env: Record<string, string> = {}) =>
    pathsOf({ platform, home, env }, 'work').sessionFile;

  it('follow the customs of each system', () => {
    assert.equal(at('linux', '/home/al'), '/home/al/.config/sallyport/work.session.json');
    assert.equal(at('linux', '/home/al', { XDG_CONFIG_HOME: '/x' }), '/x/sallyport/work.session.json');
    assert.equal(at('darwin', '/Users/al'), '/Users/al/Library/Application Support/sallyport/work.session.json');
    assert.equal(
      at('win32', String.raw`C:\Users\al`),
      String.raw`C:\Users\al\AppData\Local\sallyport\work.session.json`,
    );
    assert.equal(
      at('win32', String.raw`C:\Users\al`, { LOCALAPPDATA: String.raw`D:\local` }),
      String.raw`D:\local\sallyport\work.session.json`,
    );
  });

  it('are where the person says, relative paths of XDG aside', () => {
    assert.equal(at('linux', '/home/al', { SALLYPORT_CLIENT_HOME: '/s' }), '/s/work.session.json');
    assert.equal(at('linux', '/home/al', { XDG_CONFIG_HOME: 'x' }), '/home/al/.config/sallyport/work.session.json');
    const { awsConfigFile } = pathsOf({ platform: 'linux', home: '/h', env: { AWS_CONFIG_FILE: '/a/b' } }, 'work');
    assert.equal(awsConfigFile, '/a/b');
  });

  it('know of modes where there are some', () => {
    assert.equal(pathsOf({ platform: 'win32', home: 'C:', env: {} }, 'work').knowsModes, false);
    assert.equal(pathsOf({ platform: 'darwin', home: '/', env: {} }, 'work').knowsModes, true);
  });

  it('lie nowhere else by the name of a profile', () => {
    for (const name of ['../x', 'a/b', String.raw`a\b`, '.x', '-x', '', 'a b', 'x'.repeat(65), 'a\nb', 'C:x']) {
      assert.throws(() => pathsOf({ platform: 'linux', home: '/h', env: {} }, name), { name: 'ClientFailure' });
    }
  });

  it('have a browser only where somebody would see it', () => {
    const on = (platform: string, env: Record<string, string> = {}) => hasBrowser({ platform, home: '/', env });
    assert.deepEqual(
      [on('darwin'), on('win32'), on('linux'), on('linux', { DISPLAY: ':0' })],
      [true, true, false, true],
    );
    assert.deepEqual(
      [on('darwin', { SSH_CONNECTION: 'x' }), on('linux', { DISPLAY: ':0', CI: 'true' })],
      [false, false],
    );
  });
});
