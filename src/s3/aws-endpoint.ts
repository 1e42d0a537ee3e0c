/** Tells whether an endpoint is AWS's own, by its host's name. */
export function isAwsEndpoint(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return hostname.endsWith('.amazonaws.com') || hostname.endsWith('.amazonaws.com.cn');
}
