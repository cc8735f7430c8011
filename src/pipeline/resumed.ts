import type { EvaluationMemory, SavedEvaluation } from '../evaluation/saved.ts';
import type { JobProgress } from './job-progress.ts';

/**
 * Tells those who watch a job which part of its progress an earlier start had made, where its memory has something to go on
 * from: without that, an hour's work would seem to be done in the first second, and speed and time left come out wrong.
 */
export function sinceResumed(
  memory: EvaluationMemory,
  progress: (state: JobProgress) => void,
): { readonly memory: EvaluationMemory; readonly progress: (state: JobProgress) => void } {
  let evaluations: number | undefined;
  let earlier: JobProgress['earlier'];
  return {
    memory: {
      ...memory,
      async recall() {
        const saved = await memory.recall();
        if (saved !== undefined) evaluations = evaluationsOf(saved);
        return saved;
      },
    },
    progress(state) {
      // The first state heard is one evaluation on from what was saved: near enough for a share of the whole suite.
      if (evaluations !== undefined) earlier ??= { fraction: state.fraction, evaluations };
      progress(earlier === undefined ? state : { ...state, earlier });
    },
  };
}

function evaluationsOf({ usage, current }: SavedEvaluation): number {
  const usages = current === null ? usage : [...usage, current.usage];
  return usages.reduce((sum, { forwards, gradients }) => sum + forwards + gradients, 0);
}
