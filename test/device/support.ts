import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, test } from 'vitest';
import { encodeModel } from '../../src/onnx/codec/model.ts';
import type { Model } from '../../src/onnx/graph.ts';
import type { Feeds } from '../../src/onnx/runtime.ts';
import { forDevice } from '../../src/runtime/devices/for-device.ts';
import { type ProfiledNode, readProfile } from '../../src/runtime/profile.ts';
import { runtimeOptions } from '../../src/runtime/provider.ts';
import { hasRequirement } from '../support/require.ts';

/** A describe block that computes on WebGPU; without a device it is skipped, and says so. */
export function describeOnWebGpu(name: string, tests: () => void): void {
  if (hasRequirement('webgpu')) describe(name, tests);
  else describe.skipIf(true)(name, () => test('needs a device', () => {}));
}

export interface DeviceRun {
  readonly outputs: Readonly<Record<string, Float32Array>>;
  readonly nodes: readonly ProfiledNode[];
}

/** How a model is given to the device: in its form for it, as igd does, or as it is. */
export interface DeviceRunOptions {
  readonly as?: 'adapted' | 'written';
  readonly layout?: 'NCHW' | 'NHWC';
  readonly device?: 'webgpu' | 'cpu';
}

/** Runs a model once, and tells who ran its nodes. Inputs that the model does not read are left out. */
export async function runProfiled(
  model: Model,
  feeds: Feeds,
  { as = 'adapted', layout = 'NCHW', device = 'webgpu' }: DeviceRunOptions = {},
): Promise<DeviceRun> {
  const folder = await mkdtemp(join(tmpdir(), 'igd-device-'));
  const provider = device === 'cpu' ? 'cpu' : { name: device, preferredLayout: layout };
  const options = { ...runtimeOptions(device), executionProviders: [provider], logSeverityLevel: 4 } as const;
  const session = await InferenceSession.create(encodeModel(as === 'adapted' ? forDevice(model, device) : model), {
    ...options,
    enableProfiling: true,
    profileFilePrefix: join(folder, 'profile'),
  });
  try {
    const read = session.inputNames.map((name) => [name, toOrt(feeds[name]!)] as const);
    const results = await session.run(Object.fromEntries(read));
    session.endProfiling();
    const outputs = Object.entries(results).map(([name, { data }]) => [name, data as Float32Array] as const);
    return { outputs: Object.fromEntries(outputs), nodes: await readProfile(folder) };
  } finally {
    await session.release();
    await rm(folder, { recursive: true, force: true });
  }
}

function toOrt({ type, data, dims }: Feeds[string]): Tensor {
  return new Tensor(type as 'float32', data as Float32Array, dims);
}

/**
 * Ops on numbers that others than the device ran, for which it has to wait. Shapes are the host's on every device, and what is
 * made of them: it knows them without asking.
 */
export function foreignOps(nodes: readonly ProfiledNode[]): string[] {
  const foreign = nodes.filter(
    ({ op, provider, inputTypes }) =>
      provider === 'CPUExecutionProvider' && (inputTypes.includes('float') || op === 'ConstantOfShape'),
  );
  return [...new Set(foreign.map(({ op }) => op))].sort();
}
