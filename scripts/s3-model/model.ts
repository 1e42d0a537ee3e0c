/**
 * Enters: `service-2.json.gz` of a botocore release, which AWS generates its SDKs' requests from. Leaves: every operation of
 * S3 with its headers and query parameters, small enough to stand in the repository (`model.json`).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** A header or query parameter of an operation. */
export interface Parameter {
  /** As AWS's SDKs call it, such as `IfNoneMatch`. */
  readonly member: string;
  readonly in: 'header' | 'query';
  /** As it stands in a request, in lower case where it is a header. A name that ends in `-` is a prefix. */
  readonly name: string;
  readonly type: 'string' | 'integer' | 'long' | 'boolean' | 'timestamp' | 'map' | 'list';
  /** Present where the model names all values. */
  readonly values?: readonly string[];
}

export interface ModelOperation {
  readonly method: string;
  /** Such as `/{Bucket}/{Key+}?acl`. */
  readonly uri: string;
  readonly parameters: readonly Parameter[];
}

export interface Model {
  /** The release of botocore that it was read from. */
  readonly botocore: string;
  readonly operations: Readonly<Record<string, ModelOperation>>;
}

/** Where the model that the documentation is made from is kept. */
export const MODEL_FILE = join(import.meta.dirname, 'model.json');

/** Reads the model of this repository. */
export function readModel(): Model {
  return JSON.parse(readFileSync(MODEL_FILE, 'utf8')) as Model;
}

interface Shape {
  readonly type: string;
  readonly enum?: readonly string[];
  readonly members?: Readonly<Record<string, Member>>;
  readonly member?: { readonly shape: string };
}

interface Member {
  readonly shape: string;
  readonly location?: string;
  readonly locationName?: string;
}

interface Service {
  readonly operations: Readonly<
    Record<string, { readonly http: { readonly method: string; readonly requestUri: string }; readonly input?: Member }>
  >;
  readonly shapes: Readonly<Record<string, Shape>>;
}

/** Reads a model out of botocore's own file, gzipped or not. @throws Error where it has another form */
export function readBotocore(file: Buffer, version: string): Model {
  const text = file[0] === 0x1f ? gunzipSync(file) : file;
  const { operations, shapes } = JSON.parse(text.toString()) as Service;
  const names = Object.keys(operations).toSorted();
  if (names.length < 100) throw new Error(`botocore's model names ${names.length} operations of S3; it has over 100`);
  const model = names.map((name) => {
    const { http, input } = operations[name] ?? { http: { method: '', requestUri: '' } };
    const members = Object.entries((input && shapes[input.shape]?.members) ?? {});
    const parameters = members.flatMap(([member, { shape, location, locationName = '' }]) =>
      location === 'header' || location === 'headers' || location === 'querystring'
        ? [parameterOf(member, location === 'querystring', locationName, shapes, shape)]
        : [],
    );
    return [name, { method: http.method, uri: http.requestUri, parameters }] as const;
  });
  return { botocore: version, operations: Object.fromEntries(model) };
}

function parameterOf(
  member: string,
  isQuery: boolean,
  name: string,
  shapes: Service['shapes'],
  shapeName: string,
): Parameter {
  const shape = shapes[shapeName];
  const values = shape?.enum ?? (shape?.member && shapes[shape.member.shape]?.enum);
  return {
    member,
    in: isQuery ? 'query' : 'header',
    name: isQuery ? name : name.toLowerCase(),
    type: (shape?.type ?? 'string') as Parameter['type'],
    ...(values === undefined ? {} : { values }),
  };
}

/** Names what `newer` has and `known` has not, a line each. */
export function newIn(newer: Model, known: Model): readonly string[] {
  return Object.entries(newer.operations).flatMap(([name, { parameters }]) => {
    const before = known.operations[name];
    if (before === undefined) return [`operation ${name}`];
    return parameters.flatMap((parameter) => {
      const old = before.parameters.find((one) => one.in === parameter.in && one.name === parameter.name);
      if (old === undefined) return [`${name}: ${parameter.in} ${parameter.name}`];
      const values = (parameter.values ?? []).filter((value) => old.values?.includes(value) === false);
      return values.map((value) => `${name}: ${parameter.in} ${parameter.name}: ${value}`);
    });
  });
}
