/** What AWS's own endpoints are called. */

/** Gives AWS's endpoint of a service in a region; undefined where a partition has names of its own. */
export const awsEndpoint = (service: 's3' | 'sts' | 'kms', region: string): string | undefined => {
  if (!/^[a-z]{2}(?:-gov)?-[a-z]+-\d+$/.test(region)) return undefined;
  return `https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
};
