import { execFileSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';

/** Tests load the sources, but the worker threads they start and the command line run from dist/, as they do everywhere. */
export default function setup(project: TestProject): void {
  // Every project inherits this from the root.
  if (!project.isRootProject()) return;
  build();
  project.onTestsRerun(async () => build());
}

function build(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
