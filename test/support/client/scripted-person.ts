/**
 * A person with a browser, as a script: keeps cookies, follows redirects, fills in the forms of the demo's identity provider, and
 * sends what browsers send with a page that is navigated to.
 */
import { request as send } from 'undici';

export interface Person {
  readonly name: string;
  readonly password: string;
}

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly text: string;
}

const MAX_STEPS = 20;

/** Opens a page and does what it asks for, until there is no form left to fill in. Gives the last page. */
export async function signInAt(start: URL, person: Person): Promise<Page> {
  const cookies = new Map<string, string>();
  let request: { url: URL; form?: URLSearchParams } = { url: start };
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const { url, form } = request;
    const { statusCode, headers, body } = await send(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'sec-fetch-site': url.origin === start.origin ? 'same-origin' : 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        ...(form === undefined ? {} : { origin: url.origin, 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(form === undefined ? {} : { body: form.toString() }),
    });
    const text = await body.text();
    for (const line of [headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const { location } = headers;
    if (typeof location === 'string') {
      request = { url: new URL(location, url) };
      continue;
    }
    const filled = statusCode === 200 ? fillIn(text, person) : undefined;
    if (filled === undefined) return { url, status: statusCode, text };
    request = { url: new URL(filled.action, url), form: filled.form };
  }
  throw new Error('the sign-in did not end');
}

/** The first form of a page: hidden fields as they are, name and password where they are requested. */
function fillIn(html: string, { name, password }: Person): { action: string; form: URLSearchParams } | undefined {
  const [, attributes, content] = /<form([^>]*)>(.*?)<\/form>/s.exec(html) ?? [];
  if (attributes === undefined || content === undefined) return undefined;
  const form = new URLSearchParams();
  for (const [, field = ''] of content.matchAll(/<input([^>]*)>/g)) {
    const fieldName = attribute(field, 'name');
    if (fieldName === 'username') form.set(fieldName, name);
    else if (fieldName === 'password') form.set(fieldName, password);
    else if (fieldName !== '') form.set(fieldName, attribute(field, 'value'));
  }
  return { action: attribute(attributes, 'action'), form };
}

function attribute(text: string, name: string): string {
  const [, value = ''] = new RegExp(`\\b${name}="([^"]*)"`).exec(text) ?? [];
  return value.replaceAll('&amp;', '&').replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}
