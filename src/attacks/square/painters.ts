import type { Arena } from '../search.ts';
import { bumpPainters } from './bump-painter.ts';
import { linfPainters } from './linf.ts';
import { L1_BUMPS, L2_BUMPS } from './norms.ts';
import type { Painters } from './search.ts';

/** The attack by norm; a norm is one line here. */
export const PAINTERS: Readonly<Record<Arena['threat']['norm'], Painters>> = {
  Linf: linfPainters,
  L2: bumpPainters(L2_BUMPS),
  L1: bumpPainters(L1_BUMPS),
};
