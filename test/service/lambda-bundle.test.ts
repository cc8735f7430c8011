import { build } from 'esbuild';
import { expect, test } from 'vitest';

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
