import type { RunConfig } from './config.ts';

/**
 * Where a config names files or folders, as keys into it. The one table for whoever downloads them, uploads them, or asks
 * whether they are in a bucket.
 */
const INPUT_PATHS: readonly (readonly string[])[] = [
  ['checkpoint', 'uri'],
  ['dataset', 'test'],
  ['dataset', 'probe'],
  ['dataset', 'testLabels'],
  ['dataset', 'probeLabels'],
  ['dataset', 'testList'],
  ['ranking', 'file'],
  ['ranking', 'classNames'],
  ['ranking', 'clip', 'model'],
  ['ranking', 'clip', 'image'],
  ['ranking', 'clip', 'text'],
  ['ranking', 'clip', 'tokenizer'],
];

/** A file or folder that a config names: a path, or an s3:// URI. */
export interface NamedInput {
  readonly keys: readonly string[];
  readonly path: string;
}

/** Whether a path or URI is of an .onnx, whichever version of it the URI names. */
export function isOnnx(uri: string): boolean {
  return uri.replace(/\?versionId=[^?&]*$/, '').endsWith('.onnx');
}

/** All that a config names, in the order of the table. */
export function namedInputs(config: RunConfig): NamedInput[] {
  return INPUT_PATHS.flatMap((keys) => {
    const path = pathAt(config, keys);
    return path === undefined ? [] : [{ keys, path }];
  });
}

/** What a config, or the JSON it was read from, has at a place of the table; undefined where that is no text. */
export function pathAt(document: unknown, keys: readonly string[]): string | undefined {
  const path = keys.reduce<unknown>((value, key) => fieldOf(value, key), document);
  return typeof path === 'string' ? path : undefined;
}

/** The config, or the JSON it was read from, with other paths in these places. */
export function withPaths<T extends object>(config: T, inputs: readonly NamedInput[]): T {
  return inputs.reduce((changed, { keys, path }) => replaced(changed, keys, path), config);
}

function replaced<T extends object>(value: T, [key = '', ...rest]: readonly string[], path: string): T {
  return { ...value, [key]: rest.length === 0 ? path : replaced(Object(fieldOf(value, key)), rest, path) };
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
