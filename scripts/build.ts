import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

/** Files of dist/ that somebody names, and where their code is. The rest of dist/ is what they share and what they load late. */
const ENTRIES = {
  index: 'src/index.ts',
  cli: 'src/cli/main.ts',
  'worker-thread': 'src/workers/worker-thread.ts',
  'calibration-thread': 'src/workers/calibration-thread.ts',
  runner: 'src/service/task-runner.ts',
};

type Files = ReadonlyMap<string, string>;

/** Our own sources in few files: hundreds of modules cost a start, and every worker thread, more than what is in them. */
async function bundle(): Promise<Files> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: DIST,
    write: false,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  });
  return new Map(outputFiles.map(({ path, text }) => [path.slice(DIST.length + 1), text]));
}

/** Types of what src/index.ts exports: a file for each source whose types it leads to. */
async function declarations(): Promise<Files> {
  const folder = mkdtempSync(join(tmpdir(), 'igd-types-'));
  try {
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const args = [compiler, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', folder];
    await promisify(execFile)(process.execPath, args).catch(({ stdout }) => {
      throw new Error(`tsc:\n${stdout}`);
    });
    const files = new Map<string, string>();
    const add = (name: string): void => {
      if (files.has(name)) return;
      const text = readFileSync(join(folder, name), 'utf8');
      // tsc leaves what sources call each other, and there are no sources where these go.
      files.set(name, text.replaceAll(RELATIVE, '$1.js'));
      for (const [, path] of text.matchAll(RELATIVE)) add(join(dirname(name), `${path?.slice(1)}.d.ts`));
    };
    add('index.d.ts');
    return new Map([...files].map(([name, text]) => [join('types', name), text]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a declaration imports of ours, up to the extension; with its quote, which tells it from the same words in a comment. */
const RELATIVE = /(["']\.\.?\/[^"'\n]+)\.ts(?=["'])/g;

/**
 * Makes a folder hold these files and no others. One that is right already is not touched, and a new one comes in one step:
 * what runs from here, or starts just now, does not notice a build that changes nothing.
 */
function mirror(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true });
  const present = new Set(filesIn(folder));
  for (const [name, text] of files) {
    const path = join(folder, name);
    if (present.delete(name) && readFileSync(path, 'utf8') === text) continue;
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, text);
    renameSync(unfinished, path);
  }
  for (const name of present) rmSync(join(folder, name), { force: true });
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

const built = await Promise.all([bundle(), declarations()]);
mirror(DIST, new Map(built.flatMap((files) => [...files])));
