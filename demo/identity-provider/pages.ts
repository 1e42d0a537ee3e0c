/**
 * The pages of the demo's identity provider: plain HTML, no script. What enters may be hostile; only `trustedHtml`, which
 * oidc-provider makes, goes in as it is.
 */

/** The form that asks for a name and a password; `failed` after a wrong one. */
export function loginPage(action: string, failed: boolean): string {
  return page(
    'Sign in',
    `${failed ? '<p role="alert">Name or password is wrong.</p>' : ''}
<form method="post" action="${escapeHtml(action)}">
<label>Name <input name="username" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>
<p>The passwords of the demo's people are in <code>secrets/demo.json</code> in the demo's folder.</p>`,
  );
}

/** Asks for, or asks to confirm, the code that a device shows. */
export function devicePage(title: string, trustedHtml: string, form: string): string {
  return page(title, `${trustedHtml}<button type="submit" form="${escapeHtml(form)}">Continue</button>`);
}

/** A page of one sentence. */
export function messagePage(title: string, message: string): string {
  return page(title, `<p>${escapeHtml(message)}</p>`);
}

function page(title: string, trustedHtml: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)} - Sallyport demo</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 4rem auto; padding: 0 1rem }
label { display: block; margin: 1rem 0 } input { display: block; width: 100%; font: inherit; padding: .4rem; box-sizing: border-box }
button { font: inherit; padding: .4rem 1.2rem } [role=alert] { color: #b00020 }
</style>
<h1>${escapeHtml(title)}</h1>
${trustedHtml}
<p><small>Sallyport demo: for this machine only.</small></p>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
