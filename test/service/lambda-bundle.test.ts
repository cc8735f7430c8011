import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { bundling } from '../../infra/functions.ts';

/** Every file that ends up in a function. */
async function inputsOf(name: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [`functions/${name}/handler.ts`],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    outdir: 'unused',
    external: ['onnxruntime-node'],
  });
  const imports = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  return [...Object.keys(metafile.inputs), ...imports];
}

// onnxruntime's native code is 100 MB and is not in the functions' bundles: importing it would end them at their start.
test.each(['planner', 'finalizer'])('the %s never loads onnxruntime', async (name) => {
  const inputs = await inputsOf(name);
  expect(inputs).toContain('src/runs/planning/plan.ts');
  expect(inputs.filter((path) => path.includes('onnxruntime') || path.startsWith('src/runtime/session'))).toEqual([]);
});

// A package that comes as UMD is bundled without what it requires, unless esbuild is told to take its modules.
test('what reads configs is in the bundle, YAML too', async () => {
  const { outputFiles } = await build({
    entryPoints: ['src/schemas/config-text/read.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    mainFields: bundling.mainFields,
    minify: bundling.minify,
    banner: { js: bundling.banner },
  });
  const { readConfig }: typeof import('../../src/schemas/config-text/read.ts') = await import(
    `data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`
  );
  expect(await readConfig(Buffer.from('{"a": 1} // b'), 'c.jsonc')).toEqual({ a: 1 });
  expect(await readConfig(Buffer.from('a: 1 # b'), 'c.yaml')).toEqual({ a: 1 });
});
