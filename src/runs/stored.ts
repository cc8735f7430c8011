import { InputError, RankingError, RunError } from '../errors.ts';
import { decodeNpy } from '../numeric/npy.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { decodeRanking, type Ranking } from '../ranking/ranking.ts';

// What igd wrote and reads again. It can be had from nowhere but from igd: where it is damaged the way out is to have it
// computed again, not what people are told of files of their own.

/** Throws RunError with `remedy` where the array is damaged. */
export function storedArray(bytes: Uint8Array, where: string, remedy: string): Tensor {
  return unlessDamaged(() => decodeNpy(bytes, where), RunError, `${where} is damaged: ${remedy}`);
}

/** Throws RankingError with `remedy` where the ranking is damaged. */
export function storedRanking(bytes: Uint8Array, where: string, remedy: string): Ranking {
  const decode = () => decodeRanking(new TextDecoder().decode(bytes), where);
  return unlessDamaged(decode, RankingError, `${where} is damaged: ${remedy}`);
}

/** What to do about a damaged file in a store that all runs share. */
export function keptRemedy(kind: 'rankings' | 'embeddings'): string {
  return `delete it (on this machine "igd cache --clear ${kind}" does) and run again`;
}

function unlessDamaged<T>(decode: () => T, Kind: typeof RunError | typeof RankingError, message: string): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new Kind(message, { cause });
  }
}
