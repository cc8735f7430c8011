import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = resolve(import.meta.dirname, '../..');

/** Commands that take what other runs have kept: tests share a cache, and each is to see its own run computed. */
const REUSING = new Set(['run', 'check']);

/** Starts `igd` as a user would, from the root of the repository, but for reuse. `kill` ends it once its progress says so. */
export function igd(
  args: readonly string[],
  kill?: Kill,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Finished> {
  return igdReusing(REUSING.has(args[0] ?? '') ? [...args, '--no-cache'] : args, kill, env);
}

interface Kill {
  readonly when: RegExp | (() => boolean);
  readonly signal: NodeJS.Signals;
}

/** The same, with what other runs have kept in the folder that `--rankings` names. */
export function igdReusing(
  args: readonly string[],
  kill?: Kill,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Finished> {
  const child = spawn(process.execPath, ['bin/igd.mjs', ...args], {
    cwd: ROOT,
    env: { ...process.env, CI: '', ...env },
  });
  const output = { stdout: '', stderr: '' };
  let killed = false;
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
    if (!killed && kill !== undefined && isTime(kill.when, output.stderr)) killed = child.kill(kill.signal);
  });
  return new Promise((resolvePromise, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolvePromise({ code, signal, ...output }));
  });
}

function isTime(when: RegExp | (() => boolean), stderr: string): boolean {
  return when instanceof RegExp ? when.test(stderr) : when();
}

/** A folder for one test, removed by `remove`. */
export function scratch(): {
  readonly dir: string;
  readonly path: (name: string) => string;
  readonly remove: () => void;
} {
  const dir = mkdtempSync(join(tmpdir(), 'igd-test-'));
  return { dir, path: (name) => join(dir, name), remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The demo's config cut down to seconds: few images, few steps. */
export function smallConfig(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name: 'small',
    checkpoint: { uri: 'examples/demo/shapes10-rn18-w8.pt' },
    dataset: {
      format: 'cifar10',
      test: 'examples/demo/test.bin',
      probe: 'examples/demo/train.bin',
      testImages: 12,
      probeImages: 200,
    },
    layer: 'layer4',
    importantUnits: 12,
    variants: ['none', 'loir', { mask: 'conf', thresholds: [0.8, 0.9] }],
    threat: { norm: 'Linf', epsilon: '8/255' },
    suite: [
      { attack: 'apgd-ce', iterations: 5 },
      { attack: 'apgd-t', iterations: 5, targets: 3 },
    ],
    compute: { batchSize: 8, imagesPerShard: 4 },
    ...changes,
  };
}

export function writeJson(path: string, value: unknown): string {
  writeFileSync(path, JSON.stringify(value));
  return path;
}
