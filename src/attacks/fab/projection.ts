/**
 * The box-constrained projection onto a hyperplane {z : w.z = b}, arXiv:1907.02044 section 2: the shortest move d with
 * w.(x + d) = b and x + d in [0, 1]^n. Where the hyperplane misses the box, d leads to the corner of the box nearest to it.
 *
 * With c = w.x - b and c >= 0 (else w and c change sign), every coordinate may only move against the sign of w_i, by at
 * most its reach m_i: x_i where w_i > 0 and 1 - x_i where w_i < 0; together they have to lower w.x by c. `fab_projections.py`
 * of fra31/auto-attack sorts the coordinates to find out how far each one goes; none of the norms needs that.
 *
 * Projections of several points onto one hyperplane share what depends on w alone. The scratch arrays are the projection's
 * own, so that nothing is allocated; inside, all is float64.
 */
export interface Projection {
  /** Takes the hyperplane's normal w, finite, for the calls of `move` to come. */
  aim(normal: Float32Array): void;
  /** Writes d into `move`, for w.point - b = `excess`; gives its length in the norm. The point lies in [0, 1]. */
  move(point: Float32Array, excess: number, move: Float64Array): number;
}

/** Weights that count as 0 in L2 and L1, as in the original: they would not move anything far, divided by they do harm. */
export const NEGLIGIBLE = 1e-8;
