import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** Folder of the reference data beside the checkout. */
export const REFERENCE = resolve(import.meta.dirname, '../../../shared/reference');

/** Set where the tests of a device have one: by test/support/webgpu.ts. */
export const WEBGPU_DRIVER = 'IGD_TEST_WEBGPU';

interface Requirement {
  readonly isThere: () => boolean;
  /** Why what needs it is skipped. */
  readonly without: string;
}

const runs = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;

function canBuildImages(): boolean {
  if (`${process.platform} ${process.arch}` !== 'linux x64' || process.getuid?.() !== 0) return false;
  const download = 'd=$(mktemp -d) && trap "rm -r $d" EXIT && cd "$d" && apt-get download debootstrap';
  return runs('unshare', '--mount', 'true') && (runs('debootstrap', '--version') || runs('sh', '-c', download));
}

/** What not every machine has. */
const REQUIREMENTS = {
  moto: {
    isThere: () => runs('moto_server', '--help'),
    without: 'moto_server is not installed (pip install "moto[server]")',
  },
  'cfn-lint': {
    isThere: () => runs('cfn-lint', '--version'),
    without: 'cfn-lint is not installed (pip install cfn-lint)',
  },
  container: {
    isThere: canBuildImages,
    without: 'the image is built by root, on Linux x64, with debootstrap or the mirror of packages of a Debian',
  },
  npm: {
    isThere: () => runs('npm', 'ping', '--fetch-retries=0', '--fetch-timeout=5000'),
    without: 'no npm registry answers, and what igd depends on cannot be installed',
  },
  webgpu: {
    isThere: () => process.env[WEBGPU_DRIVER] !== undefined,
    without: 'no device computes WebGPU, and no Vulkan driver in software could be unpacked (test/support/webgpu.ts)',
  },
  whole: {
    isThere: () => process.env.IGD_WHOLE === '1',
    without:
      'one of a kind is tried where many are alike, so that all takes ten minutes; npm run test:whole tries every one',
  },
  reference: { isThere: () => existsSync(REFERENCE), without: `there is no reference data at ${REFERENCE}` },
} satisfies Readonly<Record<string, Requirement>>;
export type RequirementName = keyof typeof REQUIREMENTS;

/**
 * Whether the machine has it; what needs it is to be skipped otherwise, and the reason is printed. Where IGD_REQUIRE
 * names it ("moto,cfn-lint,npm,webgpu,reference"), nothing may be skipped: then it is an error.
 */
export function hasRequirement(
  name: RequirementName,
  required: string | undefined = process.env.IGD_REQUIRE,
  requirements: Readonly<Record<string, Requirement>> = REQUIREMENTS,
): boolean {
  const wanted = (required ?? '').split(',').filter((word) => word !== '');
  const unknown = wanted.find((word) => requirements[word] === undefined);
  if (unknown !== undefined)
    throw new Error(`IGD_REQUIRE has "${unknown}"; it knows ${Object.keys(requirements).join(', ')}`);
  const { isThere, without } = requirements[name]!;
  if (isThere()) return true;
  if (wanted.includes(name)) throw new Error(`IGD_REQUIRE wants ${name}, but ${without}`);
  console.info(`skipped: ${without}`);
  return false;
}
