import { parseArgs } from 'node:util';
import { messageOf } from '../../src/errors.ts';
import { requireProvider, runtimeBuild } from '../../src/runtime/provider.ts';
import { DEVICES, type Device } from '../../src/schemas/config.ts';
import { type Attacked, attack, deviations, throughput } from './measure.ts';
import { modelOn, subjectIn } from './subject.ts';
import { attackByTwo, isOneOfTwo } from './two-workers.ts';

/**
 * What a device does with a CIFAR ResNet-18: images a second of forward, gradient and a step of APGD, by one worker and, but on
 * WebGPU, by two; the share of the time that is spent in onnxruntime; and how far its numbers are from PyTorch's or the CPU's.
 * A line of JSON for each, and a table at the end.
 * Usage: npx tsx bench/gpu/index.ts [--device cuda] [--batches 64,250,500] [--images 1000] [--width 64] [--iterations 20]
 *   [--rounds 5] [--folder DIR]; DIR as torch_side.py leaves it. run.sh does both sides on a machine with a GPU.
 */

if (!isOneOfTwo())
  await main().catch((error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  });

function settings() {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'cpu' },
      batches: { type: 'string', default: '64,250,500' },
      images: { type: 'string', default: '1000' },
      width: { type: 'string', default: '64' },
      iterations: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '5' },
      folder: { type: 'string' },
    },
  });
  const device = DEVICES.find((name) => name === values.device);
  if (device === undefined) throw new Error(`--device is one of ${DEVICES.join(', ')}, not ${values.device}`);
  const [images, width, iterations, rounds] = [values.images, values.width, values.iterations, values.rounds].map(
    Number,
  );
  const batches = values.batches.split(',').map(Number);
  return {
    device,
    batches,
    images: images!,
    width: width!,
    iterations: iterations!,
    rounds: rounds!,
    folder: values.folder,
  };
}

type Row = readonly [what: string, batch: number | '', imagesPerSecond: number, share: number | ''];

async function main(): Promise<void> {
  const { device, batches, iterations, rounds, folder, width, images } = settings();
  // The main thread's: what is set in the environment, the libraries of CUDA do not see from another.
  await requireProvider(device);
  const subject = await subjectIn(folder, width, images);
  const say = (what: string, facts: object) => console.log(JSON.stringify({ device, what, ...facts }));
  say('versions', { onnxruntime: runtimeBuild().version, model: subject.classifier.architecture });
  const model = modelOn(subject, device);
  say('deviations', { from: subject.reference.by, ...(await deviations(model, subject)) });
  const rows: Row[] = [];
  const fitting = batches.filter((batch) => batch <= subject.images);
  for (const batch of fitting) {
    const speed = await throughput(model, subject, batch, rounds);
    say('throughput', { batch, ...speed });
    rows.push(['forward', batch, speed.forwardPerSecond, ''], ['gradient', batch, speed.gradientPerSecond, '']);
    const one = await attack(model, subject, { first: 0, count: subject.images, batch, iterations });
    say('apgd, one worker', { batch, ...stepsOf(one) });
    rows.push(['APGD step', batch, stepsOf(one).imagesPerSecond, stepsOf(one).shareInRuntime]);
  }
  await model.release();
  const setup = { folder, width, images: subject.images, device };
  for (const batch of takesTwo(device) ? fitting.filter((size) => 2 * size <= subject.images) : []) {
    const two = stepsOf(await attackByTwo(new URL(import.meta.url), setup, batch, iterations));
    say('apgd, two workers', { batch, ...two });
    rows.push(['APGD step, two workers', batch, two.imagesPerSecond, two.shareInRuntime]);
  }
  console.log(table(device, rows));
}

/** WebGPU has one thread a process. */
function takesTwo(device: Device): boolean {
  return device !== 'webgpu';
}

function stepsOf({ images, milliseconds, runtimeMilliseconds, steps }: Attacked) {
  return {
    images,
    msPerStep: milliseconds / steps,
    imagesPerSecond: (1000 * images * steps) / milliseconds,
    /** Of two workers the sum, up to 2: the device is busy for no more, and idle where it is below 1 for at least the rest. */
    shareInRuntime: runtimeMilliseconds / milliseconds,
  };
}

function table(device: Device, rows: readonly Row[]): string {
  const lines = rows.map(
    ([what, batch, speed, share]) =>
      `| ${what} | ${batch} | ${Math.round(speed)} | ${share === '' ? '' : share.toFixed(2)} |`,
  );
  return [`\n${device}:`, '| what | batch | images a second | in onnxruntime |', '|---|---|---|---|', ...lines].join(
    '\n',
  );
}
