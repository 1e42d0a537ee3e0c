/**
 * The commands of people run on macOS and Windows, where these tests do not. So their module graph is read, from
 * `people-commands.ts` down: whatever is not known to be the same on every system must not be in it.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../../..');
const ENTRY = join(root, 'src/cli/client/commands.ts');

/** Of Node, what is the same everywhere, or is made so where it is used. */
const NODE_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['spawn'],
  'node:crypto': ['createHmac', 'createSecretKey', 'hash', 'randomBytes', 'timingSafeEqual'],
  'node:dns/promises': ['lookup'],
  'node:events': ['once'],
  'node:fs/promises': ['link', 'mkdir', 'open', 'readFile', 'realpath', 'rename', 'rm', 'stat'],
  'node:http': ['createServer'],
  'node:net': ['isIP', 'connect'],
  'node:path': ['dirname', 'posix', 'resolve', 'win32'],
  'node:timers/promises': ['setTimeout'],
  'node:tls': ['connect', 'getCACertificates'],
};
const PACKAGES = ['commander', 'openid-client', 'undici', 'zod'];
/** Who may use what is not the same everywhere, and sees to that. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['src/client/open-browser.ts'],
  // Both, and chosen by platform.
  posix: ['src/client/profile-paths.ts'],
  win32: ['src/client/profile-paths.ts', 'src/client/open-browser.ts'],
  // A mode keeps nobody out on Windows: read where the system knows of modes, and written besides.
  mode: [
    ...['src/client/private-file.ts', 'src/client/file-lock.ts', 'src/client/aws-config.ts'],
    ...['src/platform/durable-file.ts', 'src/platform/file-lock.ts'],
  ],
  // A hard link, of which a failure is borne.
  link: ['src/platform/file-lock.ts'],
};
/** Names of properties, variables and options that mean Unix. */
const UNIX_ONLY = [
  ...['process', 'getuid', 'geteuid', 'getgid', 'getegid', 'setuid', 'setgid', 'umask', 'userInfo', 'kill'],
  ...['chown', 'lchown', 'chmodSync', 'symlink', 'mkfifo', 'O_NONBLOCK', 'O_NOFOLLOW', 'constants'],
  ...['socketPath', 'onSignal', 'onParentExit', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTERM', 'execPath'],
  ...['ino', 'uid', 'gid', 'execFile', 'fork', 'HOME', 'USER', 'TMPDIR'],
];

interface Module {
  readonly name: string;
  readonly source: ts.SourceFile;
}

const valueImports = ({ source }: Module): readonly (readonly [from: string, names: readonly string[] | '*'])[] =>
  source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const clause = statement.importClause;
    if (clause?.phaseModifier === ts.SyntaxKind.TypeKeyword) return [];
    const bindings = clause?.namedBindings;
    const names =
      bindings !== undefined && ts.isNamedImports(bindings)
        ? bindings.elements.filter(({ isTypeOnly }) => !isTypeOnly).map((each) => (each.propertyName ?? each.name).text)
        : '*';
    return [[statement.moduleSpecifier.text, names] as const];
  });

const nodesOf = (node: ts.Node): readonly ts.Node[] => {
  const found: ts.Node[] = [node];
  ts.forEachChild(node, (child) => void found.push(...nodesOf(child)));
  return found;
};

describe('the commands of people', () => {
  const modules: Module[] = [];

  const read = async (path: string): Promise<void> => {
    const name = relative(root, path);
    if (modules.some((module) => module.name === name)) return;
    const source = ts.createSourceFile(name, await readFile(path, 'utf8'), ts.ScriptTarget.Latest, true);
    const module = { name, source };
    modules.push(module);
    for (const [from] of valueImports(module)) {
      if (from.startsWith('.')) await read(join(dirname(path), from));
    }
  };
  before(() => read(ENTRY));

  it('are all there', () => {
    const names = modules.map(({ name }) => name);
    assert.ok(names.length >= 30, names.join());
    for (const name of ['can-i', 'configure', 'credentials', 'doctor', 'login', 'logout', 'token', 'whoami']) {
      assert.ok(names.includes(`src/cli/client/${name}.ts`), name);
    }
    for (const name of names)
      assert.match(name, /^src\/(?:cli|client|platform|sigv4|s3\/encode|s3\/operations\/verb|operate\/location)\b/);
  });

  it('load nothing later, or otherwise, than by the imports that are read here', () => {
    for (const { name, source } of modules) {
      const calls = nodesOf(source).filter(ts.isCallExpression);
      for (const { expression } of calls) {
        assert.notEqual(expression.kind, ts.SyntaxKind.ImportKeyword, name);
        assert.ok(!ts.isIdentifier(expression) || expression.text !== 'require', name);
      }
    }
  });

  it('use of Node and of other packages only what every system has', () => {
    for (const module of modules) {
      for (const [from, names] of valueImports(module)) {
        if (from.startsWith('.')) continue;
        const where = `${module.name}: ${from}`;
        const allowed = NODE_IMPORTS[from];
        if (allowed === undefined) assert.ok(PACKAGES.includes(from), where);
        else {
          assert.ok(names !== '*', `${where} as a whole`);
          for (const name of names) {
            assert.ok(allowed.includes(name), `${where}: ${name}`);
            for (const key of [from, name]) {
              const only = ONLY_IN[key];
              assert.ok(only === undefined || only.includes(module.name), `${where}: ${name}`);
            }
          }
        }
      }
    }
  });

  it('name nothing that only Unix has: signals, users, sockets in the file system, shells', () => {
    for (const { name, source } of modules.filter(({ name: file }) => file !== 'src/cli/io.ts')) {
      for (const node of nodesOf(source)) {
        if (ts.isIdentifier(node) || ts.isStringLiteralLike(node)) {
          assert.ok(!UNIX_ONLY.includes(node.text), `${name}: ${node.text}`);
          // An option of `spawn`, which one module may use.
          assert.ok(name !== 'src/client/open-browser.ts' || node.text !== 'shell', name);
        }
      }
    }
  });

  it('put no paths together with slashes, and name no folder of one system', () => {
    const files = modules.filter((module) => valueImports(module).some(([from]) => from === 'node:fs/promises'));
    assert.ok(files.length >= 4);
    for (const { name, source } of files) {
      for (const node of nodesOf(source)) {
        const isText =
          ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
        const isModule = isText && ts.isImportDeclaration(node.parent);
        if (isText && !isModule) assert.doesNotMatch(node.text, /[/\\](?!\?)/, `${name}: ${node.text}`);
      }
    }
    for (const { name, source } of modules) {
      const texts = nodesOf(source).filter(ts.isStringLiteralLike);
      for (const { text } of texts) {
        if (name !== 'src/client/open-browser.ts') assert.doesNotMatch(text, /^\/(?:etc|usr|var|tmp|home|dev)\b/, name);
      }
    }
  });

  it('rely on modes of files nowhere but where a file is private besides, or the system is requested modes', () => {
    for (const { name, source } of modules) {
      for (const node of nodesOf(source)) {
        const isMode =
          (ts.isNumericLiteral(node) && node.getText().startsWith('0o')) ||
          (ts.isIdentifier(node) && ['chmod', 'mode'].includes(node.text) && !name.endsWith('loopback-redirect.ts'));
        if (isMode) assert.ok(ONLY_IN['mode']?.includes(name), `${name}: ${node.parent.getText()}`);
      }
    }
    const { source } = modules.find(({ name }) => name === 'src/client/private-file.ts')!;
    const conditions = nodesOf(source).filter(ts.isIfStatement);
    const refusals = conditions.filter(({ expression }) => expression.getText().includes('0o077'));
    assert.equal(refusals.length, 1);
    assert.match(refusals[0]!.expression.getText(), /^knowsModes && /);
  });

  it('depend on packages that are compiled nowhere and install alike everywhere', async () => {
    const seen = new Set<string>();
    const read = async (name: string): Promise<void> => {
      if (seen.has(name)) return;
      seen.add(name);
      const folder = join(root, 'node_modules', name);
      const text = await readFile(join(folder, 'package.json'), 'utf8');
      const about = JSON.parse(text) as Record<
        'os' | 'cpu' | 'gypfile' | 'dependencies' | 'scripts',
        object | undefined
      >;
      assert.deepEqual([about.os, about.cpu, about.gypfile], [undefined, undefined, undefined], name);
      assert.ok(!['preinstall', 'install', 'postinstall'].some((step) => step in (about.scripts ?? {})), name);
      const files = await readdir(folder, { recursive: true });
      assert.deepEqual(
        files.filter((file) => file.endsWith('.node') || file.endsWith('binding.gyp')),
        [],
        name,
      );
      for (const dependency of Object.keys(about.dependencies ?? {})) await read(dependency);
    };
    for (const name of PACKAGES) await read(name);
  });
});
