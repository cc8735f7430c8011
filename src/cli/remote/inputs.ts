import type { RunConfig } from '../../contracts/config.ts';

/** Where a config names files, as paths into the JSON the user wrote. */
const PLACES = [
  ['checkpoint', 'uri'],
  ['dataset', 'test'],
  ['dataset', 'probe'],
  ['dataset', 'testLabels'],
  ['dataset', 'probeLabels'],
  ['dataset', 'testList'],
  ['ranking', 'file'],
] as const;

export interface NamedFile {
  readonly section: (typeof PLACES)[number][0];
  readonly key: (typeof PLACES)[number][1];
  readonly path: string;
}

/** The files of a config that are on this machine. */
export function localFilesOf(config: RunConfig): NamedFile[] {
  return PLACES.flatMap(([section, key]) => {
    const path = fieldOf(config[section], key);
    return path === undefined || path.startsWith('s3://') ? [] : [{ section, key, path }];
  });
}

/** The config as its user wrote it, each file's path replaced by where it was put. */
export function relocated(
  source: Readonly<Record<string, unknown>>,
  files: readonly NamedFile[],
  uriOf: (path: string) => string,
): Record<string, unknown> {
  const moved: Record<string, unknown> = { ...source };
  for (const { section, key, path } of files) moved[section] = { ...Object(moved[section]), [key]: uriOf(path) };
  return moved;
}

function fieldOf(section: object, key: string): string | undefined {
  const value: unknown = Reflect.get(section, key);
  return typeof value === 'string' ? value : undefined;
}
