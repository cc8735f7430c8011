import { readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { createContext, Script } from 'node:vm';
import { build, type Metafile } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { PURE_ROOMS } from '../support/architecture.ts';
import { ROOT } from '../support/markdown.ts';

/** What a browser and Node both have, and a bare context of V8 has not. */
const WEB = { TextEncoder, TextDecoder, btoa, atob, performance };

const CONFIG = JSON.stringify({
  name: 'tiny',
  checkpoint: { uri: 'none.pt' },
  dataset: { format: 'cifar10', test: 'none.bin', testImages: 1 },
  variants: ['none'],
  threat: { norm: 'Linf', epsilon: 0.1 },
  suite: [{ attack: 'apgd-ce', iterations: 5 }],
});

/** What compares runs and lists them goes where there is no Node, too. */
const PURE_FOLDERS = [...PURE_ROOMS, 'report/compare', 'report/browse'];

/** Every file of the pure core, so that nothing is left out because nothing uses it; what is called is by room and name. */
const FILES = PURE_FOLDERS.flatMap((room) =>
  readdirSync(`${ROOT}src/${room}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.d)\.ts$/.test(file))
    .map((file) => `./src/${room}/${file.replaceAll('\\', '/')}`),
);

/** Bundled for a browser: a module of Node's is an error, unless `external` leaves it out. */
async function bundled(entry: string, external: string[] = []): Promise<{ code: string; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: entry, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'core',
    target: 'es2022',
    logLevel: 'silent',
    external,
  });
  return { code: outputFiles[0]?.text ?? '', metafile };
}

/** What the files under `metafile` import that no browser has. */
function foreign({ inputs }: Metafile): string[] {
  const imports = Object.entries(inputs).flatMap(([file, { imports }]) =>
    imports.map(({ path }) => [file, path] as const),
  );
  return imports
    .filter(([, path]) => isBuiltin(path) || /(^|\/)(onnxruntime-node|sharp|@aws-sdk)(\/|$)/.test(path))
    .map(([file, path]) => `${file} -> ${path}`);
}

/** The bundle's exports, from a context that has V8's own globals and those of the web, no more. */
function run(code: string, expression: string): unknown {
  return new Script(`${code}\n;${expression}`).runInContext(createContext({ ...WEB }));
}

describe('the pure core', () => {
  let core: Awaited<ReturnType<typeof bundled>>;
  beforeAll(async () => {
    core = await bundled(FILES.map((file) => `export * from '${file}';`).join('\n'));
  });

  test('is bundled for a browser, every file of it, with nothing of Node', () => {
    const inputs = new Set(Object.keys(core.metafile.inputs).map((path) => `./${path}`));
    expect(FILES.length).toBeGreaterThan(100);
    expect(FILES.filter((file) => !inputs.has(file))).toEqual([]);
    expect(foreign(core.metafile)).toEqual([]);
  });

  test('differentiates a graph, writes it and reads it where there is no Node', () => {
    const result = run(
      core.code,
      `(() => {
        const graph = new core.GraphBuilder();
        graph.input('x', [2, 3]);
        const w = graph.initializer('w', core.float32([3, 2], [1, 2, 3, 4, 5, 6]));
        const y = graph.op('Relu', [graph.op('MatMul', ['x', w])], {}, { outputs: ['y'] });
        const bytes = core.encodeModel(core.gradientModel(graph.build([y], 'tiny')));
        const { graph: read } = core.decodeModel(bytes, 'tiny.onnx');
        return JSON.stringify([read.outputs.map(({ name }) => name), [...new Set(read.nodes.map(({ op }) => op))]]);
      })()`,
    );
    const [outputs, ops] = JSON.parse(String(result)) as [string[], string[]];
    expect(outputs).toContain('gradient');
    expect(ops).toContain('MatMul');
  });

  test('plans and runs an attack where there is no Node', async () => {
    const broken = await run(
      core.code,
      `(async () => {
        // Class 0 where the first of two pixels is the brighter one.
        const logits = async (x) => Float32Array.from(x);
        const gradient = async (loss, { x }) => ({
          loss: Float32Array.of(x[1] - x[0]), logits: Float32Array.from(x), gradient: Float32Array.of(-1, 1),
        });
        const model = { classes: 2, imageSize: 2, imageShape: [1, 1, 2], randomised: false, logits, gradient };
        const [spec] = core.resolveSuite(core.parseConfig(${JSON.stringify(CONFIG)}, 'config'));
        const x = Float32Array.of(0.51, 0.5);
        const points = { x, labels: Int32Array.of(0), images: [0], logits: x };
        const stream = (image, ...key) => core.keyedStream([0, image, ...key]);
        const context = { model, threat: { norm: 'Linf', epsilon: 0.1 }, examples: 'first', stream };
        const { broken } = await core.createAttack(spec).run(points, context);
        return broken[0];
      })()`,
    );
    expect(broken).toBe(1);
  });
});

describe('the check is awake', () => {
  test("to Node's modules, and to its globals", async () => {
    const entry = "export * from './src/stores/folder-store.ts';";
    await expect(bundled(entry)).rejects.toThrow('node:fs');
    const { metafile } = await bundled(entry, ['node:*']);
    expect(foreign(metafile)).toContain('src/stores/folder-store.ts -> node:path');
    expect(run('', '[typeof Buffer, typeof process, typeof require].join()')).toBe('undefined,undefined,undefined');
  });
});
