// Runs TypeScript without a build step, on every Node igd supports: the sources are bundled once by esbuild into the
// user's cache folder and run from there until one of them changes. Loading 200 files through a loader hook instead takes
// seconds at every start and in every worker thread.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const ENTRIES = [
  'src/cli/main.ts',
  'src/workers/worker-thread.ts',
  'src/workers/calibration-thread.ts',
  'src/service/task-runner.ts',
];
/** Bundles kept: the newest few, so that two checkouts do not evict each other. */
const KEPT = 4;

process.setSourceMapsEnabled(true);

/** Imports an entry point, e.g. 'cli/main'. */
export async function load(entry) {
  const folder = await bundle();
  return import(pathToFileURL(join(folder, `${entry}.js`)).href);
}

async function bundle() {
  const name = `${fingerprint()}`;
  const cache = cacheFolder();
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${randomUUID()}`;
  await compile(unfinished);
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    // Another process was faster; its bundle is the same.
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  forgetOld(cache);
  return folder;
}

/** Changes with the place of the checkout and with any source file, package or Node. */
function fingerprint() {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const files = [...sources, join(ROOT, 'package.json'), fileURLToPath(import.meta.url)].sort();
  const hash = createHash('sha256').update(`${ROOT} ${process.version}\n`);
  for (const file of files) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex').slice(0, 24);
}

/** Code is run from here, so it has to be a folder nobody else can write to. */
function cacheFolder() {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'igd', 'code');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  } catch {
    return mkdtempSync(join(tmpdir(), 'igd-code-'));
  }
}

async function compile(outdir) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: ENTRIES.map((entry) => join(ROOT, entry)),
    outbase: join(ROOT, 'src'),
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
    // The bundle is elsewhere: what asks where it is (src/package-root.ts) is told where the source is, and CommonJS
    // packages and the native one are found from the checkout.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(ROOT, 'src/package-root.ts')).href) },
    banner: {
      js: `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(${JSON.stringify(join(ROOT, 'package.json'))});`,
    },
    plugins: [
      {
        name: 'native',
        setup({ onResolve }) {
          onResolve({ filter: /^onnxruntime-node$/ }, ({ path }) => ({
            path: import.meta.resolve(path),
            external: true,
          }));
        },
      },
    ],
  });
}

function forgetOld(cache) {
  const age = (name) => statSync(join(cache, name)).mtimeMs;
  const bundles = readdirSync(cache).filter((name) => /^[0-9a-f]{24}$/.test(name));
  for (const name of bundles.sort((a, b) => age(b) - age(a)).slice(KEPT)) {
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}
