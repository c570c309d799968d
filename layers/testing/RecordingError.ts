import * as Data from "effect/Data"

/**
 * Why a recording cannot be made or replayed.
 *
 * - `Missing`: there is no file, and none may be recorded here.
 * - `Unreadable`: the file is none, or one of another version.
 * - `Unwritable`: the file could not be written.
 * - `Secret`: what must not get into a file would; nothing was written.
 * - `Stale`: the program does not ask what was recorded any more.
 * - `Invalid`: an option is wrong.
 *
 * @category errors
 * @since 0.1.0
 */
export class RecordingError extends Data.TaggedError("RecordingError")<{
  readonly reason: "Missing" | "Unreadable" | "Unwritable" | "Secret" | "Stale" | "Invalid"
  readonly file: string
  readonly message: string
  readonly cause?: unknown
}> {}
