import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hasRequirement } from '../support/require.ts';

const requirements = {
  moto: { isThere: () => false, without: 'there is no moto' },
  reference: { isThere: () => true, without: '' },
};
const has = (name: 'moto' | 'reference', required?: string) => hasRequirement(name, required ?? '', requirements);

describe('what a machine may lack', () => {
  beforeEach(() => void vi.spyOn(console, 'info').mockImplementation(() => {}));
  afterEach(() => void vi.restoreAllMocks());

  test('is skipped with a reason', () => {
    expect(has('moto')).toBe(false);
    expect(console.info).toHaveBeenCalledWith('skipped: there is no moto');
    expect(has('moto', 'reference')).toBe(false);
    expect(has('reference', 'reference')).toBe(true);
  });

  test('is an error where IGD_REQUIRE names it', () => {
    expect(() => has('moto', 'reference,moto')).toThrow('IGD_REQUIRE wants moto, but there is no moto');
    expect(has('reference', 'reference,moto')).toBe(true);
  });

  test('is not misspelt', () => {
    expect(() => has('reference', 'referenec')).toThrow('IGD_REQUIRE has "referenec"; it knows moto, reference');
  });
});
