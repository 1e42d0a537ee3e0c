import assert from 'node:assert/strict';
import { chmod, lstat, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasProfile, withProfile, writeProfile, type AwsProfile } from '../../../src/client/aws-config.ts';

const profile: AwsProfile = {
  name: 'sallyport',
  credentialCommand: ['/opt/node', '/opt/sallyport/bin/sallyport.js', 'credentials', '--profile', 'default'],
  settings: { gateway: 'https://s3.example.com', region: 'eu-central-1' },
};
const other = { ...profile, settings: { ...profile.settings, region: 'us-east-1', caFile: '/etc/ä ca.pem' } };

describe('the AWS configuration of a person', () => {
  it('gets a profile and its services between marks', () => {
    const text = withProfile('', profile);
    assert.match(text, /^\[profile sallyport\]$/m);
    assert.match(text, /^credential_process = \/opt\/node .* credentials --profile default$/m);
    assert.match(text, /^\[services sallyport\]\ns3 =\n {2}endpoint_url = https:\/\/s3\.example\.com$/m);
    assert.ok(hasProfile(text, profile));
    assert.equal(hasProfile(text, other), false);
  });

  it('keeps every other byte, before and after, when the profile is written again', () => {
    const [before, after] = ['[default]\nregion = x \n# \xe4\xff\n\n', '\n[profile last]\r\nkey=1'];
    const first = before + withProfile('', profile) + after;
    const second = withProfile(first, other);
    assert.ok(second.startsWith(before) && second.endsWith(after));
    assert.equal(withProfile(second, profile), first);
  });

  it('gets what is added at its end, in its own kind of lines', () => {
    const windows = withProfile('[default]\r\nregion = x\r\n', profile);
    assert.ok(windows.startsWith('[default]\r\nregion = x\r\n\r\n#'));
    assert.equal(/[^\r]\n/.test(windows), false);
    assert.ok(withProfile('[default]', profile).startsWith('[default]\n\n#'));
  });

  it('loses no profile of that name that the person has written', () => {
    for (const text of ['[profile sallyport]\n', '  [profile   sallyport ]\n', '[services sallyport]\n']) {
      assert.throws(() => withProfile(text, profile), /already/);
      assert.throws(() => withProfile(withProfile('', profile) + text, profile), /already/);
    }
    withProfile('[profile sallyport2]\n', profile);
  });

  it('is left alone where its marks are damaged', () => {
    const text = withProfile('', profile);
    const [begin = '', end = ''] = [text.split('\n')[0], text.trimEnd().split('\n').at(-1)];
    for (const damaged of [
      text.replace(end, ''),
      text + text,
      text.replace('[profile', `${begin}\n[profile`),
      text.replace('[profile', `${end.replace('sallyport <', 'x <')}\n[profile`),
    ]) {
      assert.throws(() => withProfile(damaged, profile), /damaged/);
    }
  });

  it('gets no word that shells or splitters could read in another way', () => {
    const named = (word: string) => withProfile('', { ...profile, credentialCommand: [word, 'x'] });
    for (const word of ['/a"b', '/a$b', '/a`b', '/a\nb', '/a%PATH%', '/a!b']) {
      assert.throws(() => named(word), { name: 'ClientFailure' });
    }
    assert.match(named('/Program Files/node'), /= "\/Program Files\/node" x/);
    assert.match(named(String.raw`C:\Program Files\node.exe`), /= "C:\\Program Files\\node\.exe" x/);
  });

  it('gets no profile whose name could end the line, and never the default one', () => {
    for (const name of ['a]', 'a\n', 'default', '', '-a', 'a b']) {
      assert.throws(() => withProfile('', { ...profile, name }), { name: 'ClientFailure' });
    }
  });

  describe('as a file', () => {
    let folder: string;
    beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'sallyport-aws-'))));
    afterEach(() => rm(folder, { recursive: true }));

    it('is made for its owner alone', async () => {
      const path = join(folder, '.aws', 'config');
      await writeProfile(path, other);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      assert.match(await readFile(path, 'utf8'), /ca_bundle = \/etc\/ä ca\.pem/);
    });

    it('keeps its mode, its bytes and the link that leads to it', async () => {
      const [file, path] = [join(folder, 'dotfile'), join(folder, 'config')];
      const bytes = Buffer.from([0x23, 0xff, 0xfe, 0x00, 0xc3, 0x0a]);
      await writeFile(file, bytes);
      await chmod(file, 0o644);
      await symlink(file, path);
      await writeProfile(path, profile);
      assert.ok((await lstat(path)).isSymbolicLink());
      assert.equal((await stat(file)).mode & 0o777, 0o644);
      assert.ok((await readFile(file)).subarray(0, bytes.length).equals(bytes));
    });
  });
});
