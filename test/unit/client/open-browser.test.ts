import assert from 'node:assert/strict';
import type { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser } from '../../../src/client/open-browser.ts';

const HOSTILE = `https://id.example/a b('c')\`id\`|x^{y}"z"\\?q=1&r="2 3"&s='$(id)';t=%22#f|\`|<>`;

describe('the browser of a person', () => {
  const opened = async (platform: string, url: string, env: Record<string, string> = {}) => {
    const calls: (readonly [string, readonly string[], object])[] = [];
    const start = ((program: string, parameters: readonly string[], options: object) => {
      calls.push([program, parameters, options]);
      const child = Object.assign(new EventEmitter(), { unref: () => undefined });
      setImmediate(() => child.emit('spawn'));
      return child;
    }) as unknown as typeof spawn;
    const used = await openBrowser(new URL(url), { platform, env, home: '/' }, start);
    return { used, calls };
  };

  for (const [platform, program, before] of [
    ['darwin', '/usr/bin/open', []],
    ['win32', String.raw`C:\Windows\System32\rundll32.exe`, ['url.dll,FileProtocolHandler']],
    ['linux', 'xdg-open', []],
    ['freebsd', 'xdg-open', []],
  ] as const) {
    it(`is opened on ${platform} by one program, with the whole URL as one argument, and by no shell`, async () => {
      const url = 'https://id.example/auth?client_id=a&scope=openid%20groups&state=x';
      const { used, calls } = await opened(platform, url);
      assert.equal(used, true);
      assert.deepEqual(calls, [[program, [...before, url], { stdio: 'ignore', detached: true, windowsHide: true }]]);
    });

    it(`is given nothing on ${platform} that a script or a command line could take for its own`, async () => {
      const [[, parameters] = ['', []]] = (await opened(platform, HOSTILE)).calls;
      assert.equal(parameters.length, before.length + 1);
      const url = parameters.at(-1) ?? '';
      assert.match(url, /^https:\/\/id\.example\/a%20b%28%27c%27%29%60id%60%7C/);
      assert.doesNotMatch(url, /["'`$()|^{}<>\\\s]/);
      assert.match(url, /q=1&r=%222%203%22&s=%27%24%28id%29%27/);
      assert.equal(new URL(url).searchParams.get('r'), '"2 3"');
    });

    it(`is never opened on ${platform} for anything but a web page`, async () => {
      for (const url of [
        'file:///etc/passwd',
        'javascript:alert(1)',
        'ms-settings:about',
        'data:text/html,x',
        '-a:b',
      ]) {
        if (!URL.canParse(url)) continue;
        assert.deepEqual(await opened(platform, url), { used: false, calls: [] }, url);
      }
    });
  }

  it('is looked for where this Windows is, and in no folder that somebody else can write to', async () => {
    const { calls } = await opened('win32', 'https://id.example/', { SystemRoot: String.raw`D:\WINNT` });
    assert.equal(calls[0]?.[0], String.raw`D:\WINNT\System32\rundll32.exe`);
  });

  it('finds an issuer by its address as well', async () => {
    const { calls } = await opened('linux', 'http://[::1]:8191/auth?a=b');
    assert.deepEqual(calls[0]?.[1], ['http://[::1]:8191/auth?a=b']);
  });

  describe('as a program of this system', () => {
    let folder: string;
    let path: string | undefined;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sallyport-browser-'));
      path = process.env['PATH'];
    });
    afterEach(async () => {
      process.env['PATH'] = path;
      await rm(folder, { recursive: true });
    });

    it('gets the URL as it is, quotes and all', async () => {
      const [program, seen] = [join(folder, 'xdg-open'), join(folder, 'seen')];
      await writeFile(program, `#!/bin/sh\nprintf '%s|' "$#" "$@" > '${seen}.new' && mv '${seen}.new' '${seen}'\n`);
      await chmod(program, 0o700);
      process.env['PATH'] = [folder, path].join(delimiter);
      assert.equal(await openBrowser(new URL(HOSTILE), { platform: 'linux', env: {}, home: '/' }), true);
      let found: string | undefined;
      for (let turn = 0; turn < 100 && found === undefined; turn += 1) {
        await sleep(50);
        found = await readFile(seen, 'utf8').catch(() => undefined);
      }
      assert.match(found ?? '', /^1\|https:\/\/id\.example\/a%20b[^|]*\|$/);
    });

    it('may be missing, which is told', async () => {
      process.env['PATH'] = folder;
      assert.equal(await openBrowser(new URL('https://id.example/'), { platform: 'linux', env: {}, home: '/' }), false);
    });
  });
});
