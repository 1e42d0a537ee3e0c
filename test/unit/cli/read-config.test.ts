import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFile } from '../../../src/cli/read-config.ts';
import { runCommand } from '../../support/client/run-command.ts';

describe('the configuration of a command', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-read-config-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('is the file that is named, else the usual one where it exists, else none', async () => {
    const usual = join(folder, 'sallyport.yaml');
    const io = { cwd: folder };
    assert.equal(configFile(io, 'other.yaml', usual), join(folder, 'other.yaml'));
    assert.equal(configFile(io, undefined, usual), undefined);
    assert.equal(configFile(io, undefined, join(usual, 'below')), undefined);
    await writeFile(usual, '');
    assert.equal(configFile(io, undefined, usual), usual);
    assert.equal(configFile(io, 'other.yaml', usual), join(folder, 'other.yaml'));
  });

  const commands = [
    'serve',
    'sidecar',
    'keys status',
    'policy test',
    'policy explain --request-id r',
    'doctor --store main',
  ];
  for (const command of commands.map((words) => words.split(' '))) {
    it(`is asked for in one line by ${command.join(' ')} where there is none`, async () => {
      const { code, stderr } = await runCommand(command, { cwd: folder });
      assert.equal(code, 2);
      assert.match(stderr, /^sallyport: no configuration: [^\n]*--config[^\n]*SALLYPORT_BUCKETS[^\n]*\n$/);
    });

    it(`is what variables say for ${command.join(' ')}, of which each mistake is named`, async () => {
      const { code, stderr } = await runCommand(command, { cwd: folder, env: { SALLYPORT_BUCKET: 'reports' } });
      assert.equal(code, 2);
      assert.match(
        stderr,
        /^sallyport: the environment cannot be used:\n {2}SALLYPORT_BUCKET: .*SALLYPORT_BUCKETS meant/,
      );
    });
  }

  it('is not taken from what is meant for HAProxy alone', async () => {
    const { stderr } = await runCommand(['serve'], { cwd: folder, env: { SALLYPORT_FRONT: ':443' } });
    assert.match(stderr, /no configuration/);
  });
});
