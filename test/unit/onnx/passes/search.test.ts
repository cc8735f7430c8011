import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { type Choose, firstWorking } from '../../../../src/onnx/passes/search.ts';

/** Three choices of 2, 3 and 2 options; says which were taken. */
function three(choose: Choose): string {
  return [2, 3, 2].map((options) => choose(options)).join('');
}

describe('firstWorking', () => {
  it('takes the preferred options where they work', () => {
    expect(firstWorking(three)).toBe('000');
  });

  it('changes the last choice first, and tries every way once', () => {
    const tried: string[] = [];
    const found = firstWorking((choose) => {
      tried.push(three(choose));
      if (tried.at(-1) !== '120') throw new GraphError('no');
      return tried.at(-1);
    });
    expect(found).toBe('120');
    expect(tried).toEqual(['000', '001', '010', '011', '020', '021', '100', '101', '110', '111', '120']);
  });

  it('forgets the choices after one that changes', () => {
    const found = firstWorking((choose) => {
      if (choose(2) === 0) throw new GraphError(`dead end ${choose(5)}`);
      return choose(7);
    });
    expect(found).toBe(0);
  });

  it('throws the error of the attempt that came furthest', () => {
    const attempt = (choose: Choose) => {
      if (choose(2) === 0) throw new GraphError('early');
      throw new GraphError(`late ${choose(2)}`);
    };
    expect(() => firstWorking(attempt)).toThrow(new GraphError('late 0'));
  });

  it('gives up on a search without end, and passes other errors on', () => {
    let attempts = 0;
    const endless = (choose: Choose) => {
      attempts += 1;
      for (let depth = 0; depth < 20; depth++) choose(2);
      throw new GraphError('never');
    };
    expect(() => firstWorking(endless)).toThrow('never');
    expect(attempts).toBe(1000);
    const broken = () => {
      throw new TypeError('a bug');
    };
    expect(() => firstWorking(broken)).toThrow(new TypeError('a bug'));
  });
});
