import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { SavedAttack } from '../attacks/attack.ts';
import type { AttackUsage, ModelChecks } from '../contracts/results.ts';
import type { Standing } from './standing.ts';

/** An evaluation between two model evaluations: enough for another process to go on with it. */
export interface SavedEvaluation {
  readonly standings: readonly Standing[];
  /** [broken, imageSize]: the examples of the broken images, in row order. */
  readonly examples: Float32Array;
  readonly checks: ModelChecks;
  /** Of the attacks that are done. */
  readonly usage: readonly AttackUsage[];
  /** Of the attack in hand, so far. */
  readonly current: { readonly usage: AttackUsage; readonly saved: SavedAttack } | null;
}

/** Keeps what an evaluation has so far where the next process finds it. */
export interface EvaluationMemory {
  /** What an earlier process kept; undefined where there is nothing to go on from. */
  recall(): Promise<SavedEvaluation | undefined>;
  /** Offered after every model evaluation; takes one now and then. */
  offer(save: () => SavedEvaluation): Promise<void> | undefined;
}

const DIGEST_BYTES = 32;

/** Bytes that `decodeEvaluation` takes: a SHA-256 of `owner` and the data, then the data. */
export function encodeEvaluation(saved: SavedEvaluation, owner: string): Buffer {
  const data = serialize(saved);
  return Buffer.concat([digestOf(owner, data), data]);
}

/**
 * The evaluation that `owner` (the run's identity and the shard) saved; undefined for anything else, damaged bytes and those of
 * another version included: the shard is then done from its start. The digest is checked before a byte is interpreted.
 */
export function decodeEvaluation(bytes: Uint8Array, owner: string): SavedEvaluation | undefined {
  const data = Buffer.from(bytes.subarray(DIGEST_BYTES));
  if (!digestOf(owner, data).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
  return deserialize(data) as SavedEvaluation;
}

function digestOf(owner: string, data: Uint8Array): Buffer {
  return createHash('sha256').update(owner).update('\0').update(data).digest();
}
