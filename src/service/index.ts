/**
 * The service on AWS, as its functions, its containers and the command line use it. Everything here is safe to repeat and
 * to do twice at once: events come late, doubled or never.
 */

export { openServiceContext, type ServiceContext } from './context.ts';
export { reconcileRun } from './reconcile.ts';
export { reconcileAll } from './reconcile-all.ts';
export { approveRun, cancelRun, listRuns, type RunListing, retryRun } from './run-control.ts';
export { type RunState, type RunStatus, runStatus, type StageStatus } from './status.ts';
export { type Submitted, submitConfig } from './submit-config.ts';
