/** For `bench/Testing.ts`, which lays it out beside `tests.ts`: one file, in one worker, without a server. */
export default {
  root: import.meta.dirname,
  test: { include: ["tests.ts"], maxWorkers: 1 },
}
