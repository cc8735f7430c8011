import { Command, CommanderError } from 'commander';
import { IgdError } from '../errors.ts';
import { addAnalyze } from './commands/analyze.ts';
import { addDoctor } from './commands/doctor.ts';
import { addDownload } from './commands/download.ts';
import { addExport } from './commands/export.ts';
import { addFetch } from './commands/fetch.ts';
import { addImport } from './commands/import.ts';
import { addInspect } from './commands/inspect.ts';
import { addPlan } from './commands/plan.ts';
import { addPredict } from './commands/predict.ts';
import { addRank } from './commands/rank.ts';
import { addReport } from './commands/report.ts';
import { addRun } from './commands/run.ts';
import { addCancel, addList, addRetry } from './commands/runs.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import { addValidate } from './commands/validate.ts';
import { addVerify } from './commands/verify.ts';

/** A command is a file in commands/ and a line here. */
const COMMANDS = [
  addRun,
  addValidate,
  addPlan,
  addAnalyze,
  addReport,
  addVerify,
  addExport,
  addInspect,
  addRank,
  addPredict,
  addImport,
  addFetch,
  addDoctor,
  addSubmit,
  addStatus,
  addList,
  addDownload,
  addCancel,
  addRetry,
];

/**
 * The AWS SDK's own switch for one warning of its: that versions of 2027 will want a newer Node. igd pins the SDK's version,
 * so its user could do nothing about it. It is read when a client is made, here and in worker threads.
 */
const QUIET_SDK = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';

/** Runs the command line and gives the exit code: 0 done, 1 the work failed, 2 bad input. */
export async function main(argv: readonly string[]): Promise<number> {
  process.env[QUIET_SDK] ??= 'true';
  const program = new Command('igd')
    .description('Robustness of image classifiers under interpretability-guided test-time defences.')
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError();
  for (const add of COMMANDS) add(program);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** Errors raised on purpose are one message; anything else is a bug and shows its stack. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof IgdError) {
    process.stderr.write(`igd: ${error.message}\n`);
    return error.exitCode;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`igd: this is a bug, please report it with the lines below\n${stack}\n`);
  return 1;
}
