import { describe, expect, test } from 'vitest';
import type { Store } from '../../../src/stores/store.ts';

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes));

/** What every store promises. `open` gives an empty one. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(`${name} keeps the contract of a store`, () => {
    test('gives back what was put, byte for byte', async () => {
      const store = await open();
      const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 31) % 256);
      await store.put('shards/conf@0.8/00001.npy', bytes);
      expect(Buffer.from((await store.get('shards/conf@0.8/00001.npy')) ?? []).equals(bytes)).toBe(true);
      await store.put('empty.json', '');
      expect(text(await store.get('empty.json'))).toBe('');
      await store.put('text.json', 'é ∞');
      expect(text(await store.get('text.json'))).toBe('é ∞');
    });

    test('says what is there and what is not', async () => {
      const store = await open();
      expect(await store.get('a/b.json')).toBeUndefined();
      expect(await store.has('a/b.json')).toBe(false);
      await store.put('a/b.json', '1');
      expect(await store.has('a/b.json')).toBe(true);
      expect(await store.has('a')).toBe(false);
      expect(await store.get('a')).toBeUndefined();
      expect(await store.has('a/b.jso')).toBe(false);
    });

    test('put replaces, putNew does not', async () => {
      const store = await open();
      await store.put('a.json', '1');
      await store.put('a.json', '2');
      expect(text(await store.get('a.json'))).toBe('2');
      expect(await store.putNew('a.json', '3')).toBe(false);
      expect(text(await store.get('a.json'))).toBe('2');
      expect(await store.putNew('b.json', '4')).toBe(true);
      expect(text(await store.get('b.json'))).toBe('4');
    });

    test('of many putNew at once, one wins, and its bytes are there', async () => {
      const store = await open();
      const won = await Promise.all(Array.from({ length: 20 }, (_, i) => store.putNew('runs/claim.json', `${i}`)));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(text(await store.get('runs/claim.json'))).toBe(String(won.indexOf(true)));
    });

    test('removes one key, once or twice, and makes room for a new one', async () => {
      const store = await open();
      for (const key of ['state/loir/00001.bin', 'state/loir/00002.bin']) await store.put(key, '1');
      await store.remove('state/loir/00001.bin');
      expect(await store.get('state/loir/00001.bin')).toBeUndefined();
      expect(await store.has('state/loir/00001.bin')).toBe(false);
      await Promise.all([1, 2, 3].map(() => store.remove('state/loir/00001.bin')));
      await store.remove('state/never/there.bin');
      // What others start with is no key, and takes nothing with it.
      await store.remove('state/loir');
      expect(await store.list('')).toEqual(['state/loir/00002.bin']);
      expect(await store.putNew('state/loir/00001.bin', '2')).toBe(true);
      expect(text(await store.get('state/loir/00001.bin'))).toBe('2');
    });

    test('lists keys by prefix, sorted', async () => {
      const store = await open();
      for (const key of ['b/2.json', 'b/10.json', 'a.json', 'bc.json']) await store.put(key, '');
      expect(await store.list('b/')).toEqual(['b/10.json', 'b/2.json']);
      expect(await store.list('b')).toEqual(['b/10.json', 'b/2.json', 'bc.json']);
      expect(await store.list('')).toHaveLength(4);
      expect(await store.list('nothing/')).toEqual([]);
    });
  });
}
