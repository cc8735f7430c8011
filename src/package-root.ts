import { readFileSync } from 'node:fs';

/**
 * Folder of the package, as a URL: package.json and dist/ are found from here. This file is directly in src/, and every file
 * of the build directly in dist/, so that it is one folder up wherever the code runs from.
 */
export const PACKAGE_ROOT = new URL('../', import.meta.url);

export function igdVersion(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8'));
  return version;
}
