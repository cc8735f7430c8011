import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { scratch, writeJson } from '../support/cli.ts';
import { hasRequirement } from '../support/require.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const EXAMPLES = join(import.meta.dirname, 'examples');
/** Of which 1.5 MB are the demo's checkpoint and images. */
const MOST_BYTES = 2_200_000;

const folder = scratch();
/** A project of somebody else's, in a folder whose code is CommonJS unless it says otherwise. */
const project = folder.path('commonjs/project');
let tarball: { filename: string; size: number; files: { path: string }[] };

beforeAll(async () => {
  // As it is published: see .npmrc.
  const pack = ['pack', '--ignore-scripts=false', '--json', '--silent', '--pack-destination', folder.dir];
  tarball = JSON.parse(await npm(ROOT, ...pack))[0];
});
afterAll(() => folder.remove());

async function npm(cwd: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)('npm', args, { cwd })).stdout;
}

/** In the project, as its owner would. */
async function node(...args: string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, args, { cwd: project })).stdout;
}

describe('the tarball', () => {
  // The package has no room for all of the demo's images.
  test.each([
    ['test-64.bin', 'test.bin'],
    ['train-200.bin', 'train.bin'],
  ])('examples/demo/%s begins %s', (part, whole) => {
    const [begins, all] = [part, whole].map((name) => readFileSync(join(ROOT, 'examples/demo', name)));
    expect(all?.subarray(0, begins?.length).equals(begins ?? Buffer.of())).toBe(true);
  });

  test('is small, and holds what runs and no sources or tests', () => {
    expect(tarball.size).toBeLessThan(MOST_BYTES);
    const paths = tarball.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['bin/igd.mjs', 'dist/index.js', 'dist/types/index.d.ts', 'examples/demo/quick.json']),
    );
    expect(paths.filter((path) => /^(src|test|scripts|infra|functions)\//.test(path))).toEqual([]);
    expect(paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
  });
});

describe.skipIf(!hasRequirement('npm'))('installed from the tarball', () => {
  beforeAll(async () => {
    mkdirSync(project, { recursive: true });
    writeJson(folder.path('commonjs/package.json'), { type: 'commonjs' });
    writeJson(join(project, 'package.json'), { name: 'project', private: true });
    await npm(
      project,
      ...['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'],
      folder.path(tarball.filename),
    );
  });

  test('npx igd starts below a package.json that says "commonjs"', async () => {
    expect(await npm(project, 'exec', '--offline', 'igd', '--', '--version')).toBe(`${manifest.version}\n`);
  });

  test('igd run does the demo, cut to 8 images', async () => {
    const demo = JSON.parse(readFileSync(join(project, 'node_modules/igd/examples/demo/quick.json'), 'utf8'));
    const within = (path: string) => join('node_modules/igd', path);
    const config = writeJson(join(project, 'config.json'), {
      ...demo,
      checkpoint: { uri: within(demo.checkpoint.uri) },
      dataset: {
        ...demo.dataset,
        test: within(demo.dataset.test),
        probe: within(demo.dataset.probe),
        testImages: 8,
      },
      variants: ['none', 'loir'],
      suite: [{ attack: 'apgd-ce', iterations: 5 }],
    });
    await node('node_modules/igd/bin/igd.mjs', 'run', config, '--out', 'out', '--rankings', 'rankings');
    expect(existsSync(join(project, 'out/report.json'))).toBe(true);
  });

  test('is a library in JavaScript', async () => {
    cpSync(join(EXAMPLES, 'library.mjs'), join(project, 'library.mjs'));
    const printed = JSON.parse(await node('library.mjs'));
    expect(printed.cleanAccuracy).toBeGreaterThan(0.8);
    expect(printed.robustAccuracy).toBeLessThan(printed.cleanAccuracy);
  });

  test('is a library in TypeScript: its types need no others than its own, and it runs', async () => {
    cpSync(join(EXAMPLES, 'library.ts'), join(project, 'library.mts'));
    writeJson(join(project, 'tsconfig.json'), {
      compilerOptions: {
        target: 'es2023',
        module: 'nodenext',
        strict: true,
        skipLibCheck: false,
        outDir: 'compiled',
        types: [],
      },
      files: ['library.mts'],
    });
    const checked = await node(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json').catch(
      ({ stdout }) => stdout,
    );
    expect(checked).toBe('');
    expect(Number(await node('compiled/library.mjs'))).toBeGreaterThan(0);
  });
});
