import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary.ts';

const FOLDER = fileURLToPath(new URL('../../containers/runner/', import.meta.url));
const dockerfile = readFileSync(join(FOLDER, 'Dockerfile'), 'utf8');
const stages = dockerfile.split(/^FROM /m).slice(1);
const stage = (name: string) => stages.find((text) => text.split('\n', 1)[0]?.endsWith(` AS ${name}`)) ?? '';

describe('the image', () => {
  test.each(['cpu', 'cuda'])('%s runs as nobody in particular, from a base of an exact version', (name) => {
    expect(stage(name)).toContain('\nUSER 1000:1000\n');
    expect(stage(name)).toContain('\nVOLUME /scratch\n');
    expect(stage(name)).toContain(`IGD_DEVICE=${name}`);
  });

  test('webgpu is the cpu image with a Vulkan loader, and asks for the graphics part of the driver', () => {
    expect(dockerfile).toMatch(/^FROM cpu AS webgpu$/m);
    expect(stage('webgpu')).toMatch(/apt-get install .* libvulkan1 /);
    expect(stage('webgpu')).toContain('IGD_DEVICE=webgpu');
    expect(stage('webgpu')).toContain('NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics');
    expect(
      stage('webgpu')
        .trimEnd()
        .split('\n')
        .filter((line) => line.startsWith('USER '))
        .at(-1),
    ).toBe('USER 1000:1000');
  });

  test('has onnxruntime for no other platform', () => {
    expect(stage('packages')).toContain("-not -path '*/linux/x64' -exec rm -r");
  });

  test('has no development dependencies, and pins its bases', () => {
    expect(stage('packages')).toContain('npm ci --omit=dev');
    expect(dockerfile).not.toContain(':latest');
    expect(dockerfile).toMatch(/^ARG CUDA_IMAGE=nvidia\/cuda:\d+\.\d+\.\d+-cudnn-runtime-ubuntu24\.04$/m);
  });

  test('has the code compiled, not its sources: nothing is built where it runs', () => {
    expect(stage('build')).toContain('npm run build');
    expect(stage('app')).toContain('COPY --from=build /app/dist /app/dist');
    expect(stage('app')).not.toContain('src');
  });

  test('takes digests: every base is an argument, nothing, or a stage above', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)$/gm)].map(([, base = '', name = '']) => ({
      base,
      name,
    }));
    expect(bases).toHaveLength(dockerfile.match(/^FROM /gm)?.length ?? 0);
    const [args, names] = [['NODE_IMAGE', 'CUDA_IMAGE'].map((name) => `$\{${name}}`), ['scratch']];
    for (const { base, name } of bases) {
      expect([...args, ...names]).toContain(base);
      names.push(name);
    }
    // Before the first FROM, or a build argument does not reach it.
    const head = dockerfile.slice(0, dockerfile.indexOf('\nFROM '));
    for (const image of ['NODE_IMAGE', 'CUDA_IMAGE']) expect(head).toMatch(new RegExp(`^ARG ${image}=\\S+:\\S+$`, 'm'));
  });

  test('proves its device before it works, and fails as the job definition expects', () => {
    const start = readFileSync(join(FOLDER, 'start.sh'), 'utf8');
    expect(start).toMatch(/^node bin\/igd\.mjs doctor --device .* \|\| exit 75$/m);
    expect(start).toContain('exec node containers/runner/entrypoint.mjs');
  });

  test('is checked against the CUDA version onnxruntime was built for', () => {
    expect(stage('cuda')).toContain('check-cuda.sh /app/node_modules/onnxruntime-node/bin');
  });
});

describe('check-cuda.sh', () => {
  /** Runs it where `readelf` and `ldconfig` say these libraries are needed and there. */
  function check(needed: readonly string[], there: readonly string[]) {
    const folder = temporaryFolder('igd-cuda-');
    const stub = (name: string, lines: readonly string[]) =>
      writeFileSync(join(folder, name), `#!/bin/sh\ncat <<'END'\n${lines.join('\n')}\nEND\n`, { mode: 0o755 });
    stub(
      'readelf',
      needed.map((library) => ` 0x0000000000000001 (NEEDED)  Shared library: [${library}]`),
    );
    stub(
      'ldconfig',
      there.map((library) => `\t${library} (libc6,x86-64) => /lib/${library}`),
    );
    writeFileSync(join(folder, 'libonnxruntime_providers_cuda.so'), '');
    const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
    return spawnSync('sh', [join(FOLDER, 'check-cuda.sh'), folder], { encoding: 'utf8', env });
  }
  const needed = ['libcublas.so.13', 'libcudart.so.13', 'libcudnn.so.9', 'libcuda.so.1', 'ld-linux-x86-64.so.2'];

  test('passes where all is there but the driver', () => {
    const { status, stdout } = check(needed, ['libcublas.so.13', 'libcudart.so.13', 'libcudnn.so.9']);
    expect(stdout).toContain('built for CUDA 13');
    expect(status).toBe(0);
  });

  test('fails where the image has another major version, and says which it wants', () => {
    const { status, stderr } = check(needed, ['libcublas.so.12', 'libcudart.so.12', 'libcudnn.so.9']);
    expect(status).toBe(1);
    expect(stderr).toContain('built for CUDA 13 and needs what this image lacks: libcublas.so.13 libcudart.so.13');
    expect(stderr).toContain('CUDA_IMAGE=nvidia/cuda:13.x.y');
  });

  test('fails where there is no cuDNN, where nothing names CUDA, and where the download was not run', () => {
    expect(check(needed, ['libcublas.so.13', 'libcudart.so.13']).stderr).toContain('libcudnn.so.9');
    expect(check(['libc.so.6'], ['libc.so.6']).status).toBe(1);
    expect(spawnSync('sh', [join(FOLDER, 'check-cuda.sh'), tmpdir()], { encoding: 'utf8' }).stderr).toContain(
      'download',
    );
  });
});
