import { Command, CommanderError } from 'commander';
import { IgdError } from '../errors.ts';
import { igdVersion } from '../package-root.ts';
import { prepareEnvironment } from '../runtime/environment.ts';
import { refuseEmpty } from './empty-values.ts';
import { addQuiet, watchOutput } from './output.ts';

/** It tells of all the others. */
const COMPLETION = 'completion';

/** A command is a file in commands/ and a line here. What it imports is loaded only where it is the one asked for. */
const COMMANDS: readonly [name: string, description: string, load: () => Promise<CommandModule>][] = [
  [
    'run',
    'evaluate every variant of a config and write the report; goes on where an earlier start stopped',
    () => import('./commands/run.ts'),
  ],
  [
    'validate',
    'check a run config and the files it names; nothing is computed or written',
    () => import('./commands/validate.ts'),
  ],
  [
    'plan',
    'what a run would cost: jobs, model evaluations, time on this machine; nothing is written',
    () => import('./commands/plan.ts'),
  ],
  [
    'analyze',
    'how an attack moves the activations of a layer, and the loss around images, as "analysis" says',
    () => import('./commands/analyze.ts'),
  ],
  [
    'check',
    'run a config and compare it with a baseline; exit code 1 where an accuracy is significantly lower',
    () => import('./commands/check.ts'),
  ],
  [
    'browse',
    'show the runs and sweeps of a folder or a bucket in a browser on this machine; compare two of them',
    () => import('./commands/browse.ts'),
  ],
  ['report', 'write the report of a finished run anew from its results', () => import('./commands/report.ts')],
  [
    'verify',
    'check every adversarial example of a run on fresh sessions: in the ball, in [0, 1], misclassified',
    () => import('./commands/verify.ts'),
  ],
  [
    'export',
    "write a run's adversarial examples, labels and predictions as .npy, a folder for each variant",
    () => import('./commands/export.ts'),
  ],
  [
    'inspect',
    'say what a checkpoint or .onnx is: architecture, layers that can be masked, classes, ops',
    () => import('./commands/inspect.ts'),
  ],
  ['rank', 'rank the units of a layer by their importance for each class', () => import('./commands/rank.ts')],
  [
    'predict',
    'logits, and the gradient of the cross-entropy, of a model as it is or defended',
    () => import('./commands/predict.ts'),
  ],
  [
    'import',
    'write the ONNX graph of a checkpoint, or of its gradient, for use elsewhere',
    () => import('./commands/import.ts'),
  ],
  [
    'join',
    'write the checkpoint of several networks that decide together, from one file for each',
    () => import('./commands/join.ts'),
  ],
  [
    'fetch',
    'download a dataset or a published checkpoint and check its checksum; goes on where it was cut',
    () => import('./commands/fetch.ts'),
  ],
  ['cache', 'what runs keep for other runs on this machine, and its deletion', () => import('./commands/cache.ts')],
  [
    'zoo',
    "the models of RobustBench's leaderboards: how igd reads each, or why not; searched by words",
    () => import('./commands/zoo.ts'),
  ],
  [
    'doctor',
    'prove that a device computes: onnxruntime, the provider in use, speed, memory',
    () => import('./commands/doctor.ts'),
  ],
  [
    'submit',
    'start a run on AWS: uploads the files a config names, unless they are there, then the config',
    () => import('./commands/submit.ts'),
  ],
  [
    'status',
    'how a run on AWS is doing: stages, shards under way, time left, cost so far, and why it waits',
    () => import('./commands/status.ts'),
  ],
  ['list', 'the runs of a service on AWS, newest first', () => import('./commands/list.ts')],
  [
    'download',
    'download the report of a run; what the folder has already is left alone',
    () => import('./commands/download.ts'),
  ],
  ['cancel', 'end a run on AWS and its jobs; what is done is kept', () => import('./commands/cancel.ts')],
  [
    'retry',
    'start what is missing of a run on AWS that failed, was cancelled or ended incomplete',
    () => import('./commands/retry.ts'),
  ],
  [
    'approve',
    'go on with a run on AWS that is expected to cost more than it may',
    () => import('./commands/approve.ts'),
  ],
  [
    COMPLETION,
    "print a shell's completion of igd: commands, options and their values",
    () => import('./commands/completion.ts'),
  ],
];

interface CommandModule {
  /** Gives the command its arguments, options and action. */
  readonly define: (command: Command) => void;
}

/**
 * The AWS SDK's own switch for one warning of its: that versions of 2027 will want a newer Node. igd pins the SDK's version,
 * so its user could do nothing about it. It is read when a client is made, here and in worker threads.
 */
const QUIET_SDK = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';

/** Runs the command line and gives the exit code: 0 done, 1 the work failed or its results could not be written, 2 bad input. */
export async function main(argv: readonly string[]): Promise<number> {
  process.env[QUIET_SDK] ??= 'true';
  prepareEnvironment();
  let written = 0;
  watchOutput(process.stdout, process.stderr, (message) => {
    // Most streams fail after the command has ended.
    process.exitCode = written = 1;
    process.stderr.write(`igd: ${message}\n`);
  });
  return Math.max(await run(argv), written);
}

async function run(argv: readonly string[]): Promise<number> {
  const program = new Command('igd')
    .description('Robustness of image classifiers under interpretability-guided test-time defences.')
    .version(igdVersion())
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError();
  // Also the one after "help".
  const asked = argv.slice(2).find((word) => COMMANDS.some(([name]) => name === word));
  try {
    for (const [name, description, load] of COMMANDS) {
      const command = program.command(name).description(description);
      if (name !== asked && asked !== COMPLETION) continue;
      addQuiet(command);
      refuseEmpty(command);
      (await load()).define(command);
    }
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
