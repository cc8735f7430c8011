import { serviceApp } from './service-app.ts';

// What `cdk` runs (see cdk.json). Node 20 does not run TypeScript, so tsx does; there is no build step to forget.

serviceApp().app.synth();
