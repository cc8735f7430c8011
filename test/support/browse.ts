import { spawn } from 'node:child_process';
import { ROOT } from './markdown.ts';

export interface Browsing {
  readonly url: string;
  /** Gives the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts `igd browse` and reads the address that it prints. */
export async function startBrowsing(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Browsing> {
  const command = ['bin/igd.mjs', 'browse', ...args];
  const child = spawn(process.execPath, command, { cwd: ROOT, env: { ...process.env, ...env } });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().split('\n', 1)[0] ?? ''));
    child.once('close', () => reject(new Error(errors)));
  });
  return {
    url,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}
