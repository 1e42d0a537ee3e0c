/**
 * Lets every name below `localhost` lead to this machine, as RFC 6761 section 6.3 asks of resolvers and not all of them do.
 * Imported by a test, or preloaded into a gateway under test (`--import`); what it asks for goes to the system as ever.
 */
import dns from 'node:dns';

const system = dns.lookup as (hostname: string, ...rest: readonly unknown[]) => void;

// node:net looks the function up at each connection.
dns.lookup = ((hostname: string, ...rest: readonly unknown[]) => {
  system(hostname.endsWith('.localhost') ? 'localhost' : hostname, ...rest);
}) as typeof dns.lookup;
