/** What commands are asked about: a verb, and a place. */
import { InvalidArgumentError } from 'commander';
import { parseLocation, type Location } from '../operate/location.ts';
import { VERBS, type Verb } from '../s3/operations/verb.ts';

/** Reads a verb. */
export function verbOf(text: string): Verb {
  const verb = VERBS.find((each) => each === text);
  if (verb === undefined) throw new InvalidArgumentError(`It must be one of ${VERBS.join(', ')}.`);
  return verb;
}

/** Reads `s3://bucket/key`; of listings it is the prefix. */
export function placeOf(text: string): Location {
  const parsed = parseLocation(text);
  if (parsed === undefined) throw new InvalidArgumentError('It must be s3://bucket/key, or s3://bucket/ of a bucket.');
  return parsed;
}
