/** Shows a page to the person at this machine, in the browser of their choice. Never through a shell. */
import { spawn } from 'node:child_process';
import type { Machine } from './places.ts';

/** Whether somebody is likely to see a browser that is opened here. */
export function hasBrowser({ platform, env }: Machine): boolean {
  const set = (name: string) => (env[name] ?? '') !== '';
  if (set('SSH_CONNECTION') || set('SSH_TTY') || set('CI')) return false;
  return platform === 'darwin' || platform === 'win32' || set('DISPLAY') || set('WAYLAND_DISPLAY');
}

/** Opens an http(s) URL; resolves to whether the system took it. */
export function openBrowser(url: URL, platform: string): Promise<boolean> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return Promise.resolve(false);
  const [program, ...parameters] = commandFor(platform);
  return new Promise((done) => {
    const child = spawn(program, [...parameters, url.href], { stdio: 'ignore', detached: true, windowsHide: true });
    child.once('error', () => done(false));
    child.once('spawn', () => {
      child.unref();
      done(true);
    });
  });
}

function commandFor(platform: string): readonly [string, ...string[]] {
  // `start` of cmd.exe would read an `&` in a URL as the end of a command.
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return platform === 'darwin' ? ['open'] : ['xdg-open'];
}
