import { defineConfig } from 'vitest/config';

/** Apart from the other tests: it takes minutes and root, and installs packages. */
export default defineConfig({
  test: {
    include: ['test/container/**/*.test.ts'],
    globalSetup: 'test/support/build.ts',
    testTimeout: 400_000,
  },
});
