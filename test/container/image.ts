import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const inspected = z.object({
  OCIv1: z.object({
    config: z.object({ User: z.string(), Env: z.array(z.string()), Entrypoint: z.array(z.string()) }),
  }),
});

const script = (name: string) => join(import.meta.dirname, name);

export interface Ended {
  readonly code: number | null;
  readonly output: string;
  /** How long it took. */
  readonly seconds: number;
}

/** A target of the Dockerfile, built on this machine. */
export interface Image {
  /** Folder with the image's files. */
  readonly root: string;
  readonly user: string;
  /** Runs its entrypoint, or a command in its place, with these variables beside the image's own. */
  run(env: Readonly<Record<string, string>>, command?: readonly string[]): Promise<Ended>;
  remove(): void;
}

/** Takes minutes, 2 GB of disk for a while, and root. Throws with the last lines of the step that failed. */
export function buildImage(target: string): Image {
  const folder = mkdtempSync(join(tmpdir(), 'igd-container-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    execFileSync('unshare', ['--mount', 'sh', script('build-image.sh'), target, folder], { stdio: 'inherit' });
    const file = (name: string) => readFileSync(join(folder, name), 'utf8');
    const { User, Env, Entrypoint } = inspected.parse(JSON.parse(file('config.json'))).OCIv1.config;
    const root = file('root').trim();
    const own = Object.fromEntries(Env.map((line) => line.split(/=(.*)/s, 2)));
    return { root, user: User, remove, run: (env, command = Entrypoint) => runIn(root, { ...own, ...env }, command) };
  } catch (error) {
    remove();
    throw error;
  }
}

function runIn(root: string, env: Record<string, string>, command: readonly string[]): Promise<Ended> {
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child'];
  const child = spawn('unshare', [...namespaces, 'sh', script('run-job.sh'), root, ...command], { env });
  const began = performance.now();
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => done({ code, output, seconds: (performance.now() - began) / 1000 }));
  });
}
