import { execFileSync, spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { WEBGPU_DRIVER } from './require.ts';

/** Makes one session on WebGPU, in a process of its own: drivers are looked for when a process starts. */
const PROBE = `
  import { InferenceSession } from 'onnxruntime-node';
  const model = Buffer.from('CAkSA2lnZBoAOjgKEQoBeBIBeRoBeSIEUmVsdToAEgFwWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQFA==', 'base64');
  await InferenceSession.create(model, { executionProviders: ['webgpu'], logSeverityLevel: 4 });
`;

/**
 * A device for the tests that need one: a GPU of this machine, or Vulkan in software, which is unpacked once into the user's cache.
 * What the processes of tests are to find lies in the environment that they inherit. Without either the tests say so and are skipped.
 */
export default function setup(): void {
  if (computes()) process.env[WEBGPU_DRIVER] = 'gpu';
  else if (computes(softwareDriver())) Object.assign(process.env, softwareDriver(), { [WEBGPU_DRIVER]: 'software' });
}

function computes(environment: NodeJS.ProcessEnv = {}): boolean {
  const options = { env: { ...process.env, ...environment }, timeout: 60_000 };
  return spawnSync(process.execPath, ['--input-type=module', '--eval', PROBE], options).status === 0;
}

let driver: NodeJS.ProcessEnv | undefined;

/** The environment of a process that is to compute on it; empty where it could not be unpacked. */
function softwareDriver(): NodeJS.ProcessEnv {
  driver ??= unpack();
  return driver;
}

function unpack(): NodeJS.ProcessEnv {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'igd-lavapipe-25');
  try {
    const script = join(import.meta.dirname, 'software-vulkan.sh');
    const lines = execFileSync('bash', [script, folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return Object.fromEntries(
      lines
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  } catch (error) {
    console.info(`no Vulkan in software: ${String(error).split('\n')[0]}`);
    return {};
  }
}
