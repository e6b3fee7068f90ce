/** Exit codes (sysexits.h), documented in docs/cli.md. Nothing else ends the process. */
export const EXIT = Object.freeze({
  ok: 0,
  /** The command ran and the answer is no: no such message, not healthy. */
  no: 1,
  /** The command line was wrong. */
  usage: 64,
  /** A file was read and is not what it should be. */
  data: 65,
  /** A file does not exist or cannot be read. */
  noInput: 66,
  /** A defect of ours. */
  software: 70,
  /** Try again later: no gateway is running, or it does not answer. */
  temporary: 75,
  /** The configuration is wrong. */
  configuration: 78,
});

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
