import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { runCommand } from '../../support/client/run-command.ts';

/** Every command below one, by the list in its help. */
const commandsBelow = async (path: readonly string[]): Promise<readonly (readonly string[])[]> => {
  const { stdout } = await runCommand([...path, '--help']);
  const [, list = ''] = /\nCommands:\n((?: {2}.*\n)+)/.exec(stdout) ?? [];
  const names = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
  const below = await Promise.all(names.map((name) => commandsBelow([...path, name])));
  return [...names.map((name) => [...path, name]), ...below.flat()];
};

describe('the command line', () => {
  let commands: readonly (readonly string[])[];
  before(async () => {
    commands = [[], ...(await commandsBelow([]))];
  });

  it('has the commands that its documents name', () => {
    const names = new Set(commands.map((path) => path.join(' ')));
    for (const name of [
      ...[
        'serve',
        'sidecar',
        'demo',
        'demo token',
        'keys status',
        'keys rotate',
        'keys rewrap',
        'migrate',
        'uploads prune',
        'inspect',
      ],
      ...['revoke token', 'revoke session', 'revoke subject', 'revoke issued-before', 'revocations list'],
      ...[
        'revocations lift',
        'grant',
        'grants list',
        'grants approve',
        'grants refuse',
        'grants end',
        'breakers list',
        'breakers close',
        'login',
        'configure',
        'whoami',
        'can-i',
        'doctor',
        'token',
        'credentials',
        'logout',
      ],
    ]) {
      assert.ok(names.has(name), name);
    }
  });

  it('shows for each command how it is used, with an example of it, on stdout', async () => {
    for (const path of commands) {
      const { code, stdout, stderr } = await runCommand([...path, '--help']);
      assert.deepEqual([code, stderr], [0, ''], path.join(' '));
      assert.match(stdout, /^Usage: sallyport/, path.join(' '));
      const example = new RegExp(`\\nExamples?[^\\n]*:\\n(?:.*\\n)*?.*\\bsallyport ${path.join(' ')}`);
      assert.match(stdout, example, path.join(' '));
    }
  });

  it('names the exit codes of each command that does something', async () => {
    for (const path of commands) {
      const { stdout } = await runCommand([...path, '--help']);
      if (!stdout.includes('\nCommands:\n')) assert.match(stdout, /\nExit codes: 0 /, path.join(' '));
    }
  });

  it('prints JSON where a program may want to read', async () => {
    for (const name of [
      ...[
        'keys status',
        'keys rotate',
        'keys rewrap',
        'migrate',
        'uploads prune',
        'inspect',
        'whoami',
        'can-i',
        'doctor',
        'demo',
      ],
      ...['revoke token', 'revoke session', 'revoke subject', 'revoke issued-before'],
      ...['revocations list', 'revocations lift'],
      ...['policy test', 'policy lint', 'policy explain', 'policy who', 'policy diff'],
    ]) {
      assert.match((await runCommand([...name.split(' '), '--help'])).stdout, /\n {2}--json /, name);
    }
  });

  describe('answers wrong arguments with one line and exit code 2:', () => {
    for (const line of [
      'nope',
      'serv',
      'serve',
      'serve --nope',
      'serve --config a extra',
      'serve --config /nowhere/none.yaml',
      'serve --config /nowhere/none.yaml --check',
      'sidecar --bucket',
      'demo --port x',
      'keys nope',
      'keys status --config /nowhere/none.yaml',
      'keys rewrap --config a',
      'keys rewrap --config a reports',
      'migrate --config a --concurrency 0 s3://reports',
      'inspect --config a s3://reports',
      'revoke token',
      'policy test',
      'policy lint --policies a --config b',
      'policy explain --policies a --as {} NOPE s3://reports/x',
      'policy explain --policies a GET s3://reports/x',
      'policy who --policies a reports GET',
      'policy diff /nowhere/a /nowhere/b',
      'revoke subject --config a --expires tomorrow alice',
      'revocations lift --config /nowhere/none.yaml abc',
      'login',
      'login --device --browser',
      'login --gateway http://s3.example --issuer https://id.example --client-id c',
      'login --gateway https://s3.example/x --issuer https://id.example --client-id c',
      'login --token-kind refresh',
      'configure --shell tcsh',
      'configure --aws-profile default',
      'configure --aws-profile a]b',
      'credentials --role ../x',
      'token extra',
      'whoami --profile ../x',
      'doctor --json=yes',
      'logout --all',
    ]) {
      it(line, async () => {
        const { code, stdout, stderr } = await runCommand(line.split(' '));
        assert.deepEqual([code, stdout], [2, '']);
        assert.match(stderr, /^sallyport: [^\n]+\n$/);
      });
    }
  });

  it('fails with exit code 1 and one line where nobody is logged in, but logs nobody out', async () => {
    for (const name of ['configure', 'whoami', 'doctor', 'token', 'credentials']) {
      const { code, stdout, stderr } = await runCommand([name]);
      assert.deepEqual([code, stdout], [1, ''], name);
      assert.equal(stderr, 'sallyport: nobody is logged in; log in: sallyport login\n');
    }
    const { code, stdout } = await runCommand(['logout']);
    assert.deepEqual([code, stdout], [0, 'Nobody was logged in.\n']);
  });

  it('lists several mistakes of a configuration one below the other', async () => {
    const { code, stderr } = await runCommand(['sidecar', '--subject', 'billing']);
    assert.equal(code, 2);
    assert.match(stderr, /^sallyport: the command line cannot be used:\n(?: {2}\S.*\n){3,}$/);
  });

  it('ends without a word where nobody reads on', async () => {
    const ended: number[] = [];
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const exit = (code: number): never => {
      ended.push(code);
      return undefined as never;
    };
    const { stderr } = await runCommand(['--help'], { stdout, exit });
    await setImmediate();
    assert.deepEqual([ended, stderr], [[1], '']);
  });
});
