#!/usr/bin/env node
import { existsSync } from 'node:fs';

const cli = new URL('../dist/cli.js', import.meta.url);
if (existsSync(cli)) {
  const { main } = await import(cli.href);
  process.exitCode = await main(process.argv);
} else {
  process.stderr.write('igd: this checkout is not built yet, run "npm run build" first\n');
  process.exitCode = 1;
}
