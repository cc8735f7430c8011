import { IgdError } from '../src/errors.ts';
import { serviceApp } from './service-app.ts';

// What `cdk` runs (see cdk.json). Node 20 does not run TypeScript, so tsx does; there is no build step to forget.

try {
  serviceApp().app.synth();
} catch (error) {
  if (!(error instanceof IgdError)) throw error;
  console.error(`igd: ${error.message}`);
  process.exitCode = error.exitCode;
}
