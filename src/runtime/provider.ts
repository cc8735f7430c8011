import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, InferenceSession, listSupportedBackends, Tensor as OrtTensor } from 'onnxruntime-node';
import { messageOf, RunError } from '../errors.ts';
import { filled, type TypedTensor } from '../numeric/tensor.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { encodeModel } from '../onnx/codec/model.ts';
import type { Model } from '../onnx/graph.ts';
import type { Device } from '../schemas/config.ts';
import { prepareEnvironment } from './environment.ts';
import { precisionFeeds, precisionModel, requireFloat32 } from './precision.ts';
import { readProfile } from './profile.ts';

/**
 * The node binding takes no other option of CUDA's; no CPU is named after it, so nothing is handed down unasked. With channels
 * last, the default, WebGPU computes some convolutions wrongly (src/runtime/devices).
 */
const PROVIDERS: Readonly<Record<Device, InferenceSession.ExecutionProviderConfig>> = {
  cpu: 'cpu',
  cuda: { name: 'cuda', deviceId: 0 },
  webgpu: { name: 'webgpu', preferredLayout: 'NCHW' },
};

/**
 * Optimisers of onnxruntime 1.30 that change what a graph computes. Pad_Fusion makes zeros padded before a MaxPool the pool's
 * own padding, which is -inf: wrong wherever a window holds negative values alone. Its class's name, PadFusion, does nothing.
 */
const FAULTY_OPTIMIZERS = ['Pad_Fusion'];

/**
 * Measured on CIFAR ResNet-18: without memory patterns the peak is a quarter lower at equal speed. Threads that do not spin
 * while they wait leave the cores to other workers.
 */
export function runtimeOptions(
  device: Device,
  { threads = 1, optimise = true }: { readonly threads?: number | undefined; readonly optimise?: boolean } = {},
): InferenceSession.SessionOptions {
  return {
    executionProviders: [PROVIDERS[device]],
    graphOptimizationLevel: optimise ? 'all' : 'disabled',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: {
      session: { intra_op: { allow_spinning: '0' } },
      optimization: { disable_specified_optimizers: FAULTY_OPTIMIZERS.join(';') },
    },
  };
}

/** Names of the probe's input and output. */
export const PROBE_INPUT = 'x';
export const PROBE_OUTPUT = 'y';

export interface ProbeShape {
  readonly layers: number;
  readonly channels: number;
  readonly size: number;
  readonly images: number;
}

/** A plain stack of 3 x 3 convolutions: what a device is tried and timed on. */
export function probeModel({ layers, channels, size, images }: ProbeShape): Model {
  const builder = new GraphBuilder();
  builder.input(PROBE_INPUT, [images, channels, size, size]);
  const weights = builder.initializer('w', filled([channels, channels, 3, 3], 1 / (9 * channels)));
  let value = PROBE_INPUT;
  for (let layer = 0; layer < layers; layer++) {
    const isLast = layer === layers - 1;
    const convolved = builder.op('Conv', [value, weights], { pads: [1, 1, 1, 1] });
    value = builder.op('Relu', [convolved], {}, isLast ? { outputs: [PROBE_OUTPUT] } : {});
  }
  return builder.build([PROBE_OUTPUT], 'probe');
}

/** Images for it. */
export function probeImages({ images, channels, size }: ProbeShape): TypedTensor<'float32'> {
  return filled([images, channels, size, size], 0.5);
}

/** What onnxruntime calls the device in its profiles. */
const PROVIDER_NAMES: Readonly<Record<Device, string>> = {
  cpu: 'CPUExecutionProvider',
  cuda: 'CUDAExecutionProvider',
  webgpu: 'WebGpuExecutionProvider',
};

/** What to look at where a device does not come up. */
const REMEDIES: Readonly<Record<Device, string>> = {
  cpu: '',
  cuda:
    'CUDA needs an NVIDIA driver, the CUDA and cuDNN libraries onnxruntime was built for, and its CUDA provider, ' +
    'which an installation without scripts leaves out (the runner image has all of them)',
  webgpu: 'WebGPU needs a GPU with a Vulkan, Metal or Direct3D 12 driver',
};

const TINY: ProbeShape = { layers: 1, channels: 4, size: 8, images: 1 };

const proofs = new Map<Device, Promise<void>>();

/**
 * Proves, once a thread, that the device really computes, and in float32: onnxruntime is known to go on without a provider it
 * cannot load, and a run of days on the wrong device looks like any other. The CPU needs no proof: there is nothing below it.
 * Throws RunError where the device is not the one in use, or rounds more than float32 does.
 */
export function requireProvider(device: Device): Promise<void> {
  if (device === 'cpu') return Promise.resolve();
  const proof = proofs.get(device) ?? prove(device);
  proofs.set(device, proof);
  return proof;
}

async function prove(device: Device): Promise<void> {
  const wanted = PROVIDER_NAMES[device];
  const used = await providersInUse(device);
  if (used.length !== 1 || used[0] !== wanted)
    throw new RunError(
      `${device} was asked for, but onnxruntime computed on ${used.join(' and ') || 'nothing'}: not ${wanted}`,
    );
  requireFloat32(device, await precisionOutputs(device));
}

/** What the device makes of the model that tells float32 from less. */
export async function precisionOutputs(device: Device): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(encodeModel(precisionModel()), runtimeOptions(device));
  try {
    const { images, matrix } = precisionFeeds();
    const results = await session.run({ images: toOrt(images), matrix: toOrt(matrix) });
    return Object.fromEntries(
      Object.entries(results).map(([op, { data }]) => [op, Float32Array.from(data as Float32Array)]),
    );
  } finally {
    await session.release();
  }
}

function toOrt({ data, dims }: TypedTensor<'float32'>): OrtTensor {
  return new OrtTensor('float32', data, dims);
}

/**
 * The providers that ran a tiny convolution, fused with others or not, on a session made for `device`, as its profile
 * tells. Throws RunError where there is no such session.
 */
export async function providersInUse(device: Device): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'igd-profile-'));
  try {
    await runProfiled(device, join(folder, 'profile'));
    const convolutions = (await readProfile(folder)).filter(({ op }) => op.includes('Conv'));
    return [...new Set(convolutions.map(({ provider }) => provider))];
  } catch (cause) {
    throw new RunError(`${device} cannot be used: ${inShort(messageOf(cause))}. ${REMEDIES[device]}`.trimEnd(), {
      cause,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What this build of onnxruntime is, and the providers it was built with; those that are not bundled may be missing. */
export function runtimeBuild(): {
  readonly version: string | undefined;
  readonly providers: readonly { readonly name: string; readonly bundled: boolean }[];
} {
  return { version: env.versions.node, providers: listSupportedBackends() };
}

async function runProfiled(device: Device, prefix: string): Promise<void> {
  // Here libraries may be loaded for the first time.
  prepareEnvironment();
  // onnxruntime would print its own account of a missing library, with colours; the error says it in a line.
  env.logLevel = 'fatal';
  const options = { ...runtimeOptions(device), enableProfiling: true, profileFilePrefix: prefix };
  const session = await InferenceSession.create(encodeModel(probeModel(TINY)), options);
  try {
    await session.run({ [PROBE_INPUT]: toOrt(probeImages(TINY)) });
    session.endProfiling();
  } finally {
    await session.release();
  }
}

/** Errors of native providers begin with the failed assertion and go on with a stack, both of their build machine. */
function inShort(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/^.* was false\. /, '').trim();
}
