import { defineConfig } from "vitest/config";

const project = (name: string, include: string[], timeoutMs: number) => ({
  test: {
    name,
    include,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    // One program a process: Pulumi's mocks and settings are global.
    isolate: true,
  },
});

export default defineConfig({
  test: {
    // One emulator at a time is enough for a small machine.
    fileParallelism: false,
    projects: [
      project("graph", ["test/graph/*.test.ts"], 60_000),
      project("emulator", ["test/emulator/*.test.ts"], 60_000),
      project("e2e", ["test/e2e/*.test.ts"], 120_000),
    ],
  },
});
