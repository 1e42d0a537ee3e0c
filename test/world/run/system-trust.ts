/**
 * For clients that trust what the machine trusts and read no setting: they run where the machine's list of certificates is
 * the product's CA. Only they see it so: the mount is in a namespace of theirs. Needs root.
 */
const SCRIPT = `
set -e
list=/etc/ssl/certs/ca-certificates.crt
[ -e "$list" ] || { mkdir -p /etc/ssl/certs; : >"$list"; }
mount --bind "$WORLD_CA_FILE" "$list"
exec "$@"`;

/** The command line that runs another so. */
export function systemTrust(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', SCRIPT, 'system-trust', ...command];
}
