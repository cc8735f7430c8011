import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Command, Option } from 'commander';
import { providersInUse, requireProvider, runtimeBuild } from '../../runtime/provider.ts';
import { timeConvolutions } from '../../runtime/timing.ts';
import { DEVICES, type Device } from '../../schemas/config.ts';
import { cores } from '../options.ts';
import { addJson, printJson } from '../output.ts';
import { print } from '../storage-location.ts';

export function define(command: Command): void {
  addJson(command)
    .addOption(new Option('--device <device>', 'what is to compute').choices(DEVICES).default('cpu'))
    .action(doctor);
}

/** Throws RunError where the device asked for is not the one that computes. */
async function doctor({ device }: { device: Device }): Promise<void> {
  print(`node          ${process.version}, ${process.platform} ${process.arch}, ${cores()} cores`);
  const { version, providers } = runtimeBuild();
  print(`onnxruntime   ${version}`);
  print(`providers     ${providers.map(providerText).join(', ')}`);
  const free = process.availableMemory();
  print(`memory        ${gibibytes(free)} GiB free`);
  const gpu = device === 'cuda' ? await gpuText() : null;
  if (gpu !== null) print(`gpu           ${gpu}`);
  await requireProvider(device);
  const inUse = await providersInUse(device);
  print(`in use        ${inUse.join(', ')}`);
  const speed = await timeConvolutions({ device, threads: cores() });
  const { layers, channels, size, images, milliseconds, gigaflops } = speed;
  const machine = { node: process.version, platform: process.platform, arch: process.arch, cores: cores() };
  printJson({ ...machine, onnxruntime: version, providers, freeBytes: free, gpu, inUse, speed });
  print(
    `speed         ${milliseconds.toFixed(1)} ms for ${layers} convolutions of ${channels} channels on ${images} images ` +
      `of ${size} x ${size}: ${Math.round(gigaflops)} GFLOP/s`,
  );
}

/** Providers that are not bundled are libraries of their own beside onnxruntime, which may not be there. */
function providerText({ name, bundled }: { name: string; bundled: boolean }): string {
  return bundled ? name : `${name} (where its library is installed)`;
}

/** What the driver says of its GPUs; onnxruntime cannot tell. */
async function gpuText(): Promise<string> {
  const query = ['--query-gpu=name,driver_version,memory.free', '--format=csv,noheader'];
  const found = await promisify(execFile)('nvidia-smi', query).catch(() => undefined);
  return found === undefined ? 'none that nvidia-smi knows' : found.stdout.trim().replaceAll('\n', '; ');
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}
