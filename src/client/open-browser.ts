/** Shows a page to the person at this machine, in the browser of their choice. Never through a shell. */
import { spawn } from 'node:child_process';
import { win32 } from 'node:path';
import type { Machine } from './profile-paths.ts';

/** Whether somebody is likely to see a browser that is opened here. */
export function hasBrowser({ platform, env }: Machine): boolean {
  const set = (name: string) => (env[name] ?? '') !== '';
  if (set('SSH_CONNECTION') || set('SSH_TTY') || set('CI')) return false;
  return platform === 'darwin' || platform === 'win32' || set('DISPLAY') || set('WAYLAND_DISPLAY');
}

/** Opens an http(s) URL; resolves to whether the system took it. */
export function openBrowser(url: URL, machine: Machine, start: typeof spawn = spawn): Promise<boolean> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return Promise.resolve(false);
  const [program, ...parameters] = commandFor(machine);
  return new Promise((done) => {
    const child = start(program, [...parameters, encoded(url)], { stdio: 'ignore', detached: true, windowsHide: true });
    child.once('error', () => done(false));
    child.once('spawn', () => {
      child.unref();
      done(true);
    });
  });
}

/** By full path where the system has one: Windows looks into the present folder first. */
function commandFor({ platform, env }: Machine): readonly [string, ...string[]] {
  // `start` of cmd.exe would read an `&` in a URL as the end of a command.
  if (platform === 'win32') {
    const system = win32.join(env['SystemRoot'] ?? String.raw`C:\Windows`, 'System32');
    return [win32.join(system, 'rundll32.exe'), 'url.dll,FileProtocolHandler'];
  }
  return platform === 'darwin' ? ['/usr/bin/open'] : ['xdg-open'];
}

/** What URLs leave as it is, and some program on the way (`xdg-open` is a script) could take for its own. */
function encoded({ href }: URL): string {
  return href.replace(/[^\w:/?#[\]&=%.~+,;@!*-]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
    return `%${code}`;
  });
}
