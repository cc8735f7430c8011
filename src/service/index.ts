/**
 * The service on AWS, as its functions, its containers and the command line use it. Everything here is safe to repeat and
 * to do twice at once: events come late, doubled or never.
 */
export { advanceRun } from './advance.ts';
export { cancelRun } from './cancel.ts';
export { openServiceContext, type ServiceContext } from './context.ts';
export { listRuns, type RunListing } from './list.ts';
export { retryRun } from './retry.ts';
export { type RunState, type RunStatus, runStatus, type StageStatus } from './status.ts';
export { type Submitted, submitConfig } from './submit.ts';
export { sweepUp } from './sweep-up.ts';
